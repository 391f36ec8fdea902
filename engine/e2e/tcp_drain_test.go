package e2e

import (
	"io"
	"net"
	"testing"
)

// SIGTERM lets connections finish, those that are still being connected too, and
// takes no new ones.
func TestTCPDrain(t *testing.T) {
	w := start(t, oneLoop+"drain_timeout = \"1h\"\n"+clusterOf("main", []string{greeting(t, "welcome"), blackhole(t)}, hasty), opaqueEdge)
	open, connecting := w.dial(), w.dial()
	requireBytes(t, open, []byte("welcome\n"))
	w.eventually("the second is being connected", func() bool { return w.stats().Connections == 4 })
	w.cancel()
	w.eventually("the door is shut", func() bool { return !accepts(w.addr) })
	requireGreeting(t, connecting, "welcome")
	requireEcho(t, open)
	w.stop()
	if rest, err := io.ReadAll(open); len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

// At max_connections, clients wait in the backlog and are served when others leave.
func TestTCPMaxConnections(t *testing.T) {
	w := start(t, oneLoop+"max_connections = 2\n"+mainCluster(greeting(t, "welcome")), opaqueEdge)
	first, second, waiting := w.dial(), w.dial(), w.dial()
	requireBytes(t, first, []byte("welcome\n"))
	requireBytes(t, second, []byte("welcome\n"))
	if s := w.stats(); s.Sessions != 2 || s.Accepted != 2 {
		t.Errorf("%d sessions, %d accepted; want 2, 2", s.Sessions, s.Accepted)
	}
	requireEcho(t, first)
	requireGreeting(t, waiting, "welcome")
	requireEcho(t, second)
}

// accepts reports whether somebody listens on addr.
func accepts(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}
