package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// together makes n requests that are in flight at the same time.
func together(t *testing.T, n int, more string) *weir {
	t.Helper()
	var all sync.WaitGroup
	var requests atomic.Int64
	all.Add(n)
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		for readRequest(r) == nil {
			if requests.Add(1) <= int64(n) {
				all.Done()
				all.Wait()
			}
			if _, err := io.WriteString(c, ok("x")); err != nil {
				return
			}
		}
	})
	w := start(t, fmt.Sprintf("%s[clusters.main]\nendpoints = [%q]\n%s\n[[routes]]\ncluster = \"main\"\n", oneLoop, backend, more))
	var clients []*client
	for range n {
		c := w.client()
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		clients = append(clients, c)
	}
	for _, c := range clients {
		c.response("GET")
	}
	return w
}

func TestIdleUpstreamConnectionsAreCapped(t *testing.T) {
	for _, limit := range []int64{0, 1, 3} {
		w := together(t, 5, fmt.Sprintf("max_idle = %d", limit))
		w.eventually("the rest are closed", func() bool {
			s := w.stats()
			return s.Idle == limit && s.Connections == 5+limit
		})
		w.stop()
	}
}

func TestIdleUpstreamConnectionsAreClosedInTime(t *testing.T) {
	w := together(t, 3, `timeouts = { idle = "60ms" }`)
	w.eventually("they are closed", func() bool { return w.stats().Idle == 0 && w.stats().Connections == 3 })
}

// Age ends a connection, also one that is never idle for long.
func TestOldUpstreamConnectionsAreNotReused(t *testing.T) {
	w := together(t, 1, `timeouts = { lifetime = "60ms" }`)
	c := w.client()
	w.eventually("a second connection is made", func() bool {
		c.get("/")
		return w.stats().Dialled >= 2
	})
	w.eventually("the old one is closed", func() bool { return w.stats().Idle == 0 })
	if s := w.stats(); s.Retries != 0 {
		t.Errorf("%+v", s)
	}
}

// The end of an idle connection is noticed at once, not by the next request.
func TestIdleUpstreamConnectionThatEndsIsForgotten(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn){"fin": func(c *net.TCPConn) { _ = c.Close() }, "rst": reset} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			w := start(t, oneLoop+oneCluster(scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
				if readRequest(r) == nil {
					_, _ = io.WriteString(c, ok("x"))
					<-release
					end(c)
				}
			})))
			c := w.client()
			c.get("/")
			w.eventually("it idles", func() bool { return w.stats().Idle == 1 })
			close(release)
			w.eventually("it is forgotten", func() bool { return w.stats().Idle == 0 })
			c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
			if res, _ := c.response("POST"); res.StatusCode != 200 {
				t.Errorf("%s", res.Status)
			}
		})
	}
}
