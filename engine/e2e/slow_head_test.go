package e2e

import (
	"testing"

	"weir/engine/fault"
)

const quickHead = `timeouts = { request_head = "60ms" }`

func TestSlowHeadIsRefused(t *testing.T) {
	backend, seen := untouched(t)
	w := start(t, oneCluster(backend), quickHead)
	for _, in := range []string{"G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r"} {
		c := w.client()
		c.send(in)
		c.requireRefusal(408, "head_timeout")
	}
	w.requireFault(fault.HeadTimeout, 3)
	if n := seen(); n != 0 {
		t.Errorf("the endpoint saw %d connections", n)
	}
}

// Trickling does not move the deadline: it is that of the whole head.
func TestTrickledHeadIsRefused(t *testing.T) {
	backend, _ := untouched(t)
	w := start(t, oneCluster(backend), quickHead)
	c := w.client()
	go func() {
		for {
			if _, err := c.Write([]byte("G")); err != nil {
				return
			}
			pause()
		}
	}()
	res, _ := c.response("GET")
	if res.StatusCode != 408 {
		t.Errorf("%s", res.Status)
	}
	_ = c.Close()
}

// A connection on which nothing was sent is closed without a word: a browser that
// opened it ahead of need would take a 408 for the answer to its next request.
func TestSilentConnectionIsClosedSilently(t *testing.T) {
	backend, _ := untouched(t)
	w := start(t, oneCluster(backend), quickHead)
	w.client().requireEnd()
	if s := w.stats(); s.Exchanges != 0 {
		t.Errorf("%d exchanges", s.Exchanges)
	}
}

func TestIdleKeepAliveConnectionIsClosedSilently(t *testing.T) {
	w := start(t, oneCluster(answering(t, ok("x"))), `timeouts = { keep_alive_idle = "60ms" }`)
	c := w.client()
	c.get("/")
	c.requireEnd()
	w.requireFault(fault.KeepAliveTimeout, 0)
}

// The next request on a connection has the whole of its own time.
func TestSlowSecondHeadIsRefused(t *testing.T) {
	w := start(t, oneCluster(answering(t, ok("x"))), quickHead)
	c := w.client()
	c.get("/")
	c.send("GET / HT")
	c.requireRefusal(408, "head_timeout")
}
