package e2e

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

// Responses are read as strictly as requests: what is ambiguous is not passed on.
func TestBackendGarbageIs502(t *testing.T) {
	const line = "HTTP/1.1 200 OK\r\n"
	tests := []struct{ name, answer string }{
		{"CL and TE", line + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"two lengths", line + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
		{"signed length", line + "Content-Length: -1\r\n\r\n"},
		{"unknown coding", line + "Transfer-Encoding: gzip\r\n\r\nabc"},
		{"chunked not last", line + "Transfer-Encoding: chunked, gzip\r\n\r\nabc"},
		{"TE with HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"},
		{"bare LF in a field", line + "A: b\nContent-Length: 0\r\n\r\n"},
		{"obs-fold", line + "A: b\r\n c\r\nContent-Length: 0\r\n\r\n"},
		{"space before the colon", line + "Content-Length : 0\r\n\r\n"},
		{"NUL", line + "A: \x00\r\nContent-Length: 0\r\n\r\n"},
		{"HTTP/0.9", "<html>hello</html>\r\n\r\n"},
		{"HTTP/2", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"HTTP/2 settings", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		{"TLS alert", "\x15\x03\x01\x00\x02\x02\x28"},
		{"four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"},
		{"status 99", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"},
		{"oversized head", line + "A: " + strings.Repeat("b", 64<<10) + "\r\n\r\n"},
		{"too many fields", line + strings.Repeat("A: b\r\n", 200) + "Content-Length: 0\r\n\r\n"},
		{"1xx with garbage behind", "HTTP/1.1 103 Early Hints\r\n\r\nnonsense\r\n\r\n"},
	}
	var answer string
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		if _, err := readHead(r); err != nil {
			return
		}
		_, _ = io.WriteString(c, answer)
		_, _ = io.Copy(io.Discard, r)
	})
	w := start(t, oneCluster(backend))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer = tt.answer
			c := w.client()
			c.t = t
			res, body := c.get("/")
			for res.StatusCode == 103 {
				res, body = c.response("GET")
			}
			if res.StatusCode != 502 || res.Header.Get("Weir-Error") != "malformed_response" || res.Close {
				t.Errorf("%s, %v, %q", res.Status, res.Header, body)
			}
		})
	}
	answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
	if res, _ := w.client().get("/"); res.StatusCode != 502 || res.Header.Get("Weir-Error") != "bad_handshake" {
		t.Errorf("101 without an upgrade: %s, %v", res.Status, res.Header)
	}
	if s := w.stats(); s.Reused != 0 || s.Idle != 0 {
		t.Errorf("a connection that spoke garbage was kept: reused %d, idle %d", s.Reused, s.Idle)
	}
}
