package e2e

import (
	"net"
	"testing"

	"weir/engine/fault"
)

// While a slow endpoint holds a fast client back, the client is left unread; that
// it resets the connection must be seen all the same, and at once.
func TestTunnelResetIsSeenWhilePaused(t *testing.T) {
	resetNow, seen := make(chan struct{}), make(chan error, 1)
	backend := tunnelBackend(t, func(c *net.TCPConn, _ string) {
		<-resetNow
		buf := make([]byte, 64<<10)
		for {
			if _, err := c.Read(buf); err != nil {
				seen <- err
				return
			}
		}
	})
	w := start(t, "[engine]\npause_above = \"16KiB\"\n"+oneCluster(backend))
	c, _ := w.openTunnel("/")
	go func() { _, _ = c.Write(make([]byte, 64<<20)) }()
	w.eventually("the client is held back", func() bool { return w.stats().Buffers > 0 })
	reset(c)
	// The endpoint has read nothing yet: only the client's reset can end this.
	w.requireFault(fault.TunnelReset, 1)
	close(resetNow)
	if err := <-seen; !isReset(err) {
		t.Errorf("the endpoint saw %v, want a reset", err)
	}
}
