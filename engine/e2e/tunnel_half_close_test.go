package e2e

import (
	"io"
	"net"
	"testing"
)

// Either side may end its direction with FIN; the other direction goes on for as
// long as its sender likes.
func TestTunnelHalfClose(t *testing.T) {
	tests := []struct {
		name     string
		target   string // who ends first
		closedBy string
	}{
		{"from the client", "/client", "client"},
		{"from the endpoint", "/endpoint", "endpoint"},
	}
	// first ends its direction behind its last bytes. second sees that end, and
	// only then sends a reply, which first must still get.
	first := func(c *net.TCPConn) (reply []byte, err error) {
		if _, err = io.WriteString(c, "last words"); err != nil {
			return nil, err
		}
		if err = c.CloseWrite(); err != nil {
			return nil, err
		}
		return io.ReadAll(c)
	}
	answer := pattern(1, 300<<10)
	second := func(c *net.TCPConn) (heard []byte, err error) {
		if heard, err = io.ReadAll(c); err != nil {
			return heard, err
		}
		if _, err = c.Write(answer); err != nil {
			return heard, err
		}
		return heard, c.CloseWrite()
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			type result struct {
				data []byte
				err  error
			}
			atEndpoint := make(chan result, 1)
			backend := tunnelBackend(t, func(c *net.TCPConn, target string) {
				var r result
				if target == "/endpoint" {
					r.data, r.err = first(c)
				} else {
					r.data, r.err = second(c)
				}
				atEndpoint <- r
			})
			w := start(t, oneCluster(backend))
			c, _ := w.openTunnel(tt.target)
			var here, words, reply result
			if tt.target == "/client" {
				here.data, here.err = first(c)
				reply, words = here, <-atEndpoint
			} else {
				here.data, here.err = second(c)
				words, reply = here, <-atEndpoint
			}
			if words.err != nil || string(words.data) != "last words" {
				t.Errorf("before the FIN came %q, %v", words.data, words.err)
			}
			if reply.err != nil || string(reply.data) != string(answer) {
				t.Errorf("after the FIN came %d bytes, %v; want %d", len(reply.data), reply.err, len(answer))
			}
			if line := w.onlyLine(); line.ClosedBy != tt.closedBy || line.Fault != "" {
				t.Errorf("closed by %q, fault %q; want %q and none", line.ClosedBy, line.Fault, tt.closedBy)
			}
		})
	}
}

// A direction that has ended stays ended, and the open one is not idle because of
// it: many small messages still pass.
func TestTunnelTalksOnAfterHalfClose(t *testing.T) {
	backend := tunnelBackend(t, func(c *net.TCPConn, _ string) {
		if _, err := io.ReadAll(c); err != nil {
			return
		}
		for i := range 200 {
			if _, err := c.Write([]byte{byte(i)}); err != nil {
				return
			}
		}
	})
	w := start(t, oneCluster(backend))
	c, _ := w.openTunnel("/")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || len(got) != 200 || got[199] != 199 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}
