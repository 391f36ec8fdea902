package e2e

import (
	"strings"
	"testing"
)

// What concerns one connection ends at weir (RFC 9110 7.6.1), in both directions,
// and so does what Connection nominates.
func TestHopByHopFieldsAreRemoved(t *testing.T) {
	const hop = "Connection: keep-alive, X-Hop\r\nConnection: x-second\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n" +
		"TE: trailers\r\nX-Hop: 1\r\nX-Second: 1\r\n"
	gone := []string{"Connection", "Keep-Alive", "Proxy-Connection", "TE", "X-Hop", "X-Second", "Upgrade", "Trailer"}

	backend, heads := heard(t)
	w := start(t, oneCluster(backend))
	w.raw("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nTrailer: X\r\nX-End: 1\r\nConnection: close, upgrade, http2-settings\r\n" + hop + "\r\n")
	head := receive(t, heads)
	for _, name := range append(gone, "HTTP2-Settings") {
		if v := field(head, name); v != "-" {
			t.Errorf("%s: %s went upstream", name, v)
		}
	}
	if field(head, "X-End") != "1" {
		t.Errorf("an end-to-end field is missing: %q", head)
	}

	w = start(t, oneCluster(answering(t, "HTTP/1.1 200 OK\r\nX-End: 1\r\nTrailer: X\r\nUpgrade: h2c\r\n"+hop+"Content-Length: 0\r\n\r\n")))
	c := w.client()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	head, err := readHead(c.r)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range gone {
		if v := field(head, name); v != "-" {
			t.Errorf("%s: %s came downstream", name, v)
		}
	}
	if field(head, "X-End") != "1" {
		t.Errorf("an end-to-end field is missing: %q", head)
	}
}

// Connection cannot be used to strip what the endpoint relies on.
func TestConnectionCannotNominateWhatWeirAdds(t *testing.T) {
	for _, name := range []string{"X-Forwarded-For", "X-Request-Id", "Via", "Host"} {
		backend, heads := heard(t)
		w := start(t, oneCluster(backend))
		got := w.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, " + name + "\r\n\r\n")
		if strings.HasPrefix(got, "HTTP/1.1 400 ") {
			continue
		}
		if v := field(receive(t, heads), name); v == "-" {
			t.Errorf("%s was stripped", name)
		}
	}
}

// Names, values, order and repetition of everything else are kept as they came.
func TestOtherFieldsPassUnchanged(t *testing.T) {
	backend, heads := heard(t)
	w := start(t, oneCluster(backend))
	const fields = "aCCept: x\r\nCookie: a=b\r\nCookie: c=d\r\nX-Empty: \r\nX-Utf: \xc3\xa9\r\nAuthorization: Basic eDp5\r\n"
	w.raw("GET /?q=%20&r HTTP/1.1\r\nHost: EXAMPLE.com:80\r\n" + fields + "Connection: close\r\n\r\n")
	head := receive(t, heads)
	if !strings.HasPrefix(head, "GET /?q=%20&r HTTP/1.1\r\nHost: EXAMPLE.com:80\r\n") {
		t.Errorf("%q", head)
	}
	for line := range strings.Lines(fields) {
		if !strings.Contains(head, "\r\n"+line) {
			t.Errorf("%q is missing in %q", line, head)
		}
	}
}
