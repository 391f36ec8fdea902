package session

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/configs"
	"weir/engine/fault"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
)

// spliced is a session whose two connections are sockets, so that large bodies
// pass inside the kernel, on a clock that is moved by hand.
type spliced struct {
	*fixture
	s          *Session
	client, up int // the peers' descriptors
}

// largeLength is a body whose end no test here comes to.
const largeLength = 1 << 40

func pair(t *testing.T) (ours, peer int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fds[1]) })
	return fds[0], fds[1]
}

// newSpliced makes the session and brings it as far as the endpoint having the
// request.
func newSpliced(t *testing.T, request string, edit ...func(*setup)) *spliced {
	t.Helper()
	n, err := transporttest.NewWithSockets()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Loop.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &spliced{}
	p.fixture = newFixture(t, append(edit, func(s *setup) { s.net = n })...)
	fd, client := pair(t)
	ours, up := pair(t)
	p.client, p.up = client, up
	p.worker.Accept(fd, clientAddr(1), p.ln)
	p.s = p.worker.list
	n.Loop.SetDialer(func(c *transport.Conn, _ transport.Outgoing) syscall.Errno { return c.Accept(n.Loop, ours, p.s) })
	t.Cleanup(func() {
		if p.open() {
			p.s.cut(fault.Bug, byWeir)
			n.Settle()
		}
	})
	// A burst of more than one read fits into each sender's kernel buffer.
	for _, fd := range []int{client, up} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 200_000); err != nil {
			t.Fatal(err)
		}
	}
	p.write(client, request)
	for range 3 {
		p.turn()
	}
	if got := p.read(up); !strings.Contains(got, "\r\n\r\n") {
		t.Fatalf("the endpoint got %q", got)
	}
	return p
}

// open reports whether the session goes on.
func (p *spliced) open() bool { return p.worker.list != nil }

// turn lets the session see what is there.
func (p *spliced) turn() {
	if !p.open() {
		return
	}
	p.s.down.Poke()
	if p.s.up != nil {
		p.s.up.Poke()
	}
	p.s.drive()
	p.n.Settle()
}

func (p *spliced) write(fd int, data string) {
	p.Helper()
	if n, err := unix.Write(fd, []byte(data)); n != len(data) || err != nil {
		p.Fatalf("write: %d of %d, %v", n, len(data), err)
	}
}

// read takes what is there.
func (p *spliced) read(fd int) string {
	var all []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(fd, buf)
		if n <= 0 || err != nil {
			return string(all)
		}
		all = append(all, buf[:n]...)
	}
}

// pass sends data from one peer, and demands that the other gets just that.
func (p *spliced) pass(from, to int, data string) {
	p.Helper()
	p.write(from, data)
	p.turn()
	if got := p.read(to); got != data {
		p.Fatalf("%d bytes came through, want %d", len(got), len(data))
	}
}

// refused demands weir's own answer of kind.
func (p *spliced) refused(kind fault.Kind) {
	p.Helper()
	if got := p.read(p.client); !strings.Contains(got, "\r\nWeir-Error: "+kind.String()+"\r\n") || p.faults(kind) != 1 {
		p.Fatalf("want %v, %d counted; got %q", kind, p.faults(kind), got)
	}
}

func upload(length int64) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", length)
}

// A drip is a drip, though nobody looks at it; and one byte a second more is none.
func TestMinimumRateOfASplicedUpload(t *testing.T) {
	for _, tt := range []struct {
		piece int // bytes sent each 5 s, where 256 a second are the least
		ended bool
	}{{5, true}, {1279, true}, {1280, false}} {
		p := newSpliced(t, upload(largeLength), func(s *setup) { s.listener.MinBodyRate = configs.Size(256) })
		piece := strings.Repeat("x", tt.piece)
		p.pass(p.client, p.up, piece)
		p.n.Advance(5 * second)
		p.pass(p.client, p.up, piece)
		p.until(5 * second)
		if p.read(p.client) != "" {
			t.Fatal("judged before the window has ended")
		}
		p.past()
		if tt.ended {
			p.refused(fault.BodyTooSlow)
			continue
		}
		for range 10 {
			p.pass(p.client, p.up, piece)
			p.n.Advance(5 * second)
		}
		if got := p.read(p.client); got != "" || !p.open() {
			t.Errorf("%d each 5 s: %q", tt.piece, got)
		}
	}
}

// Each piece sets the client's time back, and what it says no more ends it.
func TestIdleTimeOfASplicedUpload(t *testing.T) {
	p := newSpliced(t, upload(largeLength), func(s *setup) { s.listener.MinBodyRate = 0 })
	idle := time.Duration(p.ln.BodyIdle)
	for range 3 {
		p.pass(p.client, p.up, "piece")
		p.until(idle)
		if !p.open() {
			t.Fatal("ended early")
		}
	}
	p.past()
	p.refused(fault.BodyTimeout)
}

// A client that sends its body without waiting for the 100 it asked for is timed as
// any other.
func TestSplicedUploadEndsTheWaitForA100(t *testing.T) {
	request := strings.Replace(upload(largeLength), "\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1)
	p := newSpliced(t, request, func(s *setup) { s.listener.MinBodyRate = 0 })
	p.pass(p.client, p.up, "piece")
	p.until(time.Duration(p.ln.BodyIdle))
	p.past()
	p.refused(fault.BodyTimeout)
}

// While the endpoint does not take what is queued for it, it is not the client that
// is late.
func TestSplicedUploadToASlowEndpoint(t *testing.T) {
	p := newSpliced(t, upload(largeLength), func(s *setup) { s.pauseAbove = 16 << 10 })
	if err := unix.SetsockoptInt(p.s.up.FD(), unix.SOL_SOCKET, unix.SO_SNDBUF, 4096); err != nil {
		t.Fatal(err)
	}
	p.write(p.client, strings.Repeat("x", 100_000))
	p.turn()
	if n := p.s.up.Pending(); !p.s.pausedDown || n <= 16<<10 || n > transport.BufferBytes {
		t.Fatalf("paused %v, %d bytes are queued", p.s.pausedDown, n)
	}
	p.until(time.Duration(p.s.x.route.ResponseTimeout))
	if !p.open() {
		t.Fatal("ended early")
	}
	p.past()
	p.refused(fault.ResponseTimeout)
}

// The endpoint's time to answer begins with the end of the body.
func TestAnswerToASplicedUploadIsTimedFromItsEnd(t *testing.T) {
	const size = 2 * spliceAbove
	p := newSpliced(t, upload(size))
	limit := time.Duration(p.s.x.route.ResponseTimeout)
	p.n.Advance(10 * second)
	p.pass(p.client, p.up, strings.Repeat("x", size))
	if !p.s.x.reqDone || p.s.x.reqBytes != size {
		t.Fatalf("done %v, %d bytes", p.s.x.reqDone, p.s.x.reqBytes)
	}
	p.until(limit)
	if got := p.read(p.client); got != "" {
		t.Fatalf("answered early: %q", got)
	}
	p.past()
	p.refused(fault.ResponseTimeout)
}

func (p *spliced) answer(length int64) {
	p.Helper()
	p.write(p.up, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", length))
	p.turn()
	if got := p.read(p.client); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		p.Fatalf("%q", got)
	}
}

// Each piece sets the endpoint's time back, and its silence ends the response.
func TestIdleTimeOfASplicedDownload(t *testing.T) {
	p := newSpliced(t, get)
	p.answer(largeLength)
	idle := time.Duration(p.s.x.route.ResponseIdle)
	for range 3 {
		p.pass(p.up, p.client, "piece")
		p.until(idle)
		if !p.open() {
			t.Fatal("ended early")
		}
	}
	p.past()
	if p.open() || p.faults(fault.ResponseIdle) != 1 {
		t.Errorf("open %v, %d faults", p.open(), p.faults(fault.ResponseIdle))
	}
}

// A client that takes nothing more of what passes unseen is timed from the last
// byte it took, whatever the endpoint does.
func TestSendTimeOfASplicedDownload(t *testing.T) {
	p := newSpliced(t, get)
	p.answer(largeLength)
	if err := unix.SetsockoptInt(p.s.down.FD(), unix.SOL_SOCKET, unix.SO_SNDBUF, 4096); err != nil {
		t.Fatal(err)
	}
	p.n.Advance(20 * second)
	p.pass(p.up, p.client, "taken at once")
	p.write(p.up, strings.Repeat("x", 100_000))
	p.turn()
	if n := p.s.down.Pending(); n == 0 || n > transport.BufferBytes {
		t.Fatalf("%d bytes are queued", n)
	}
	idle := time.Duration(p.ln.BodyIdle)
	p.n.Advance(idle - 10*second)
	p.write(p.up, "more") // which the client has to do with nothing
	p.turn()
	p.until(10 * second)
	if !p.open() {
		t.Fatal("ended early")
	}
	p.past()
	if p.open() || p.faults(fault.SendTimeout) != 1 {
		t.Errorf("open %v, %d faults", p.open(), p.faults(fault.SendTimeout))
	}
}

// The last bytes of a body, below what is worth a splice, and those that are not of
// it, take the other way: the request behind it is read as one.
func TestSpliceEndsWithTheBody(t *testing.T) {
	for _, size := range []int64{spliceAbove - 1, spliceAbove, spliceAbove + 1, 100_000} {
		p := newSpliced(t, upload(size))
		body := strings.Repeat("b", int(size))
		p.write(p.client, body+get)
		p.turn()
		if got := p.read(p.up); got != body {
			t.Fatalf("%d: the endpoint got %d bytes, ending in %q", size, len(got), got[max(0, len(got)-20):])
		}
		p.write(p.up, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, body))
		p.turn()
		p.turn()
		wantHead(t, p.read(p.client), "HTTP/1.1 200 OK")
		if got := p.read(p.up); !strings.HasPrefix(got, "GET / HTTP/1.1\r\n") {
			t.Errorf("%d: the next request is %q", size, got)
		}
		if p.counters.Reused.Load() != 1 {
			t.Errorf("reused %d", p.counters.Reused.Load())
		}
	}
}

// A tunnel's burst goes by splice from the second read on. What its receiver does
// not take of that is queued once, and the sender left alone until it has been.
func TestSplicedTunnelPausesItsSender(t *testing.T) {
	for _, down := range []bool{false, true} {
		p := newSpliced(t, handshake, func(s *setup) { s.pauseAbove = 16 << 10 })
		p.write(p.up, switched)
		p.turn()
		p.turn()
		if got := p.read(p.client); p.s.phase != phaseTunnel {
			t.Fatalf("no tunnel: %q", got)
		}
		from, to, out, paused := p.client, p.up, &p.s.up.Conn, &p.s.pausedDown
		if down {
			from, to, out, paused = p.up, p.client, &p.s.down, &p.s.pausedUp
		}
		// Room for one read, and for some of the splice behind it.
		if err := unix.SetsockoptInt(out.FD(), unix.SOL_SOCKET, unix.SO_SNDBUF, 75_000); err != nil {
			t.Fatal(err)
		}
		burst := make([]byte, 2*transport.BufferBytes+50_000)
		for i := range burst {
			burst[i] = byte(i) ^ byte(i>>8)*31 ^ byte(i>>16)
		}
		in := p.s.down.BytesIn() + p.s.up.BytesIn()
		p.write(from, string(burst))
		p.turn()
		if n := out.Pending(); !*paused || n <= 16<<10 || n > transport.BufferBytes {
			t.Fatalf("down %v: paused %v, %d bytes are queued", down, *paused, n)
		}
		p.turn()
		if n := p.s.down.BytesIn() + p.s.up.BytesIn() - in; n > 2*transport.BufferBytes {
			t.Errorf("down %v: %d bytes were read, of which %d are queued", down, n, out.Pending())
		}
		var got strings.Builder
		for got.Len() < len(burst) {
			before := got.Len()
			got.WriteString(p.read(to))
			if got.Len() == before {
				t.Fatalf("down %v: it has stopped behind %d bytes", down, before)
			}
			out.OnReady(transporttest.Room)
			p.turn()
		}
		if got.String() != string(burst) {
			t.Errorf("down %v: not what was sent", down)
		}
	}
}

// A sender of bulk has its turn, and then the others have theirs.
func TestSplicedTunnelKeepsToItsTurn(t *testing.T) {
	p := newSpliced(t, handshake)
	p.write(p.up, switched)
	p.turn()
	p.turn()
	p.read(p.client)
	if err := unix.SetsockoptInt(p.s.up.FD(), unix.SOL_SOCKET, unix.SO_SNDBUF, 200_000); err != nil {
		t.Fatal(err)
	}
	burst := strings.Repeat("0123456", (transport.TurnBudget+50_000)/7)
	in := p.s.down.BytesIn()
	p.write(p.client, burst)
	p.n.HoldYields = true
	p.turn()
	if n := p.s.down.BytesIn() - in; n != transport.TurnBudget || p.s.up.Pending() > 0 {
		t.Errorf("%d bytes in one turn, want %d; %d pending", n, transport.TurnBudget, p.s.up.Pending())
	}
	p.n.HoldYields = false
	p.n.Settle() // which has the turns that were asked for
	if got := p.read(p.up); got != burst {
		t.Errorf("%d bytes came through, want %d", len(got), len(burst))
	}
}
