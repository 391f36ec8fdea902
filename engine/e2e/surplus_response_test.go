package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"weir/engine/fault"
)

// oneLoop makes the clients of a test share one loop, and so its idle connections.
const oneLoop = "[engine]\nloops = 1\n"

const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

// Bytes behind a response belong to nobody. They end their connection, and the
// next client gets its answer on another one.
func TestSurplusResponseBytesReachNobody(t *testing.T) {
	for name, first := range map[string]string{
		"after a length":     ok("one") + evil,
		"after chunks":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n" + evil,
		"after a 204":        "HTTP/1.1 204 No Content\r\n\r\n" + evil,
		"after a 304":        "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" + evil,
		"a body with a 204":  "HTTP/1.1 204 No Content\r\n\r\nsurprise",
		"one byte":           ok("one") + "\n",
		"half a head":        ok("one") + "HTTP/1.1 200 OK\r\nContent-Le",
		"more than was told": "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nonetwo",
	} {
		t.Run(name, func(t *testing.T) {
			var conns atomic.Int64
			backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
				mine := conns.Add(1)
				for readRequest(r) == nil {
					if mine == 1 {
						_, _ = io.WriteString(c, first)
					} else {
						_, _ = io.WriteString(c, ok(fmt.Sprint("connection ", mine)))
					}
				}
			})
			w := start(t, oneLoop+oneCluster(backend))
			a, b := w.client(), w.client()
			if _, body := a.get("/"); strings.Contains(body, "evil") || strings.Contains(body, "two") {
				t.Errorf("the first client got %q", body)
			}
			for _, c := range []*client{b, a} {
				if _, body := c.get("/"); body != "connection 2" {
					t.Errorf("the next client got %q", body)
				}
			}
			w.requireFault(fault.SurplusResponse, 1)
		})
	}
}

// What a HEAD is answered with has no body, whatever its length says; a body that
// is there all the same must not answer the next request.
func TestBodyAfterHeadReachesNobody(t *testing.T) {
	var conns atomic.Int64
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		mine := conns.Add(1)
		for readRequest(r) == nil {
			_, _ = io.WriteString(c, ok(fmt.Sprint("connection ", mine)))
		}
	})
	w := start(t, oneLoop+oneCluster(backend))
	c := w.client()
	c.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
	if res, body := c.response("HEAD"); body != "" || res.ContentLength != int64(len("connection 1")) {
		t.Errorf("%q, length %d", body, res.ContentLength)
	}
	if _, body := w.client().get("/"); body != "connection 2" {
		t.Errorf("the next client got %q", body)
	}
}

// An endpoint that speaks on an idle connection, without being asked, loses it.
func TestBytesOnAnIdleConnectionReachNobody(t *testing.T) {
	var conns atomic.Int64
	speak := make(chan struct{})
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		mine := conns.Add(1)
		for readRequest(r) == nil {
			_, _ = io.WriteString(c, ok(fmt.Sprint("connection ", mine)))
			if mine == 1 {
				<-speak
				_, _ = io.WriteString(c, evil)
			}
		}
	})
	w := start(t, oneLoop+oneCluster(backend))
	c := w.client()
	c.get("/")
	w.eventually("the connection idles", func() bool { return w.stats().Idle == 1 })
	close(speak)
	w.eventually("the connection is closed", func() bool { return w.stats().Idle == 0 })
	w.requireFault(fault.SurplusResponse, 1)
	if _, body := c.get("/"); body != "connection 2" {
		t.Errorf("the next request got %q", body)
	}
}
