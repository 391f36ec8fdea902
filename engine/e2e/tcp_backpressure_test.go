package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"

	"weir/engine/tlstest"
)

// A client that reads nothing holds its endpoint back, and weir keeps no more than
// the high mark, one splice and one read. What was held back arrives later.
func TestTCPBackPressure(t *testing.T) {
	const total = 64 << 20
	ca := tlstest.New(t)
	for _, ended := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS ended %v", ended), func(t *testing.T) {
			stalled := make(chan struct{})
			sent, got := sha256.New(), sha256.New()
			done := make(chan error, 1)
			text := "[engine]\npause_above = \"64KiB\"\n" + mainCluster(rawBackend(t, func(c *net.TCPConn) { done <- flood(c, total, sent, stalled) }))
			if ended {
				text += endingTLS(ca.Issue([]string{"a.test"}))
			}
			w := start(t, text, opaqueEdge)
			var c opaqueConn
			if ended {
				c = w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"})
			} else {
				c = w.dial()
			}
			<-stalled
			// 64 KiB and 256 KiB of a splice, in buffers of 16 KiB, and one that is half
			// sent.
			if n := w.stats().Buffers; n < 4 || n > 25 {
				t.Errorf("weir holds %d buffers, want 4 to 25", n)
			}
			if n, err := io.Copy(got, onlyReader{c}); n != total || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
			if err := receive(t, done); err != nil {
				t.Error(err)
			}
			if string(sent.Sum(nil)) != string(got.Sum(nil)) {
				t.Error("what arrived is not what was sent")
			}
			_ = c.Close()
		})
	}
}
