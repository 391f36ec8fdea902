package e2e

import (
	"strings"
	"testing"
)

// At the limit, clients wait in the backlog, and are served when others leave.
func TestMaxConnectionsPausesAndResumes(t *testing.T) {
	w := start(t, "[engine]\nloops = 1\nmax_connections = 4\n"+oneCluster(answering(t, ok("served"))))
	var inside []*client
	for range 4 {
		c := w.client()
		c.get("/")
		inside = append(inside, c)
	}
	var waiting []*client
	for range 8 {
		c := w.client()
		c.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		waiting = append(waiting, c)
	}
	for range 20 {
		inside[0].get("/")
	}
	if s := w.stats(); s.Accepted != 4 || s.Sessions != 4 {
		t.Errorf("accepted %d with %d open, want 4, 4", s.Accepted, s.Sessions)
	}
	if !strings.Contains(w.log.String(), "connection limit reached") {
		t.Error("the log does not tell")
	}
	_ = inside[3].Close()
	for _, c := range waiting {
		if res, body := c.response("GET"); res.StatusCode != 200 || body != "served" {
			t.Errorf("%s %q", res.Status, body)
		}
	}
}
