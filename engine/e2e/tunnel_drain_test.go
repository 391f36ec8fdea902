package e2e

import (
	"io"
	"net"
	"testing"
	"time"

	"weir/engine/fault"
)

// SIGTERM lets tunnels live until drain_timeout, and then cuts them; idle
// connections end at once, and nobody new is let in.
func TestDrainLetsTunnelsLiveForAWhile(t *testing.T) {
	farEnd := make(chan error, 1)
	backend := rawBackend(t, func(c *net.TCPConn) {
		head, err := readHeadOnly(c)
		if err != nil {
			return
		}
		if field(head, "Upgrade") == "-" {
			_, _ = io.WriteString(c, ok("a page"))
			return
		}
		_, _ = io.WriteString(c, switching)
		_, err = io.Copy(onlyWriter{c}, onlyReader{c})
		farEnd <- err
	})
	const drainTimeout = 600 * time.Millisecond
	w := start(t, "[engine]\ndrain_timeout = \"600ms\"\n"+oneCluster(backend))
	idle := w.client()
	if res, _ := idle.get("/page"); res.StatusCode != 200 {
		t.Fatal(res.Status)
	}
	c, _ := w.openTunnel("/")
	began := time.Now()
	w.cancel()
	idle.requireEnd()
	w.eventually("the door is shut", func() bool {
		late, err := net.Dial("tcp", w.addr)
		if err == nil {
			_ = late.Close()
		}
		return err != nil
	})
	// Still a tunnel.
	if _, err := io.WriteString(c, "still there?"); err != nil {
		t.Fatal(err)
	}
	requireBytes(t, c, []byte("still there?"))
	if n, err := c.Read(make([]byte, 1)); !isReset(err) {
		t.Errorf("the client saw %d bytes, %v at the end; want a reset", n, err)
	}
	if lived := time.Since(began); lived < drainTimeout {
		t.Errorf("the tunnel was cut after %v, want %v", lived, drainTimeout)
	}
	if err := receive(t, farEnd); !isReset(err) {
		t.Errorf("the endpoint saw %v at the end; want a reset", err)
	}
	w.stop()
	if n := w.stats().Faults[fault.Draining]; n != 1 {
		t.Errorf("%d of fault draining, want 1", n)
	}
	lines := w.tunnelLines(2)
	if l := lines[1]; l.Kind != "tunnel" || l.Fault != "draining" || l.ClosedBy != "weir" {
		t.Errorf("log line %+v", l)
	}
}

// A drain does not wait longer than the last tunnel does.
func TestDrainEndsWithTheLastTunnel(t *testing.T) {
	backend := tunnelBackend(t, echoTunnel)
	w := start(t, "[engine]\ndrain_timeout = \"1h\"\n"+oneCluster(backend))
	c, _ := w.openTunnel("/")
	w.cancel()
	if _, err := io.WriteString(c, "last"); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "last" {
		t.Errorf("%q, %v", got, err)
	}
	w.stop()
}
