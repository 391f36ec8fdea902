package e2e

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

// Plain HTTP on a port with TLS is answered in plain HTTP, and the answer says what
// to do.
func TestPlainHTTPOnTLSPort(t *testing.T) {
	ca := tlstest.New(t)
	w := start(t, respondAll, edgeTLS(ca))
	c := w.client()
	c.send("GET /secret HTTP/1.1\r\nHost: a\r\n\r\n")
	res, body := c.response("GET")
	if res.StatusCode != 400 || res.Header.Get("Weir-Error") != "not_tls" || !res.Close || body != "Bad Request: this port speaks TLS: use https\n" {
		t.Errorf("%s, Weir-Error %q, %q", res.Status, res.Header.Get("Weir-Error"), body)
	}
	c.requireEnd()
	_ = c.Close()
	if got := w.curl(nil, "-w", "%{http_code}", "WEIR/"); got != body+"400" {
		t.Errorf("curl got %q", got)
	}
	// Whole or in pieces, with a body or without, whatever the method is.
	for _, text := range []string{"P", "POST / HT", "DELETE /x HTTP/1.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n" + strings.Repeat("x", 9)} {
		half := w.dial()
		_, _ = io.WriteString(half, text)
		_ = half.CloseWrite()
		got, err := io.ReadAll(half)
		_ = half.Close()
		if text == "P" { // might have become anything
			continue
		}
		if err != nil || !strings.Contains(string(got), "400 Bad Request") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	w.requireFault(fault.NotTLS, 6)
	w.stop()
	if line := w.lines("exchange", 6)[0]; line["fault"] != "not_tls" || line["status"] != 400.0 || line["tls"] != nil {
		t.Errorf("access log: %v", line)
	}
}

// TLS on a port without it: the client gets an answer that is no TLS, the operator a
// line that says so; one line, however many come.
func TestTLSOnPlainPort(t *testing.T) {
	w := start(t, respondAll)
	for range 5 {
		c := w.dial()
		err := tls.Client(c, smallHello()).Handshake()
		_ = c.Close()
		requireError(t, err, "first record does not look like a TLS handshake")
	}
	w.requireFault(fault.TLSOnPlainPort, 5)
	w.requireLogged(`"a client speaks TLS to a listener without TLS"`, `"listener":"edge"`)
	if n := strings.Count(w.log.String(), "a client speaks TLS"); n > 2 { // one a loop
		t.Errorf("said %d times", n)
	}
	w.stop()
	if line := w.lines("exchange", 5)[0]; line["fault"] != "tls_on_plain_port" || line["status"] != 400.0 {
		t.Errorf("access log: %v", line)
	}
}

// A connection that browsers open ahead of need and close again is no fault.
func TestTLSConnectionThatIsNeverUsed(t *testing.T) {
	ca := tlstest.New(t)
	w := start(t, respondAll, edgeTLS(ca))
	c := w.dial()
	w.eventually("it is accepted", func() bool { return w.stats().Sessions == 1 })
	_ = c.Close()
	s := w.secure(trusting(ca))
	_ = s.Close()
	w.eventually("they are gone", func() bool { return w.stats().Sessions == 0 })
	for kind, n := range w.stats().Faults {
		if n > 0 {
			t.Errorf("%d of %v", n, fault.Kind(kind))
		}
	}
	w.stop()
	if w.access.String() != "" {
		t.Errorf("access log: %s", w.access)
	}
}
