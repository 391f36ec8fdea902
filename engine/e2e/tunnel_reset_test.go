package e2e

import (
	"io"
	"net"
	"testing"

	"weir/engine/fault"
)

// A reset means that bytes were lost; an orderly end in its place would hide it.
func TestTunnelResetGoesThrough(t *testing.T) {
	for _, by := range []string{"client", "endpoint"} {
		t.Run("from the "+by, func(t *testing.T) {
			seen := make(chan error, 1)
			backend := tunnelBackend(t, func(c *net.TCPConn, target string) {
				hello := make([]byte, 5)
				if _, err := io.ReadFull(c, hello); err != nil {
					seen <- err
					return
				}
				if target == "/endpoint" {
					reset(c)
					seen <- nil
					return
				}
				_, _ = c.Write(hello)
				_, err := c.Read(hello)
				seen <- err
			})
			w := start(t, oneCluster(backend))
			c, _ := w.openTunnel("/" + by)
			if _, err := io.WriteString(c, "hello"); err != nil {
				t.Fatal(err)
			}
			if by == "client" {
				if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
					t.Fatal(err)
				}
				reset(c)
				if err := <-seen; !isReset(err) {
					t.Errorf("the endpoint saw %v, want a reset", err)
				}
			} else {
				<-seen
				if n, err := c.Read(make([]byte, 5)); !isReset(err) {
					t.Errorf("the client saw %d bytes, %v; want a reset", n, err)
				}
			}
			w.requireFault(fault.TunnelReset, 1)
			line := w.onlyLine()
			if line.Fault != "tunnel_reset" || line.ClosedBy != by || line.Kind != "tunnel" {
				t.Errorf("log line %+v; want tunnel_reset by %s", line, by)
			}
		})
	}
}

// Bytes, FIN and then silence from the other side: a peer that is gone for good
// answers the next bytes with RST, and that ends the tunnel at once.
func TestTunnelEndsWhenThePeerIsGone(t *testing.T) {
	goOn := make(chan struct{})
	failed := make(chan error, 1)
	backend := tunnelBackend(t, func(c *net.TCPConn, _ string) {
		_, _ = io.ReadAll(c)
		<-goOn
		chunk := make([]byte, 16<<10)
		for {
			if _, err := c.Write(chunk); err != nil {
				failed <- err
				return
			}
		}
	})
	w := start(t, oneCluster(backend))
	c, _ := w.openTunnel("/")
	_ = c.Close()
	close(goOn)
	if err := <-failed; !isReset(err) {
		t.Errorf("the endpoint's writes ended with %v, want a reset", err)
	}
	w.requireFault(fault.TunnelReset, 1)
}
