package e2e

import (
	"io"
	"net"
	"testing"
	"time"
)

// A connection in which nobody speaks ends after the listener's tunnel_idle, and not
// one in which somebody does.
func TestTCPIdleTimeout(t *testing.T) {
	const idle, steps = 600 * time.Millisecond, 10
	ended := make(chan struct{}, 2)
	backend := rawBackend(t, func(c *net.TCPConn) {
		_, _ = io.Copy(onlyWriter{c}, onlyReader{c})
		ended <- struct{}{}
	})
	w := start(t, "[listeners.edge.timeouts]\ntunnel_idle = \"600ms\"\nbody_idle = \"50ms\"\nrequest_head = \"50ms\"\nsniff = \"50ms\"\nhandshake = \"50ms\"\n"+mainCluster(backend), opaqueEdge)
	began := time.Now()
	silent, active := w.dial(), w.dial()
	for range steps {
		time.Sleep(idle / 8)
		if _, err := active.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		requireBytes(t, active, []byte("x"))
	}
	if rest, err := io.ReadAll(silent); len(rest) > 0 || err != nil {
		t.Errorf("the silent client got %q, %v; want an end", rest, err)
	}
	if lived := time.Since(began); lived < idle {
		t.Errorf("it lived %v, want %v", lived, idle)
	}
	_ = active.Close()
	<-ended
	<-ended
	for _, line := range w.opaqueLines(2) {
		want := ""
		if line.BytesIn == 0 {
			want = "tunnel_idle"
		}
		if line.Fault != want || line.Duration < 600 {
			t.Errorf("log line %+v, want fault %q", line, want)
		}
	}
}
