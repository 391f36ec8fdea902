package e2e

import (
	"bufio"
	"io"
	"net"
	"testing"
)

// dripping writes one byte a segment (TCP_NODELAY is Go's default).
func dripping(c io.Writer, text string) {
	for i := range len(text) {
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
	}
}

// Every byte in a segment of its own, in both directions: the answer is the same.
func TestOneByteSegments(t *testing.T) {
	tests := []struct{ name, request, answer, seen, body string }{
		{"lengths", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", ok("world"), "hello", "world"},
		{"chunks", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nT: x\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nw\r\n4;x\r\norld\r\n0\r\nT: x\r\n\r\n", "hello", "world"},
		{"interim", "POST /x HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok("world"), "hello", "world"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := make(chan string, 4)
			backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
				for {
					body, err := bodyOf(r)
					if err != nil {
						return
					}
					seen <- body
					dripping(c, tt.answer)
				}
			})
			w := start(t, oneCluster(backend))
			c := w.client()
			go dripping(c, tt.request)
			if res, body := c.response("POST"); res.StatusCode != 200 || body != tt.body {
				t.Errorf("%s %q", res.Status, body)
			}
			if got := receive(t, seen); got != tt.seen {
				t.Errorf("the endpoint saw %q", got)
			}
		})
	}
}

// A response that outruns one read, in a client that takes it in small pieces.
func TestLargeBodiesArriveWhole(t *testing.T) {
	content := pattern(3, 5<<20)
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		body, err := bodyOf(r)
		if err == nil && body == string(content) {
			_, _ = io.WriteString(c, ok(string(content)))
		}
	})
	w := start(t, oneCluster(backend))
	c := w.narrowClient()
	go func() {
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5242880\r\n\r\n")
		_, _ = c.Write(content)
	}()
	if _, body := c.response("POST"); body != string(content) {
		t.Errorf("%d bytes, not the ones sent", len(body))
	}
}
