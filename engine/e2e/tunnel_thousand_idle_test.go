package e2e

import (
	"io"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// A thousand tunnels in which nobody speaks hold no buffer and no goroutine. All
// ends of all of them are driven from here, so that each goroutine is weir's.
func TestThousandIdleTunnelsHoldNothing(t *testing.T) {
	const tunnels = 1000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 4*tunnels+500 {
		t.Skipf("needs %d descriptors, has %d (%v)", 4*tunnels+500, limit.Cur, err)
	}
	ln := listen(t).(*net.TCPListener)
	_ = ln.SetDeadline(time.Now().Add(deadline))
	w := start(t, "[log]\naccess = \"off\"\n"+oneCluster(ln.Addr().String()))
	goroutines := 0
	near, far := make([]*net.TCPConn, tunnels), make([]*net.TCPConn, tunnels)
	for i := range near {
		near[i] = w.dial()
		if _, err := io.WriteString(near[i], upgradeRequest("/")); err != nil {
			t.Fatal(err)
		}
		c, err := ln.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		far[i] = c
		_ = c.SetDeadline(time.Now().Add(deadline))
		defer func() { _ = c.Close() }()
		if _, err := readHeadOnly(c); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, switching+"hi"); err != nil {
			t.Fatal(err)
		}
		requireSwitch(t, near[i])
		if i == 0 {
			goroutines = runtime.NumGoroutine() // weir's own are all there now
		}
	}
	// Three values each: session, tunnel and upstream connection.
	w.eventually("a thousand tunnels are open and hold nothing", func() bool {
		s := w.stats()
		return s.TunnelsOpen == tunnels && s.Sessions == tunnels && s.Active == 0 &&
			s.Connections == 2*tunnels && s.Held == 3*tunnels && s.Buffers == 0
	})
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines, %d with one tunnel", n, goroutines)
	}
	for i := range near { // all are live, in both directions
		if _, err := near[i].Write([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		requireBytes(t, far[i], []byte{byte(i)})
		if _, err := far[i].Write([]byte{byte(i), 1}); err != nil {
			t.Fatal(err)
		}
		requireBytes(t, near[i], []byte{byte(i), 1})
	}
	w.eventually("nothing is held after small messages", func() bool { return w.stats().Buffers == 0 })
	for i := range near { // one half by either side
		if i%2 == 0 {
			_ = near[i].Close()
			_ = far[i].CloseWrite()
		} else {
			_ = far[i].Close()
			_ = near[i].CloseWrite()
		}
	}
	w.eventually("the tunnels are gone", func() bool {
		s := w.stats()
		return s.TunnelsOpen == 0 && s.Sessions == 0 && s.Connections == 0 && s.Held == 0
	})
}

// requireSwitch demands a 101 and the two bytes "hi" behind it.
func requireSwitch(t *testing.T, c *net.TCPConn) {
	t.Helper()
	head, err := readHeadOnly(c)
	if err != nil || head[:min(12, len(head))] != "HTTP/1.1 101" {
		t.Fatalf("%q, %v", head, err)
	}
	requireBytes(t, c, []byte("hi"))
}
