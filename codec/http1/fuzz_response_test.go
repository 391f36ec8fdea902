package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// FuzzParseResponseHead: any input has an answer, the same however it is cut; and
// what is accepted means to net/http what it means here, its body included, which
// is whatever follows the head.
//
// We accept what net/http refuses in this case: a Trailer field that announces a
// forbidden trailer, with a chunked body. And these mean something else to it:
//   - 2xx to CONNECT, which its Transport and not ReadResponse knows about;
//   - a Content-Length beside 1xx, 204 or 304, which it may drop; no body follows
//     in either reading.
func FuzzParseResponseHead(f *testing.F) {
	f.Add([]byte(backendHead+"body"), uint16(40), uint8(MethodGET))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nHTTP"), uint16(3), uint8(MethodHEAD))
	f.Add([]byte("HTTP/1.0 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc"), uint16(9), uint8(MethodGET))
	for _, in := range attacks(f, "response") {
		f.Add([]byte(in), uint16(len(in)/2), uint8(MethodGET))
	}
	lim := Limits{HeadBytes: 4096, TargetBytes: 512, Fields: 32}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16, method uint8) {
		req := Method(method % uint8(numMethods))
		s := string(in)
		whole, code := feedResponse([]string{s}, &lim, req)
		for _, pieces := range [][]string{cutAt(s, cut), strings.Split(s, "")} {
			if split, c := feedResponse(pieces, &lim, req); split != whole || c != code {
				t.Fatalf("answer depends on the cut %q:\n%q, %v whole\n%q, %v cut", pieces, whole, code, split, c)
			}
		}
		var h ResponseHead
		n, code := ParseResponseHead(in, 0, &lim, req, &h)
		if n == 0 {
			return
		}
		if code != CodeOK || n > len(in) || len(h.Fields) > lim.Fields || h.Status < 100 || h.Status > 599 {
			t.Fatalf("n %d of %d, %v, %d fields, status %d", n, len(in), code, len(h.Fields), h.Status)
		}
		if req == MethodCONNECT || Find(h.Fields, FieldTrailer) >= 0 {
			return
		}
		compareResponse(t, in, n, req, &h)
	})
}

func compareResponse(t *testing.T, in []byte, n int, req Method, h *ResponseHead) {
	t.Helper()
	oracle, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(in)), &http.Request{Method: req.String()})
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", in[:n], err)
	}
	if h.Status != oracle.StatusCode || oracle.ProtoMajor != 1 || oracle.ProtoMinor != int(h.Minor) {
		t.Errorf("HTTP/1.%d %d, net/http has %s %d", h.Minor, h.Status, oracle.Proto, oracle.StatusCode)
	}
	_, reason, _ := strings.Cut(oracle.Status, " ")
	if got := string(trim(h.Reason.Of(in))); got != strings.Trim(reason, " \t") {
		t.Errorf("reason %q, net/http has %q", got, reason)
	}
	if h.Framing != BodyNone {
		compareFraming(t, h.Framing, h.Length, oracle.ContentLength, oracle.TransferEncoding)
		if h.KeepAlive == oracle.Close {
			t.Errorf("keep-alive %v, net/http closes: %v", h.KeepAlive, oracle.Close)
		}
	}
	delete(oracle.Header, "Content-Length")
	fields := h.Fields[:0:0]
	for _, f := range h.Fields {
		if f.ID != FieldContentLength {
			fields = append(fields, f)
		}
	}
	// A response may have a Host field, and net/http keeps it.
	delete(oracle.Header, "Host")
	compareFields(t, in, fields, oracle.Header)

	data, _, done, code := feedBody([]string{string(in[n:])}, h.Framing, h.Length)
	if code != CodeOK || !done && h.Framing != BodyUntilClose {
		return // FuzzBodyDecoder looks at those
	}
	body, err := io.ReadAll(oracle.Body)
	if string(body) != data || err != nil {
		t.Errorf("body %q, net/http has %q, %v", data, body, err)
	}
}
