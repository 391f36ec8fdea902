package reactor

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// taker is an Acceptor that closes what it accepts and counts.
type taker struct {
	accepted atomic.Int64
	errors   atomic.Int64
	shed     atomic.Int64
	limit    atomic.Int64 // 0: none
	last     atomic.Pointer[Addr]
	onAccept func(fd int)
}

func (a *taker) OnAccept(fd int, peer Addr) {
	a.last.Store(&peer)
	a.accepted.Add(1)
	if a.onAccept != nil {
		a.onAccept(fd)
		return
	}
	closeFD(fd)
}

func (a *taker) MayAccept() bool {
	limit := a.limit.Load()
	return limit == 0 || a.accepted.Load() < limit
}

func (a *taker) OnAcceptError(_ syscall.Errno, shed bool) {
	a.errors.Add(1)
	if shed {
		a.shed.Add(1)
	}
}

// listen serves a on loop, which is not running or is the caller.
func listen(t *testing.T, l *Loop, fd int, a Acceptor) *Listener {
	t.Helper()
	ln, err := l.Listen(fd, a)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func TestListenerTakesABudgetATurn(t *testing.T) {
	l, _ := openLoop(t)
	fd, at := listenTCP(t, loopback)
	a := &taker{}
	ln := listen(t, l, fd, a)
	defer ln.Close()
	const clients = 2*acceptBudget + 10
	for range clients {
		connectTCP(t, at)
	}
	for _, want := range []int64{acceptBudget, 2 * acceptBudget, clients} {
		if want == acceptBudget {
			_ = l.onEvent(fd, unix.EPOLLIN, 0)
		} else {
			_ = l.onEvent(l.yieldFD, unix.EPOLLIN, 0)
		}
		if got := a.accepted.Load(); got != want {
			t.Fatalf("accepted %d, want %d", got, want)
		}
	}
	if len(l.yielded) != 0 {
		t.Error("yields on with an empty backlog")
	}
}

func TestListenersShareAPort(t *testing.T) {
	fd1, at := listenTCP(t, loopback)
	fd2, _ := listenTCP(t, at)
	var takers [2]taker
	for i, fd := range []int{fd1, fd2} {
		l, _ := runLoop(t)
		on(t, l, func() {
			ln := listen(t, l, fd, &takers[i])
			t.Cleanup(func() { on(t, l, ln.Close) })
		})
	}
	const clients = 64
	for range clients {
		connectTCP(t, at)
	}
	eventually(t, "all are accepted", func() bool { return takers[0].accepted.Load()+takers[1].accepted.Load() == clients })
	if takers[0].accepted.Load() == 0 || takers[1].accepted.Load() == 0 {
		t.Errorf("%d and %d: one loop has all the work", takers[0].accepted.Load(), takers[1].accepted.Load())
	}
}

func TestListenerPausesAndResumes(t *testing.T) {
	l, _ := runLoop(t)
	fd, at := listenTCP(t, loopback)
	a := &taker{}
	a.limit.Store(2)
	var ln *Listener
	on(t, l, func() { ln = listen(t, l, fd, a) })
	for range 5 {
		connectTCP(t, at)
	}
	eventually(t, "the limit", func() bool { return a.accepted.Load() == 2 })
	on(t, l, ln.Resume) // the limit still holds
	on(t, l, func() {})
	connectTCP(t, at)
	if got := a.accepted.Load(); got != 2 {
		t.Errorf("%d accepted above the limit", got)
	}
	a.limit.Store(100)
	on(t, l, ln.Resume)
	eventually(t, "the backlog is served", func() bool { return a.accepted.Load() == 6 })
	on(t, l, func() { ln.Close(); ln.Resume(); ln.Close() })
}

func TestListenerBindsEveryFamily(t *testing.T) {
	for _, tt := range []struct{ listen, dial string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"0.0.0.0:0", "127.0.0.1"},
		{"[::ffff:127.0.0.1]:0", "127.0.0.1"},
		{"[::1]:0", "::1"},
		{"[::]:0", "::1"},
		{"[::]:0", "127.0.0.1"},
	} {
		t.Run(tt.listen+" from "+tt.dial, func(t *testing.T) {
			fd, at, err := Bind(netip.MustParseAddrPort(tt.listen), false)
			if errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL) {
				t.Skip("no IPv6 here: ", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			l, _ := runLoop(t)
			a := &taker{}
			on(t, l, func() {
				ln := listen(t, l, fd, a)
				t.Cleanup(func() { on(t, l, ln.Close) })
			})
			client := connectTCP(t, netip.AddrPortFrom(netip.MustParseAddr(tt.dial), at.Port()))
			eventually(t, "accept", func() bool { return a.accepted.Load() == 1 })
			local, errno := sockname(unix.SYS_GETSOCKNAME, client)
			if got := *a.last.Load(); errno != 0 || got != local || got.Addr().String() != tt.dial {
				t.Errorf("peer %s; the client is %s, %v", got, local, errno)
			}
		})
	}
}

func TestAcceptedDescriptorsAreReady(t *testing.T) {
	l, _ := openLoop(t)
	fd, at := listenTCP(t, loopback)
	a := &taker{onAccept: func(fd int) {
		flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		cloexec, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		noDelay, _ := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY)
		if flags&unix.O_NONBLOCK == 0 || cloexec&unix.FD_CLOEXEC == 0 || noDelay == 0 {
			t.Errorf("flags %#x, %#x, no delay %d", flags, cloexec, noDelay)
		}
		closeFD(fd)
	}}
	defer listen(t, l, fd, a).Close()
	connectTCP(t, at)
	_ = l.onEvent(fd, unix.EPOLLIN, 0)
	if a.accepted.Load() != 1 {
		t.Error("not accepted")
	}
}

func TestListenerMayBeClosedByItsAcceptor(t *testing.T) {
	l, panics := openLoop(t)
	before := openFDs(t)
	fd, at := listenTCP(t, loopback)
	a := &taker{}
	ln := listen(t, l, fd, a)
	a.onAccept = func(fd int) { closeFD(fd); ln.Close() }
	for range 3 {
		connectTCP(t, at)
	}
	_ = l.onEvent(fd, unix.EPOLLIN, 0)
	if a.accepted.Load() != 1 || panics.Load() != 0 {
		t.Errorf("%d accepted, %d panics", a.accepted.Load(), panics.Load())
	}
	ln.OnYield()
	ln.OnTimer(0)
	if after := openFDs(t); after != before+3 {
		t.Errorf("%d descriptors, want %d and the three clients", after, before)
	}
}

// Whoever has connected before the door shuts is let in, however many they are.
func TestDrainEmptiesTheBacklog(t *testing.T) {
	l, _ := openLoop(t)
	fd, at := listenTCP(t, loopback)
	a := &taker{}
	ln := listen(t, l, fd, a)
	const clients = 3*acceptBudget + 1
	for range clients {
		connectTCP(t, at)
	}
	ln.Drain()
	if got := a.accepted.Load(); got != clients {
		t.Errorf("%d of %d were let in", got, clients)
	}
	if fd, errno := Connect(Outgoing{To: AddrFrom(at)}); errno == 0 {
		if errno = ConnectError(fd); errno != syscall.ECONNREFUSED {
			t.Errorf("the door is open: %v", errno)
		}
		closeFD(fd)
	}
}

// A panic in one connection's accept must not close the door on the rest.
func TestListenerSurvivesAPanic(t *testing.T) {
	l, panics := runLoop(t)
	fd, at := listenTCP(t, loopback)
	a := &taker{}
	a.onAccept = func(fd int) {
		closeFD(fd)
		if a.accepted.Load() == 1 {
			panic("boom")
		}
	}
	on(t, l, func() {
		ln := listen(t, l, fd, a)
		t.Cleanup(func() { on(t, l, ln.Close) })
	})
	for range 3 {
		connectTCP(t, at)
	}
	eventually(t, "the others are accepted", func() bool { return a.accepted.Load() == 3 })
	if panics.Load() != 1 {
		t.Errorf("%d panics", panics.Load())
	}
}

// An error that no retry cures backs off as a full table does.
func TestListenerDoesNotSpinOnABrokenSocket(t *testing.T) {
	l, _ := openLoop(t)
	fd, _ := listenTCP(t, loopback)
	a := &taker{}
	ln := listen(t, l, fd, a)
	defer ln.Close()
	if err := unix.Shutdown(fd, unix.SHUT_RD); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		_ = l.onEvent(fd, unix.EPOLLIN|unix.EPOLLHUP, 0)
	}
	if len(l.yielded) != 0 || !ln.timer.Armed() || a.errors.Load() != 1 {
		t.Errorf("%d yields, timer %v, %d errors; want a back-off", len(l.yielded), ln.timer.Armed(), a.errors.Load())
	}
	last := ln.backoff
	for range 20 {
		ln.OnTimer(0)
		if ln.backoff < last || ln.backoff > backoffMax {
			t.Fatalf("back-off %d after %d", ln.backoff, last)
		}
		last = ln.backoff
	}
	if last != backoffMax {
		t.Errorf("back-off %d after 20 failures, want %d", last, backoffMax)
	}
}

func TestListenThatFailsLeavesNothing(t *testing.T) {
	l, _ := openLoop(t)
	before := openFDs(t)
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0) // epoll takes no such thing
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Listen(fd, &taker{}); !errors.Is(err, syscall.EPERM) {
		t.Errorf("Listen: %v, want EPERM", err)
	}
	closeFD(fd)
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

func TestBindThatFailsLeavesNothing(t *testing.T) {
	before := openFDs(t)
	if _, _, err := Bind(netip.MustParseAddrPort("192.0.2.1:1"), false); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("Bind: %v", err)
	}
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}
