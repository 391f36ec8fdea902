package transport_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/engine/reactor"
	"weir/engine/transport"
	"weir/pool"
)

// hand is a loop that is driven by hand: no event arrives but by tell. Bytes go
// from peer a by way of c and to to peer b.
type hand struct {
	t     *testing.T
	loop  *transport.Loop
	c, to *transport.Conn
	a, b  int // the peers' descriptors, non-blocking; -1: closed
	seen  *owner
}

// newHand makes the connections, over TCP where tcp says so, else over sockets
// whose bytes arrive in the call that sends them.
func newHand(t *testing.T, tcp bool) *hand {
	t.Helper()
	r, err := reactor.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &hand{t: t, loop: transport.NewLoop(r), c: &transport.Conn{}, to: &transport.Conn{}, seen: &owner{}}
	pair := unixPair
	if tcp {
		pair = tcpPair
	}
	c, a := pair(t)
	to, b := pair(t)
	h.a, h.b = a, b
	if h.c.Accept(h.loop, c, h.seen) != 0 || h.to.Accept(h.loop, to, h.seen) != 0 {
		t.Fatal("accept")
	}
	t.Cleanup(h.end)
	return h
}

// end demands that everything comes back.
func (h *hand) end() {
	h.c.Close()
	h.to.Close()
	h.closeA()
	if h.b >= 0 {
		_ = unix.Close(h.b)
	}
	if err := h.loop.Close(); err != nil {
		h.t.Error(err)
	}
	if open, stats := h.loop.Open.Load(), h.loop.Pool.Stats(); open != 0 || stats != (pool.Stats{}) {
		h.t.Errorf("left over: %d connections, %+v", open, stats)
	}
}

func unixPair(t *testing.T) (ours, peer int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fds[0], fds[1]
}

func tcpPair(t *testing.T) (ours, peer int) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	ln, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	defer func() { _ = unix.Close(ln) }()
	must(unix.Bind(ln, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(unix.Listen(ln, 1))
	at, err := unix.Getsockname(ln)
	must(err)
	peer, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	must(unix.Connect(peer, at))
	must(unix.SetNonblock(peer, true))
	ours, _, err = unix.Accept4(ln, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	must(err)
	for _, fd := range []int{ours, peer} {
		must(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	}
	return ours, peer
}

// until polls for what another end's kernel is about to do.
func (h *hand) until(what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			h.t.Fatalf("timed out: %s", what)
		}
	}
}

// waiting is how many bytes lie in a socket, unread.
func waiting(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// ready asks the kernel what an event would say.
func ready(fd int) (r reactor.Ready) {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLOUT | unix.POLLRDHUP | unix.POLLPRI}}
	if n, err := unix.Poll(p, 0); n != 1 || err != nil {
		return 0
	}
	for _, b := range []struct {
		bit int16
		r   reactor.Ready
	}{
		{unix.POLLIN, reactor.Readable},
		{unix.POLLOUT, reactor.Writable},
		{unix.POLLRDHUP | unix.POLLPRI, reactor.Readable | reactor.HangUp},
		{unix.POLLHUP, reactor.Readable | reactor.Writable | reactor.HangUp},
		{unix.POLLERR, reactor.Readable | reactor.Writable | reactor.HangUp | reactor.Failed},
	} {
		if p[0].Revents&b.bit != 0 {
			r |= b.r
		}
	}
	return r
}

// tell delivers the event that is due for c.
func (h *hand) tell(c *transport.Conn) {
	if r := ready(c.FD()); r != 0 && !c.Closed() {
		c.OnReady(r)
	}
}

// send sends from a and waits until all of it lies in c's socket.
func (h *hand) send(data []byte) {
	h.t.Helper()
	before := waiting(h.c.FD())
	if n, err := unix.Write(h.a, data); n != len(data) || err != nil {
		h.t.Fatalf("send: %d of %d, %v", n, len(data), err)
	}
	h.until("the bytes arrive", func() bool { return waiting(h.c.FD()) == before+len(data) })
}

// take reads up to n bytes at b; none at the end or if none are there.
func (h *hand) take(n int) []byte {
	h.t.Helper()
	buf := make([]byte, n)
	got, err := unix.Read(h.b, buf)
	if err != nil {
		return nil
	}
	return buf[:got]
}

// gather reads at b until want bytes have come, and lets to go on meanwhile.
func (h *hand) gather(want int) []byte {
	h.t.Helper()
	var all []byte
	h.until("all bytes at the far end", func() bool {
		all = append(all, h.take(64<<10)...)
		h.tell(h.to)
		return len(all) >= want
	})
	return all
}

func (h *hand) closeA() {
	if h.a >= 0 {
		_ = unix.Close(h.a)
		h.a = -1
	}
}

// resetA ends a by RST, and waits for it to arrive.
func (h *hand) resetA() {
	h.t.Helper()
	if err := unix.SetsockoptLinger(h.a, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		h.t.Fatal(err)
	}
	h.closeA()
	h.until("the reset", func() bool { return ready(h.c.FD())&reactor.Failed != 0 })
}

// finA half-closes a, and waits for the FIN to arrive.
func (h *hand) finA() {
	h.t.Helper()
	if err := unix.Shutdown(h.a, unix.SHUT_WR); err != nil {
		h.t.Fatal(err)
	}
	h.until("the end", func() bool { return ready(h.c.FD())&reactor.HangUp != 0 })
}

// setInt sets a socket option of a connection or of a peer.
func setInt(t *testing.T, fd, option, value int) {
	t.Helper()
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, value); err != nil {
		t.Fatal(err)
	}
}

// noise is n bytes that differ from place to place and from seed to seed.
func noise(seed uint32, n int) []byte {
	p := make([]byte, n)
	x := seed*2654435761 + 1
	for i := range p {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		p[i] = byte(x)
	}
	return p
}

const hangUp = reactor.HangUp

// soon is when a peer gives up.
func soon() time.Time { return time.Now().Add(patience) }
