package e2e

import (
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// A tunnel whose sender has gone quiet, while a slow peer still takes what weir
// holds for it, is not silent.
func TestSlowReaderKeepsATunnel(t *testing.T) {
	const total = 16 << 20
	sent, got := sha256.New(), sha256.New()
	flooded := make(chan error, 1)
	backend := tunnelBackend(t, func(c *net.TCPConn, _ string) {
		flooded <- flood(c, total, sent, nil)
		_, _ = io.ReadAll(c)
	})
	// Weir takes it all at once, and the sender has no more to do.
	w := start(t, "[engine]\npause_above = \"32MiB\"\n"+oneCluster(backend, `timeouts = { tunnel_idle = "500ms" }`))
	narrow := net.Dialer{Timeout: deadline, Control: func(_, _ string, raw syscall.RawConn) error {
		var set error
		return errors.Join(raw.Control(func(fd uintptr) {
			set = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 64<<10)
		}), set)
	}}
	conn, err := narrow.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	c := conn.(*net.TCPConn)
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(deadline))
	w.shakeHands(c, "/")
	// 12 MiB/s, in steps far shorter than tunnel_idle; the whole takes longer.
	began := time.Now()
	n := int64(0)
	for err == nil {
		var k int64
		k, err = io.CopyN(got, c, 128<<10)
		n += k
		time.Sleep(10 * time.Millisecond)
	}
	if err := receive(t, flooded); err != nil {
		t.Error(err)
	}
	if !errors.Is(err, io.EOF) || n != total || string(got.Sum(nil)) != string(sent.Sum(nil)) {
		t.Errorf("%d of %d bytes arrived in %v, then %v", n, total, time.Since(began), err)
	}
}

// If the peer takes nothing at all, the tunnel ends after tunnel_idle; by a reset,
// since an end in order would hide that bytes were lost.
func TestStuckTunnelIsReset(t *testing.T) {
	sent, stalled := sha256.New(), make(chan struct{})
	ended := make(chan error, 1)
	backend := tunnelBackend(t, func(c *net.TCPConn, _ string) {
		ended <- flood(c, 1<<30, sent, stalled)
	})
	w := start(t, oneCluster(backend, `timeouts = { tunnel_idle = "500ms" }`))
	c, _ := w.openTunnel("/")
	<-stalled
	if err := receive(t, ended); !isReset(err) {
		t.Errorf("the sender saw %v, want a reset", err)
	}
	if n, err := io.Copy(io.Discard, onlyReader{c}); !isReset(err) {
		t.Errorf("the reader got %d bytes, then %v; want a reset", n, err)
	}
	if line := w.onlyLine(); line.Fault != "tunnel_idle" || line.ClosedBy != "weir" {
		t.Errorf("log line %+v", line)
	}
}
