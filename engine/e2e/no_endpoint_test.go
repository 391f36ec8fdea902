package e2e

import (
	"fmt"
	"testing"
)

func TestNoRouteIs404(t *testing.T) {
	backend, seen := untouched(t)
	w := start(t, oneCluster(backend, `prefix = "/a"`))
	c := w.client()
	for range 2 { // the connection is kept
		res, body := c.get("/b")
		if res.StatusCode != 404 || res.Header.Get("Weir-Error") != "no_route" || res.Close || body == "" {
			t.Errorf("%s, %v, %q", res.Status, res.Header, body)
		}
	}
	if n := seen(); n != 0 {
		t.Errorf("the endpoint saw %d connections", n)
	}
}

func TestNoEndpointReachableIs503(t *testing.T) {
	w := start(t, oneCluster(deadAddr(t)))
	c := w.client()
	for range 2 {
		if res, _ := c.get("/"); res.StatusCode != 503 || res.Header.Get("Weir-Error") != "no_endpoint" || res.Close {
			t.Errorf("%s, %v", res.Status, res.Header)
		}
	}
}

func TestEveryEndpointIsTriedBefore503(t *testing.T) {
	w := start(t, fmt.Sprintf("[clusters.main]\nendpoints = [%q, %q, %q]\n[[routes]]\ncluster = \"main\"\n", deadAddr(t), deadAddr(t), deadAddr(t)))
	if res, _ := w.get("/"); res.StatusCode != 503 {
		t.Errorf("%s", res.Status)
	}
	if s := w.stats(); s.Dialled != 3 || s.Retries != 2 {
		t.Errorf("dialled %d, retried %d; want 3, 2", s.Dialled, s.Retries)
	}
}

func TestNextEndpointIsTriedWhenOneRefuses(t *testing.T) {
	w := start(t, fmt.Sprintf("[clusters.main]\nendpoints = [%q, %q]\nmax_idle = 0\n[[routes]]\ncluster = \"main\"\n", deadAddr(t), answering(t, ok("alive"))))
	c := w.client()
	for range 6 {
		// A request with a body, which no retry after a byte sent could carry.
		c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
		if res, body := c.response("POST"); res.StatusCode != 200 || body != "alive" {
			t.Fatalf("%s %q", res.Status, body)
		}
	}
	if s := w.stats(); s.Retries != 3 {
		t.Errorf("%d retries in 6 requests over two endpoints, want 3", s.Retries)
	}
}
