package e2e

import (
	"io"
	"net"
	"testing"
	"time"

	"weir/engine/fault"
)

// The other deadlines of a session, all far shorter than what the tests below take.
const (
	shortEdge  = "[listeners.edge.timeouts]\nrequest_head = \"200ms\"\nbody_idle = \"200ms\"\nkeep_alive_idle = \"200ms\"\n"
	shortRoute = "timeouts = { response = \"200ms\", response_idle = \"200ms\", tunnel_idle = \"500ms\" }"
	tunnelIdle = 500 * time.Millisecond
)

func shortTimeouts(backend string) string { return shortEdge + oneCluster(backend, shortRoute) }

// A tunnel in which nobody speaks ends after tunnel_idle, which no other deadline
// shortens.
func TestSilentTunnelEnds(t *testing.T) {
	ended := make(chan time.Time, 1)
	backend := tunnelBackend(t, func(c *net.TCPConn, _ string) {
		_, _ = io.ReadAll(c)
		ended <- time.Now()
	})
	w := start(t, shortTimeouts(backend))
	began := time.Now()
	c, _ := w.openTunnel("/")
	if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
		t.Errorf("the client got %q, %v; want an end", rest, err)
	}
	for _, at := range []time.Time{time.Now(), receive(t, ended)} {
		if lived := at.Sub(began); lived < tunnelIdle {
			t.Errorf("the tunnel lived %v, want %v", lived, tunnelIdle)
		}
	}
	w.requireFault(fault.TunnelIdle, 1)
	if line := w.onlyLine(); line.Fault != "tunnel_idle" || line.ClosedBy != "weir" || line.Duration < 500 {
		t.Errorf("log line %+v", line)
	}
}

// Bytes in either direction keep a tunnel for as long as they come.
func TestTrafficKeepsATunnel(t *testing.T) {
	const steps = 11
	speak := func(c *net.TCPConn) {
		for range steps {
			time.Sleep(tunnelIdle / 8)
			if _, err := c.Write([]byte("x")); err != nil {
				return
			}
		}
		_ = c.CloseWrite()
	}
	for _, by := range []string{"client", "endpoint"} {
		t.Run("the "+by+"'s", func(t *testing.T) {
			heard := make(chan int, 1)
			backend := tunnelBackend(t, func(c *net.TCPConn, target string) {
				if target == "/endpoint" {
					speak(c)
				}
				got, _ := io.ReadAll(c)
				heard <- len(got)
			})
			w := start(t, shortTimeouts(backend))
			c, _ := w.openTunnel("/" + by)
			if by == "client" {
				speak(c)
			}
			got, err := io.ReadAll(c)
			_ = c.Close()
			up, down := receive(t, heard), len(got)
			if want := (map[string][2]int{"client": {steps, 0}, "endpoint": {0, steps}})[by]; err != nil || up != want[0] || down != want[1] {
				t.Errorf("%d bytes up, %d down, %v; want %v", up, down, err, want)
			}
			if line := w.onlyLine(); line.Fault != "" || line.Duration < 500 {
				t.Errorf("log line %+v", line)
			}
		})
	}
}

// A tunnel of which one direction has ended is still one tunnel: silence ends it.
func TestSilentHalfClosedTunnelEnds(t *testing.T) {
	over := make(chan struct{})
	backend := tunnelBackend(t, func(c *net.TCPConn, _ string) {
		_, _ = io.ReadAll(c)
		_, _ = c.Write([]byte("x"))
		<-over // never ends its own direction
	})
	w := start(t, shortTimeouts(backend))
	c, _ := w.openTunnel("/")
	_ = c.CloseWrite()
	if got, err := io.ReadAll(c); string(got) != "x" || err != nil {
		t.Errorf("the client got %q, %v", got, err)
	}
	close(over)
	w.requireFault(fault.TunnelIdle, 1)
}
