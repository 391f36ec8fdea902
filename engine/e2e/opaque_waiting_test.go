package e2e

import (
	"crypto/tls"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"weir/engine/tlstest"
)

// A connection that waits takes no CPU time, also if it has ended one direction, holds
// bytes for later, or was left unread. The states are made, and then time passes.
func TestWaitingTakesNoCPUTime(t *testing.T) {
	ca := tlstest.New(t)
	ends := endingTLS(ca.Issue([]string{"a.test"}))
	hello := string(helloRecord(t, &tls.Config{ServerName: "a.test"}))
	hole := func(_ <-chan struct{}) string { return blackhole(t) }
	deaf := func(over <-chan struct{}) string { return rawBackend(t, func(*net.TCPConn) { <-over }) }
	mute := func(over <-chan struct{}) string {
		return rawBackend(t, func(c *net.TCPConn) {
			_ = c.CloseWrite()
			<-over
		})
	}
	proxied := proxyFrom("required", `"127.0.0.1"`)
	for _, tt := range []struct {
		name, edge, tables string
		main               func(over <-chan struct{}) string
		say                string
		end, secured       bool
	}{
		{"half a PROXY header", opaqueEdge, proxied, hole, v1of4[:9], false, false},
		{"half a ClientHello", passthroughEdge, "", hole, hello[:99], false, false},
		{"half a ClientHello, to be ended", "", ends, hole, hello[:99], false, false},
		{"connecting, FIN", opaqueEdge, "", hole, "", true, false},
		{"connecting, words and FIN", opaqueEdge, "", hole, "words", true, false},
		{"connecting, more than is held", opaqueEdge, "", hole, string(pattern(1, 300<<10)), true, false},
		{"connecting, TLS, FIN", opaqueEdge, ends, hole, "", true, true},
		{"connecting, TLS, more than is held", opaqueEdge, ends, hole, string(pattern(1, 300<<10)), true, true},
		{"open, the client's FIN", opaqueEdge, "", deaf, "words", true, false},
		{"open, the client's FIN in TLS", opaqueEdge, ends, deaf, "words", true, true},
		{"open, the endpoint's FIN", opaqueEdge, "", mute, "words", false, false},
		{"open, the endpoint's FIN to TLS", opaqueEdge, ends, mute, "words", false, true},
		{"open, more than the endpoint takes", opaqueEdge, "", deaf, string(pattern(1, 16<<20)), true, false},
		{"open, more than the endpoint takes, in TLS", opaqueEdge, ends, deaf, string(pattern(1, 16<<20)), true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			over := make(chan struct{})
			defer close(over)
			w := start(t, tt.tables+mainCluster(tt.main(over)), tt.edge)
			tcp := w.dial()
			defer reset(tcp)
			var c opaqueConn = tcp
			if tt.secured {
				s := tls.Client(tcp, &tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"})
				if err := s.Handshake(); err != nil {
					t.Fatal(err)
				}
				c = s
			}
			_ = tcp.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			_, err := io.WriteString(c, tt.say)
			if tt.end && err == nil {
				_ = c.CloseWrite()
			}
			w.eventually("it is there", func() bool { return w.stats().Sessions == 1 })
			// The rest of the process may be busy for a while; what spins always is.
			const span = 40 * time.Millisecond
			w.eventually("nothing takes CPU time", func() bool {
				before := cpuTime(t)
				time.Sleep(span)
				return cpuTime(t)-before < span/4
			})
		})
	}
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
