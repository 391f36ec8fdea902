package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// cutAt splits s in two at a place that cut chooses.
func cutAt(s string, cut uint16) []string {
	k := int(cut) % (len(s) + 1)
	return []string{s[:k], s[k:]}
}

// FuzzParseRequestHead: any input has an answer, the same however it is cut; and
// what is accepted means to net/http what it means here.
//
// That is one direction only: we refuse much that net/http repairs. We accept what
// it refuses in these cases:
//   - an empty line before the request: RFC 9112 2.2 asks for that;
//   - a Trailer field that announces a forbidden trailer, with a chunked body:
//     trailers and Trailer are dropped here, so nothing is at stake.
func FuzzParseRequestHead(f *testing.F) {
	f.Add([]byte(browserHead), uint16(40))
	for _, file := range attacks(f, "request") {
		f.Add([]byte(file), uint16(len(file)/2))
	}
	lim := Limits{HeadBytes: 4096, TargetBytes: 512, Fields: 32}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		s := string(in)
		whole, code := feedRequest([]string{s}, &lim)
		for _, pieces := range [][]string{cutAt(s, cut), strings.Split(s, "")} {
			if split, c := feedRequest(pieces, &lim); split != whole || c != code {
				t.Fatalf("answer depends on the cut %q:\n%q, %v whole\n%q, %v cut", pieces, whole, code, split, c)
			}
		}
		var h RequestHead
		n, code := ParseRequestHead(in, 0, &lim, &h)
		if n == 0 {
			return
		}
		if code != CodeOK || n > len(in) || len(h.Fields) > lim.Fields || int(h.Target.Len) > lim.TargetBytes {
			t.Fatalf("n %d of %d, %v, %d fields", n, len(in), code, len(h.Fields))
		}
		if h.Framing == BodyChunked && Find(h.Fields, FieldTrailer) >= 0 {
			return
		}
		compareRequest(t, in[:n], &h)
		reparseRequest(t, in[:n], &h)
	})
}

func compareRequest(t *testing.T, head []byte, h *RequestHead) {
	t.Helper()
	oracle, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(bytes.TrimPrefix(head, []byte("\r\n")))))
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", head, err)
	}
	if got := string(h.MethodName.Of(head)); got != oracle.Method {
		t.Errorf("method %q, net/http has %q", got, oracle.Method)
	}
	if got := string(h.Target.Of(head)); got != oracle.RequestURI {
		t.Errorf("target %q, net/http has %q", got, oracle.RequestURI)
	}
	if got := string(h.Host.Of(head)); got != oracle.Host {
		t.Errorf("host %q, net/http has %q", got, oracle.Host)
	}
	if h.Method != MethodCONNECT {
		got, err := url.PathUnescape(string(h.Path.Of(head)))
		if err != nil || got != oracle.URL.Path {
			t.Errorf("path %q, net/http has %q", got, oracle.URL.Path)
		}
		if got := string(h.Query.Of(head)); got != oracle.URL.RawQuery || h.HasQuery != (got != "" || oracle.URL.ForceQuery) {
			t.Errorf("query %q, net/http has %q", got, oracle.URL.RawQuery)
		}
	}
	if oracle.ProtoMajor != 1 || oracle.ProtoMinor != int(h.Minor) {
		t.Errorf("HTTP/1.%d, net/http has %s", h.Minor, oracle.Proto)
	}
	if h.KeepAlive == oracle.Close {
		t.Errorf("keep-alive %v, net/http closes: %v", h.KeepAlive, oracle.Close)
	}
	compareFraming(t, h.Framing, h.Length, oracle.ContentLength, oracle.TransferEncoding)
	compareFields(t, head, h.Fields, oracle.Header)
}

func compareFraming(t *testing.T, f Framing, length, oracleLength int64, coding []string) {
	t.Helper()
	if chunked := slices.Equal(coding, []string{"chunked"}); chunked != (f == BodyChunked) {
		t.Errorf("framing %v, net/http has %q", f, coding)
	}
	if f == BodyLength && length != oracleLength {
		t.Errorf("length %d, net/http has %d", length, oracleLength)
	}
	if f == BodyNone && oracleLength > 0 {
		t.Errorf("no body, net/http has %d bytes", oracleLength)
	}
}

// compareFields wants the same names and values in the same order, but for the
// fields that net/http moves elsewhere or adds.
func compareFields(t *testing.T, head []byte, fields []Field, oracle http.Header) {
	t.Helper()
	got := http.Header{}
	for _, f := range fields {
		switch f.ID {
		case FieldHost, FieldTransferEncoding, FieldTrailer:
			continue
		}
		name := textproto.CanonicalMIMEHeaderKey(string(f.Name.Of(head)))
		got[name] = append(got[name], string(f.Value.Of(head)))
	}
	for name, values := range oracle {
		switch name {
		case "Cache-Control": // net/http makes one out of a Pragma
			continue
		case "Trailer":
			continue
		}
		if !slices.Equal(got[name], values) {
			t.Errorf("field %s is %q, net/http has %q", name, got[name], values)
		}
		delete(got, name)
	}
	delete(got, "Cache-Control")
	if len(got) > 0 {
		t.Errorf("net/http has no %q", got)
	}
}

// reparseRequest writes what was understood as a session forwards it, and wants to
// understand the same again.
func reparseRequest(t *testing.T, head []byte, h *RequestHead) {
	t.Helper()
	if h.Host.Len == 0 || h.Method == MethodCONNECT {
		return
	}
	out := AppendRequestLine(nil, h.MethodName.Of(head), h.Path.Of(head), h.Query.Of(head), h.HasQuery)
	if Find(h.Fields, FieldHost) < 0 {
		out = AppendField(out, []byte("Host"), h.Host.Of(head))
	}
	out = AppendFields(out, head, h.Fields)
	if h.Framing == BodyChunked {
		out = AppendFieldString(out, "Transfer-Encoding", "chunked")
	}
	out = append(out, "\r\n"...)
	var again RequestHead
	n, code := ParseRequestHead(out, 0, &DefaultLimits, &again)
	if n != len(out) || code != CodeOK {
		t.Fatalf("%q, forwarded as %q, is refused: %v", head, out, code)
	}
	if !equalFold(again.Host.Of(out), h.Host.Of(head)) || again.Framing != h.Framing || again.Length != h.Length ||
		string(again.Query.Of(out)) != string(h.Query.Of(head)) {
		t.Fatalf("%q, forwarded as %q, has another meaning", head, out)
	}
}

// attacks returns the bytes of every file of the smuggling corpus of that kind.
func attacks(f *testing.F, kind string) (all []string) {
	for _, file := range corpus(f) {
		if k, _, in := readAttack(f, file); k == kind {
			all = append(all, in)
		}
	}
	return all
}
