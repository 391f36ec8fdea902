package e2e

import "testing"

// Every one of these is ambiguous to somebody, or not HTTP/1 at all. It is
// answered, the connection ends, and no endpoint hears of it.
func TestMalformedHeadIsRefused(t *testing.T) {
	const line, host = "GET / HTTP/1.1\r\n", "Host: a\r\n"
	tests := []struct {
		name, in string
		status   int
		fault    string
	}{
		{name: "CL and TE", in: "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{name: "TE and CL", in: "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
		{name: "two differing lengths", in: "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
		{name: "two equal lengths", in: "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"},
		{name: "list of lengths", in: "POST / HTTP/1.1\r\n" + host + "Content-Length: 1, 1\r\n\r\na"},
		{name: "signed length", in: "POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\na"},
		{name: "length beyond an int64", in: "POST / HTTP/1.1\r\n" + host + "Content-Length: 18446744073709551617\r\n\r\na"},
		{name: "chunked twice", in: "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
		{name: "chunked is not last", in: "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"},
		{name: "unknown coding", in: "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", status: 501, fault: "transfer_coding_unsupported"},
		{name: "TE from HTTP/1.0", in: "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{name: "obs-fold", in: line + host + "A: b\r\n c\r\n\r\n"},
		{name: "fold before the first field", in: line + " " + host + "\r\n"},
		{name: "bare LF", in: "GET / HTTP/1.1\nHost: a\n\n"},
		{name: "bare LF in a field", in: line + "Host: a\nB: c\r\n\r\n"},
		{name: "bare CR", in: line + host + "A: b\rc\r\n\r\n"},
		{name: "space before the colon", in: line + "Host : a\r\n\r\n"},
		{name: "tab before the colon", in: "POST / HTTP/1.1\r\n" + host + "Content-Length\t: 1\r\n\r\na"},
		{name: "no field name", in: line + host + ": b\r\n\r\n"},
		{name: "no colon", in: line + host + "A b\r\n\r\n"},
		{name: "NUL in a value", in: line + host + "A: b\x00c\r\n\r\n"},
		{name: "NUL in the target", in: "GET /\x00 HTTP/1.1\r\n" + host + "\r\n"},
		{name: "no Host", in: line + "\r\n"},
		{name: "two Hosts", in: line + host + host + "\r\n"},
		{name: "Host with a path", in: line + "Host: a/b\r\n\r\n"},
		{name: "Host with user information", in: line + "Host: u@a\r\n\r\n"},
		{name: "absolute form for another host", in: "GET http://b/ HTTP/1.1\r\n" + host + "\r\n"},
		{name: "asterisk with GET", in: "GET * HTTP/1.1\r\n" + host + "\r\n"},
		{name: "fragment", in: "GET /a#b HTTP/1.1\r\n" + host + "\r\n"},
		{name: "two spaces", in: "GET  / HTTP/1.1\r\n" + host + "\r\n"},
		{name: "HTTP/0.9", in: "GET /\r\n\r\n"},
		{name: "lower-case version", in: "GET / http/1.1\r\n" + host + "\r\n"},
		{name: "HTTP/1.2", in: "GET / HTTP/1.2\r\n" + host + "\r\n", status: 505, fault: "version_unsupported"},
		{name: "HTTP/2 preface", in: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", status: 505, fault: "version_unsupported"},
		{name: "TLS ClientHello", in: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", status: 400, fault: "tls_on_plain_port"},
		{name: "garbage", in: "\xff\xfe\xfd\xfc"},
		{name: "unknown expectation", in: "POST / HTTP/1.1\r\n" + host + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", status: 417, fault: "expectation_unsupported"},
		{name: "Connection names a framing field", in: "POST / HTTP/1.1\r\n" + host + "Connection: content-length\r\nContent-Length: 1\r\n\r\na"},
	}
	backend, seen := untouched(t)
	w := start(t, oneCluster(backend))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.status == 0 {
				tt.status, tt.fault = 400, "malformed_request"
			}
			c := w.client()
			c.t = t
			c.send(tt.in)
			c.requireRefusal(tt.status, tt.fault)
		})
	}
	if n := seen(); n != 0 || w.stats().Dialled != 0 {
		t.Errorf("the endpoint saw %d connections, weir dialled %d", n, w.stats().Dialled)
	}
}

// What a refused client goes on sending is read and dropped for a while, so that
// the answer is not lost to a reset (RFC 9112 9.6).
func TestRefusalReachesAClientThatSendsOn(t *testing.T) {
	backend, _ := untouched(t)
	w := start(t, oneCluster(backend))
	c := w.client()
	c.send("GET / HTTP/1.1\r\nHost : a\r\n\r\n")
	block := make([]byte, 64<<10)
	for range 16 {
		if _, err := c.Write(block); err != nil {
			t.Fatalf("reset while sending: %v", err)
		}
	}
	c.requireRefusal(400, "malformed_request")
}

func TestMethodsThatAreNotCarried(t *testing.T) {
	backend, seen := untouched(t)
	w := start(t, oneCluster(backend))
	for _, in := range []string{"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"} {
		c := w.client()
		c.send(in)
		if res, _ := c.response("GET"); res.StatusCode != 501 || res.Header.Get("Weir-Error") != "method_unsupported" {
			t.Errorf("%q: %s", in, res.Status)
		}
	}
	if n := seen(); n != 0 {
		t.Errorf("the endpoint saw %d connections", n)
	}
}
