package e2e

import (
	"bufio"
	"io"
	"net"
	"testing"

	"weir/engine/fault"
)

// A client that leaves takes its request along: the endpoint sees its connection
// end at once, and not by a FIN that could be taken for the end of a body.
func TestClientVanishes(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
	tests := []struct{ name, request, answer string }{
		{"inside the request body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", ""},
		{"inside a chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", ""},
		{"while waiting", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
		{"inside the response", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", head},
		{"inside both bodies", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", head},
	}
	for _, leave := range []string{"fin", "rst"} {
		for _, tt := range tests {
			t.Run(tt.name+" by "+leave, func(t *testing.T) {
				arrived, ended := make(chan struct{}), make(chan error, 1)
				backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
					if _, err := readHead(r); err != nil {
						return
					}
					_, _ = io.WriteString(c, tt.answer)
					close(arrived)
					_, err := io.Copy(io.Discard, r)
					ended <- err
				})
				w := start(t, oneCluster(backend))
				c := w.client()
				c.send(tt.request)
				receive(t, arrived)
				if tt.answer != "" {
					if _, err := c.r.Peek(1); err != nil {
						t.Fatal(err)
					}
				}
				if leave == "rst" {
					reset(c.TCPConn)
				} else {
					_ = c.Close()
				}
				if err := receive(t, ended); !isReset(err) {
					t.Errorf("the endpoint saw an orderly end: %v", err)
				}
				w.eventually("the fault is counted", func() bool {
					s := w.stats()
					return s.Faults[fault.ClientClosed]+s.Faults[fault.ClientReset] == 1
				})
			})
		}
	}
}

// A pipelined request behind the one that is waited for does not hide the end.
func TestClientVanishesBehindAPipelinedRequest(t *testing.T) {
	backend, ended := held(t, "")
	w := start(t, oneCluster(backend))
	c := w.client()
	c.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
	w.eventually("the request is under way", func() bool { return w.stats().Connections == 2 })
	reset(c.TCPConn)
	if err := receive(t, ended); !isReset(err) {
		t.Errorf("the endpoint saw an orderly end: %v", err)
	}
}
