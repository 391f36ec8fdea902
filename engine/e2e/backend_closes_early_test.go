package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

func TestBackendThatEndsWithoutAnAnswerIs502(t *testing.T) {
	tests := []struct {
		name, fault string
		end         func(c *net.TCPConn, r *bufio.Reader)
	}{
		{"closes", "upstream_closed", func(_ *net.TCPConn, r *bufio.Reader) { _, _ = readHead(r) }},
		{"half-closes", "upstream_closed", func(c *net.TCPConn, r *bufio.Reader) {
			_, _ = readHead(r)
			_ = c.CloseWrite()
			_, _ = io.Copy(io.Discard, r)
		}},
		{"resets", "upstream_reset", func(c *net.TCPConn, r *bufio.Reader) {
			_, _ = readHead(r)
			reset(c)
		}},
		{"closes inside the head", "upstream_closed", func(c *net.TCPConn, r *bufio.Reader) {
			_, _ = readHead(r)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConte")
		}},
		{"closes after early hints", "upstream_closed", func(c *net.TCPConn, r *bufio.Reader) {
			_, _ = readHead(r)
			_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, oneCluster(scripted(t, tt.end)))
			c := w.client()
			for range 2 {
				res, _ := c.get("/")
				for res.StatusCode == 103 {
					res, _ = c.response("GET")
				}
				if res.StatusCode != 502 || res.Header.Get("Weir-Error") != tt.fault || res.Close {
					t.Errorf("%s, %v", res.Status, res.Header)
				}
			}
			if s := w.stats(); s.Retries != 0 || s.Dialled != 2 {
				t.Errorf("a request was sent twice on fresh connections: retries %d, dialled %d", s.Retries, s.Dialled)
			}
		})
	}
}

// dying answers the first request of its first connection, and resets that
// connection at the second one: an idle connection that died unseen. Later
// connections live.
func dying(t *testing.T, before string) (addr string, requests *atomic.Int64) {
	t.Helper()
	var conns atomic.Int64
	requests = &atomic.Int64{}
	return scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		mine := conns.Add(1)
		for k := 1; readRequest(r) == nil; k++ {
			requests.Add(1)
			if mine == 1 && k == 2 {
				_, _ = io.WriteString(c, before)
				reset(c)
				return
			}
			_, _ = io.WriteString(c, ok(fmt.Sprint("connection ", mine)))
		}
	}), requests
}

func TestRequestIsSentAgainOnlyIfItMay(t *testing.T) {
	const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
	tests := []struct {
		name, request, before string
		again                 bool
	}{
		{"GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", true},
		{"PUT with a short body", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "", true},
		{"POST", post, "", false},
		{"PATCH", "PATCH / HTTP/1.1\r\nHost: a\r\n\r\n", "", false},
		{"PUT in chunks", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "", false},
		{"GET after a byte of the answer", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "H", false},
		{"GET after early hints", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			backend, requests := dying(t, tt.before)
			w := start(t, oneLoop+oneCluster(backend))
			c := w.client()
			c.get("/")
			w.eventually("the connection idles", func() bool { return w.stats().Idle == 1 })
			c.send(tt.request)
			res, body := c.response("GET")
			for res.StatusCode == 103 {
				res, body = c.response("GET")
			}
			if tt.again {
				if res.StatusCode != 200 || body != "connection 2" {
					t.Errorf("%s %q", res.Status, body)
				}
				if s := w.stats(); s.Retries != 1 || requests.Load() != 3 {
					t.Errorf("retries %d, requests %d; want 1, 3", s.Retries, requests.Load())
				}
				return
			}
			if res.StatusCode != 502 {
				t.Errorf("%s %q", res.Status, body)
			}
			if s := w.stats(); s.Retries != 0 || requests.Load() != 2 {
				t.Errorf("retries %d, requests %d; want 0, 2", s.Retries, requests.Load())
			}
		})
	}
}

// One retry, and no more: two dead connections are no accident.
func TestRequestIsSentAgainOnce(t *testing.T) {
	var requests atomic.Int64
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		if readRequest(r) != nil {
			return
		}
		if requests.Add(1) == 1 {
			_, _ = io.WriteString(c, ok("first"))
			_ = readRequest(r)
			requests.Add(1)
		}
		reset(c)
	})
	w := start(t, oneLoop+oneCluster(backend))
	c := w.client()
	c.get("/")
	w.eventually("the connection idles", func() bool { return w.stats().Idle == 1 })
	if res, _ := c.get("/"); res.StatusCode != 502 || requests.Load() != 3 {
		t.Errorf("%s after %d requests, want 502 after 3", res.Status, requests.Load())
	}
}
