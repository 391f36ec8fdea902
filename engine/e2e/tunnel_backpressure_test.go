package e2e

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// flood sends total bytes, hashed. It reports once on stalled when the peer has
// taken nothing for a while, and goes on when it takes bytes again.
func flood(c *net.TCPConn, total int, sum hash.Hash, stalled chan<- struct{}) error {
	block := pattern(8, 256<<10)
	for sent := 0; sent < total; {
		_ = c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := c.Write(block[sent%len(block) : min(len(block), sent%len(block)+total-sent)])
		sum.Write(block[sent%len(block):][:n])
		sent += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if stalled != nil {
				close(stalled)
				stalled = nil
			}
			err = nil
		}
		if err != nil {
			if stalled != nil {
				close(stalled) // whoever waits for it is to see what err leads to
			}
			return err
		}
	}
	if stalled != nil {
		close(stalled)
		return errors.Join(errors.New("the sender was never held back"), c.CloseWrite())
	}
	return c.CloseWrite()
}

// A peer that reads nothing blocks its sender, and weir holds no more than the
// high mark and one read. When the peer reads again, all of it arrives.
func TestTunnelBackPressure(t *testing.T) {
	// More than the buffers of four sockets may grow to (tcp_rmem, tcp_wmem).
	const total = 96 << 20
	for _, from := range []string{"client", "endpoint"} {
		t.Run("from the "+from, func(t *testing.T) {
			stalled, read := make(chan struct{}), make(chan struct{})
			sent, got := sha256.New(), sha256.New()
			ended := make(chan error, 2)
			take := func(c *net.TCPConn) error {
				<-read
				_, err := io.Copy(got, onlyReader{c})
				return errors.Join(err, c.CloseWrite())
			}
			backend := tunnelBackend(t, func(c *net.TCPConn, target string) {
				if target == "/client" {
					ended <- take(c)
				} else {
					ended <- flood(c, total, sent, stalled)
				}
				_, _ = io.Copy(io.Discard, c)
			})
			w := start(t, "[engine]\npause_above = \"64KiB\"\n"+oneCluster(backend))
			c, _ := w.openTunnel("/" + from)
			go func() {
				if from == "client" {
					ended <- flood(c, total, sent, stalled)
				} else {
					ended <- take(c)
				}
			}()
			var most atomic.Int64
			watch, watched := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(watched)
				for {
					most.Store(max(most.Load(), w.stats().Buffers))
					select {
					case <-watch:
						return
					case <-time.After(time.Millisecond):
					}
				}
			}()
			<-stalled
			if n := w.stats().Buffers; n < 4 {
				t.Errorf("the sender has stalled, but weir holds %d buffers", n)
			}
			close(read)
			for range 2 {
				if err := receive(t, ended); err != nil {
					t.Error(err)
				}
			}
			close(watch)
			<-watched
			if string(sent.Sum(nil)) != string(got.Sum(nil)) {
				t.Error("what arrived is not what was sent")
			}
			// 64 KiB, and a read of 128 KiB on top, in buffers of 16 KiB; the first of
			// them may be half sent.
			if n := most.Load(); n > 13 {
				t.Errorf("weir held %d buffers at a time, want 13 at most", n)
			}
			_ = c.Close()
		})
	}
}
