package reactor

import (
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what must come; it costs nothing if it does.
const patience = 10 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("timed out: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// openLoop opens a loop that counts panics and is not running.
func openLoop(t *testing.T) (*Loop, *atomic.Int64) {
	t.Helper()
	panics := &atomic.Int64{}
	l, err := New(func(any, []byte) { panics.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, panics
}

// runLoop opens a loop and runs it until the test ends.
func runLoop(t *testing.T) (*Loop, *atomic.Int64) {
	t.Helper()
	l, panics := openLoop(t)
	done := make(chan error, 1)
	go func() { done <- l.Run() }()
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l, panics
}

// on runs fn on the loop and waits for it.
func on(t *testing.T, l *Loop, fn func()) {
	t.Helper()
	done := make(chan struct{})
	if err := l.Post(func() { defer close(done); fn() }); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the loop does not answer")
	}
}

// watcher is a handler made of functions.
type watcher struct {
	ready   func(Ready)
	panic   func()
	timer   func(int64)
	yield   func()
	release func()
}

func (w *watcher) OnReady(r Ready) {
	if w.ready != nil {
		w.ready(r)
	}
}

func (w *watcher) OnPanic() {
	if w.panic != nil {
		w.panic()
	}
}
func (w *watcher) OnTimer(now int64) { w.timer(now) }
func (w *watcher) OnYield()          { w.yield() }
func (w *watcher) OnRelease()        { w.release() }

func closeAtEnd(t *testing.T, fds ...int) {
	t.Cleanup(func() {
		for _, fd := range fds {
			closeFD(fd)
		}
	})
}

// socketpair gives two connected descriptors. The first is the loop's to close.
func socketpair(t *testing.T) (ours, peer int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fds[0], fds[1]
}

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// listenTCP binds a listening socket to any port of address.
func listenTCP(t *testing.T, address netip.AddrPort) (fd int, bound netip.AddrPort) {
	t.Helper()
	fd, bound, err := Bind(address, false)
	if err != nil {
		t.Fatal(err)
	}
	return fd, bound
}

// connectTCP starts a connection, closed when the test ends.
func connectTCP(t *testing.T, to netip.AddrPort) int {
	t.Helper()
	fd, errno := Connect(Outgoing{To: AddrFrom(to)})
	if errno != 0 {
		t.Fatal(errno)
	}
	closeAtEnd(t, fd)
	return fd
}

// tcpPair gives both ends of a TCP connection; the caller closes them.
func tcpPair(t *testing.T) (a, b int) {
	t.Helper()
	ln, at := listenTCP(t, loopback)
	defer closeFD(ln)
	a, errno := Connect(Outgoing{To: AddrFrom(at)})
	if errno != 0 {
		t.Fatal(errno)
	}
	eventually(t, "accept", func() bool {
		var sa unix.RawSockaddrAny
		b, errno = accept(ln, &sa)
		return errno == 0
	})
	eventually(t, "connect", func() bool { return ConnectError(a) == 0 })
	return a, b
}

// openFDs is how many descriptors the process has open.
func openFDs(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	return len(entries)
}
