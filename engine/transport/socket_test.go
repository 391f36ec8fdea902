package transport_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/engine/reactor"
	"weir/engine/transport"
	"weir/pool"
)

const patience = 10 * time.Second

// rig is a running loop; the test's own end is the standard library's.
type rig struct {
	t    *testing.T
	loop *transport.Loop
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r, err := reactor.New(func(cause any, stack []byte) { t.Errorf("panic: %v\n%s", cause, stack) })
	if err != nil {
		t.Fatal(err)
	}
	loop := transport.NewLoop(r)
	done := make(chan error, 1)
	go func() { done <- loop.Run() }()
	t.Cleanup(func() {
		if err := errors.Join(loop.Stop(), <-done, loop.Close()); err != nil {
			t.Error(err)
		}
		if open, stats := loop.Open.Load(), loop.Pool.Stats(); open != 0 || stats != (pool.Stats{}) {
			t.Errorf("left over: %d connections, %+v", open, stats)
		}
	})
	return &rig{t, loop}
}

// on runs fn on the loop and waits for it.
func (r *rig) on(fn func()) {
	r.t.Helper()
	done := make(chan struct{})
	if err := r.loop.Post(func() { defer close(done); fn() }); err != nil {
		r.t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(patience):
		r.t.Fatal("the loop does not answer")
	}
}

// end is a connection on the loop that gathers what it reads.
type end struct {
	rig  *rig
	conn transport.Conn

	mu    sync.Mutex
	in    []byte
	ended bool
	errno syscall.Errno
	calls int
}

func (e *end) OnConn(c *transport.Conn) {
	c.Flush()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	for c.Readable() && !e.ended {
		data, _, r := c.Read()
		e.in = append(e.in, data...)
		e.ended = r == transport.ReadEnd
		if r != transport.ReadData {
			break
		}
	}
	e.errno = c.Err()
}

func (e *end) OnConnPanic(*transport.Conn) {}

func (e *end) seen() (in string, ended bool, errno syscall.Errno) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return string(e.in), e.ended, e.errno
}

func (e *end) wait(what string, ok func(in string, ended bool, errno syscall.Errno) bool) {
	e.rig.t.Helper()
	for until := time.Now().Add(patience); !ok(e.seen()); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			in, ended, errno := e.seen()
			e.rig.t.Fatalf("timed out: %s; have %d bytes, ended %v, %v", what, len(in), ended, errno)
		}
	}
}

// connect gives a connection on the loop and its peer.
func (r *rig) connect() (*end, *net.TCPConn) {
	r.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	e := &end{rig: r}
	r.on(func() {
		if errno := e.conn.Dial(r.loop, transport.Outgoing{To: transport.AddrFrom(ln.Addr().(*net.TCPAddr).AddrPort())}, e); errno != 0 {
			r.t.Error(errno)
		}
	})
	peer, err := ln.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		_ = peer.Close()
		r.on(e.conn.Close)
	})
	_ = peer.SetDeadline(time.Now().Add(patience))
	return e, peer.(*net.TCPConn)
}

func TestHalfCloseLeavesTheOtherDirection(t *testing.T) {
	r := newRig(t)
	e, peer := r.connect()
	if _, err := peer.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	if err := peer.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	e.wait("the question and FIN", func(in string, ended bool, _ syscall.Errno) bool { return in == "question" && ended })
	r.on(func() { e.conn.Write([]byte("answer")); e.conn.CloseWrite() })
	if got, err := io.ReadAll(peer); string(got) != "answer" || err != nil {
		t.Errorf("peer reads %q, %v", got, err)
	}
	r.on(func() {
		if !e.conn.WriteEnded() || e.conn.Failed() {
			t.Errorf("write ended %v, failed %v", e.conn.WriteEnded(), e.conn.Failed())
		}
	})
}

func TestPeersResetIsAnErrorBehindItsBytes(t *testing.T) {
	r := newRig(t)
	e, peer := r.connect()
	if _, err := peer.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	e.wait("the bytes", func(in string, _ bool, _ syscall.Errno) bool { return in == "last words" })
	if err := errors.Join(peer.SetLinger(0), peer.Close()); err != nil {
		t.Fatal(err)
	}
	e.wait("the reset", func(_ string, ended bool, errno syscall.Errno) bool { return errno == syscall.ECONNRESET && !ended })
	r.on(func() {
		e.conn.Write([]byte("x"))
		if !e.conn.Failed() {
			t.Error("not failed")
		}
	})
}

func TestOurEndIsWhatThePeerSees(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(c *transport.Conn)
		want error
	}{
		{"Close", (*transport.Conn).Close, nil},
		{"Reset", (*transport.Conn).Reset, syscall.ECONNRESET},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			e, peer := r.connect()
			r.on(func() { tt.end(&e.conn); tt.end(&e.conn) })
			if _, err := io.ReadAll(peer); !errors.Is(err, tt.want) {
				t.Errorf("peer reads %v, want %v", err, tt.want)
			}
		})
	}
}

func TestDialRefused(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*unix.SockaddrInet4).Port))
	r := newRig(t)
	e := &end{rig: r}
	r.on(func() {
		if errno := e.conn.Dial(r.loop, transport.Outgoing{To: transport.AddrFrom(at)}, e); errno == 0 {
			e.conn.Write([]byte("request"))
		}
	})
	e.wait("the refusal", func(_ string, _ bool, errno syscall.Errno) bool { return errno == syscall.ECONNREFUSED })
	r.on(func() {
		if e.conn.Connecting() || !e.conn.Failed() || e.conn.Pending() != 0 {
			t.Errorf("connecting %v, failed %v, %d pending", e.conn.Connecting(), e.conn.Failed(), e.conn.Pending())
		}
		e.conn.Close()
	})
}

// A connect that hangs, and an event for the descriptor's former life.
func TestDialThatHangsStaysPending(t *testing.T) {
	ln, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(ln) }()
	if err := errors.Join(unix.Bind(ln, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(ln, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(ln)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*unix.SockaddrInet4).Port))
	r := newRig(t)
	ends := make([]end, 16) // the first few fill the backlog
	r.on(func() {
		for i := range ends {
			ends[i].rig = r
			if errno := ends[i].conn.Dial(r.loop, transport.Outgoing{To: transport.AddrFrom(at)}, &ends[i]); errno != 0 {
				t.Error(errno)
			}
		}
	})
	r.on(func() {
		e := &ends[len(ends)-1]
		defer func() {
			for i := range ends {
				ends[i].conn.Close()
			}
		}()
		const synSent = 2 // of TCP_INFO
		if info, err := unix.GetsockoptTCPInfo(e.conn.FD(), unix.IPPROTO_TCP, unix.TCP_INFO); err != nil || info.State != synSent {
			t.Log("this kernel takes connections beyond a full backlog: ", err)
			return
		}
		e.conn.Write([]byte("request"))
		e.conn.CloseWrite()
		e.conn.OnReady(reactor.Readable | reactor.Writable | reactor.HangUp)
		e.conn.Flush()
		if !e.conn.Connecting() || e.conn.Err() != 0 || e.conn.Pending() != 7 || e.calls != 0 {
			t.Errorf("connecting %v, %v, %d pending, owner called %d times", e.conn.Connecting(), e.conn.Err(), e.conn.Pending(), e.calls)
		}
		if reactor.ConnectError(e.conn.FD()) != syscall.EINPROGRESS {
			t.Error("the connect was broken off")
		}
	})
}

func TestMebibyteThroughASmallBuffer(t *testing.T) {
	r := newRig(t)
	e, peer := r.connect()
	data := make([]byte, 1<<20)
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range data {
		data[i] = byte(rnd.Uint32())
	}
	r.on(func() {
		if err := unix.SetsockoptInt(e.conn.FD(), unix.SOL_SOCKET, unix.SO_SNDBUF, 4096); err != nil {
			t.Error(err)
		}
		for rest := data; len(rest) > 0; {
			k := min(len(rest), 1+rnd.IntN(100_000))
			e.conn.Write(rest[:k])
			rest = rest[k:]
		}
		e.conn.CloseWrite()
		if e.conn.Pending() == 0 || e.conn.WriteEnded() {
			t.Errorf("%d pending, write ended %v: nothing had to wait", e.conn.Pending(), e.conn.WriteEnded())
		}
	})
	got, err := io.ReadAll(peer)
	if err != nil || sha256.Sum256(got) != sha256.Sum256(data) {
		t.Errorf("%d of %d bytes, equal %v, %v", len(got), len(data), bytes.Equal(got, data), err)
	}
	r.on(func() {
		if e.conn.Pending() != 0 || e.conn.BytesOut() != int64(len(data)) || !e.conn.WriteEnded() {
			t.Errorf("%d pending, %d out, write ended %v", e.conn.Pending(), e.conn.BytesOut(), e.conn.WriteEnded())
		}
	})
}

// A read stops in front of an urgent byte. What is behind it makes no event of its
// own, so a reader that trusts a short read would wait for ever.
func TestUrgentByteDoesNotStopTheReading(t *testing.T) {
	r := newRig(t)
	e, peer := r.connect()
	raw, err := peer.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	held := make(chan struct{})
	if err := r.loop.Post(func() { close(held); <-hold }); err != nil { // so that all of it is one event
		t.Fatal(err)
	}
	<-held
	send := func(s string, flags int) {
		if err := raw.Control(func(fd uintptr) {
			if err := unix.Sendto(int(fd), []byte(s), flags, nil); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Error(err)
		}
	}
	send("before", 0)
	send("!", unix.MSG_OOB)
	send("behind", 0)
	close(hold)
	e.wait("the bytes behind it", func(in string, _ bool, _ syscall.Errno) bool { return in == "beforebehind" })
}

// pingPong is a pair of connections on a loop that is driven by hand.
func pingPong(t *testing.T) (loop *transport.Loop, a, b *transport.Conn) {
	t.Helper()
	r, err := reactor.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	loop = transport.NewLoop(r)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b = &transport.Conn{}, &transport.Conn{}
	if a.Accept(loop, fds[0], &owner{}) != 0 || b.Accept(loop, fds[1], &owner{}) != 0 {
		t.Fatal("accept")
	}
	t.Cleanup(func() {
		a.Close()
		b.Close()
		if err := loop.Close(); err != nil {
			t.Error(err)
		}
	})
	return loop, a, b
}

func TestRelayDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	_, a, b := pingPong(t)
	for _, size := range []int{125, 16 << 10} {
		msg := make([]byte, size)
		run := func() {
			a.Write(msg)
			b.OnReady(reactor.Readable)
			for got := 0; got < size; {
				data, fresh, _ := b.Read()
				got += fresh
				if fresh == 0 {
					t.Fatal("the message did not arrive")
				}
				if got == fresh {
					b.Unread(data) // and once through the held bytes
				}
				b.OnReady(reactor.Readable)
			}
			_, _, _ = b.Read()
		}
		run()
		if n := testing.AllocsPerRun(500, run); n != 0 {
			t.Errorf("%d bytes: %v allocations a message", size, n)
		}
	}
}

func TestQueueDoesNotAllocateWhenWarm(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	_, a, b := pingPong(t)
	if err := unix.SetsockoptInt(a.FD(), unix.SOL_SOCKET, unix.SO_SNDBUF, 4096); err != nil {
		t.Fatal(err)
	}
	msg := make([]byte, 200_000)
	run := func() {
		a.Write(msg)
		for got := 0; got < len(msg); {
			b.OnReady(reactor.Readable)
			_, fresh, _ := b.Read()
			got += fresh
			a.OnReady(reactor.Writable)
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
