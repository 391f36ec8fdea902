package e2e

import (
	"io"
	"net"
	"testing"
)

// A kept connection may die at the moment it is used again. A handshake has no
// effect before its 101, so it is sent again on a fresh one, as a GET is.
func TestHandshakeOnAStaleConnectionIsSentAgain(t *testing.T) {
	backend := rawBackend(t, func(c *net.TCPConn) {
		for served := false; ; served = true {
			head, err := readHeadOnly(c)
			if err != nil {
				return
			}
			if field(head, "Upgrade") == "-" {
				_, _ = io.WriteString(c, ok("a page"))
				continue
			}
			if served {
				return // the keep-alive deadline passed as the request came
			}
			_, _ = io.WriteString(c, switching)
			echoTunnel(c, "")
			return
		}
	})
	w := start(t, "[engine]\nloops = 1\n"+oneCluster(backend))
	c := w.client()
	if res, _ := c.get("/page"); res.StatusCode != 200 {
		t.Fatal(res.Status)
	}
	c.send(upgradeRequest("/") + "early")
	if head, err := readHeadOnly(c); err != nil || head[:12] != "HTTP/1.1 101" {
		t.Fatalf("%q, %v", head, err)
	}
	requireBytes(t, c, []byte("early"))
	if s := w.stats(); s.Reused != 1 || s.Retries != 1 || s.Dialled != 2 {
		t.Errorf("reused %d, retried %d, dialled %d; want 1, 1, 2", s.Reused, s.Retries, s.Dialled)
	}
}
