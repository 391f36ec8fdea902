package transport_test

import (
	"bytes"
	"math"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"weir/engine/reactor"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
)

// In every case where SpliceTo has nothing to do it does nothing: the bytes that
// have arrived are still there.
func TestSpliceToRefuses(t *testing.T) {
	const early, late = "early ", "late"
	tests := []struct {
		name    string
		prepare func(h *hand)
		want    string // what Read gives afterwards
	}{
		{"bytes held by Unread", func(h *hand) {
			data, _, _ := h.c.Read()
			h.c.Unread(data)
			h.send([]byte(late))
			h.tell(h.c)
		}, early + late},
		{"bytes queued", func(h *hand) {
			setInt(h.t, h.to.FD(), unix.SO_SNDBUF, 4096)
			h.to.Write(make([]byte, 1<<20))
			if h.to.Pending() == 0 {
				h.t.Fatal("nothing is queued")
			}
		}, early},
		{"queued, though there is room", func(h *hand) {
			setInt(h.t, h.to.FD(), unix.SO_SNDBUF, 4096)
			h.to.Write(make([]byte, 1<<20))
			sent := h.to.BytesOut()
			for got := int64(0); got < sent; {
				got += int64(len(h.take(64 << 10)))
			}
			h.to.SetOwner(&still{}) // does not flush
			h.tell(h.to)
		}, early},
		{"end to follow what is queued", func(h *hand) {
			setInt(h.t, h.to.FD(), unix.SO_SNDBUF, 4096)
			h.to.Write(make([]byte, 1<<20))
			h.to.CloseWrite()
		}, early},
		{"end sent", func(h *hand) { h.to.CloseWrite() }, early},
		{"closed", func(h *hand) { h.to.Close() }, early},
		{"failed", func(h *hand) {
			_ = unix.Close(h.b)
			h.b = -1
			h.to.Write([]byte("x"))
			h.to.Write([]byte("x"))
			if h.to.Err() == 0 {
				h.t.Fatal("not failed")
			}
		}, early},
		{"to a link", func(h *hand) { h.to.Close(); h.to = h.linked() }, early},
		{"no event", func(h *hand) {
			_, _, _ = h.c.Read()
			h.send([]byte(late))
		}, ""},
		{"limit 0", func(*hand) {}, early},
		{"limit below 0", func(*hand) {}, early},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHand(t, false)
			h.send([]byte(early))
			h.tell(h.c)
			tt.prepare(h)
			limit := map[string]int64{"limit 0": 0, "limit below 0": -1}[tt.name]
			if limit == 0 && tt.name != "limit 0" {
				limit = math.MaxInt64
			}
			pending := h.to.Pending()
			if n := h.c.SpliceTo(h.to, limit); n != 0 {
				t.Errorf("moved %d bytes", n)
			}
			if h.to.Pending() != pending {
				t.Errorf("%d bytes are queued, were %d", h.to.Pending(), pending)
			}
			if data, _, _ := h.c.Read(); string(data) != tt.want {
				t.Errorf("what is left is %q, want %q", data, tt.want)
			}
		})
	}
}

// still is an owner that does nothing at all.
type still struct{}

func (*still) OnConn(*transport.Conn)      {}
func (*still) OnConnPanic(*transport.Conn) {}

// linked is a connection on a link of the same loop.
func (h *hand) linked() *transport.Conn {
	c := &transport.Conn{}
	c.AttachLink(h.loop, transporttest.New().Client(), &still{}, true)
	return c
}

func TestSpliceToFromWhatIsNotThere(t *testing.T) {
	t.Run("a link", func(t *testing.T) {
		h := newHand(t, false)
		c := h.linked()
		defer c.Close()
		c.OnReady(reactor.Readable)
		if got := c.SpliceTo(h.to, 10); got != 0 || c.Err() != 0 || !c.Readable() {
			t.Errorf("moved %d, %v, readable %v", got, c.Err(), c.Readable())
		}
	})
	t.Run("closed", func(t *testing.T) {
		h := newHand(t, false)
		h.send([]byte("abc"))
		h.tell(h.c)
		h.c.Close()
		if got := h.c.SpliceTo(h.to, 10); got != 0 {
			t.Errorf("moved %d", got)
		}
	})
	t.Run("failed", func(t *testing.T) {
		h := newHand(t, true)
		h.send([]byte("last words"))
		h.resetA()
		h.tell(h.c)
		if got := h.c.SpliceTo(h.to, 100); got != 0 || h.c.Err() != syscall.ECONNRESET {
			t.Errorf("moved %d, %v", got, h.c.Err())
		}
		if data, _, r := h.c.Read(); string(data) != "last words" || r != transport.ReadData {
			t.Errorf("%q, %v", data, r)
		}
		if _, _, r := h.c.Read(); r != transport.ReadFailed {
			t.Errorf("%v", r)
		}
	})
	t.Run("to a connect that hangs", func(t *testing.T) {
		h := newHand(t, false)
		h.send([]byte("abc"))
		h.tell(h.c)
		var to transport.Conn
		// No event has told that the connect is over.
		ln, at := listenOn(t)
		defer func() { _ = unix.Close(ln) }()
		if errno := to.Dial(h.loop, transport.Outgoing{To: at}, &still{}); errno != 0 {
			t.Fatal(errno)
		}
		if got := h.c.SpliceTo(&to, 10); got != 0 || !to.Connecting() {
			t.Errorf("moved %d, connecting %v", got, to.Connecting())
		}
		to.Close()
	})
}

// A reset may come before its event does, and then it is the SpliceTo that meets it.
// It must not be taken for an end: the kernel tells it once.
func TestSpliceToMeetsAReset(t *testing.T) {
	for _, before := range []string{"", "last words"} {
		for _, moved := range []bool{false, true} {
			if moved && before == "" {
				continue
			}
			h := newHand(t, true)
			h.send([]byte(before))
			h.resetA()
			h.c.OnReady(reactor.Readable) // as if the reset came after the event
			limit := int64(100)
			if moved {
				limit = int64(len(before)) // so that the next call meets the reset
			}
			got := h.c.SpliceTo(h.to, limit)
			got += h.c.SpliceTo(h.to, 100)
			if got != int64(len(before)) {
				t.Errorf("moved %d of %q", got, before)
			}
			for range 3 {
				data, _, r := h.c.Read()
				if len(data) > 0 || r != transport.ReadFailed || h.c.Err() != syscall.ECONNRESET || !h.c.Failed() {
					t.Errorf("%q: then %q, result %v, %v", before, data, r, h.c.Err())
				}
			}
			if data := h.gather(len(before)); string(data) != before {
				t.Errorf("%q came through", data)
			}
		}
	}
}

func TestSpliceToKeepsToTheLimit(t *testing.T) {
	h := newHand(t, false)
	data := noise(1, 150_000)
	h.send(data[:90_000])
	h.tell(h.c)
	var got []byte
	moved := int64(0)
	for _, limit := range []int64{1, 2, 4095, 4096, 4097, 65_535, 1} {
		n := h.c.SpliceTo(h.to, limit)
		if n != limit || h.to.BytesOut()+int64(h.to.Pending()) != moved+n {
			t.Fatalf("limit %d: moved %d", limit, n)
		}
		moved += n
		if left := waiting(h.c.FD()); left != 90_000-int(moved) {
			t.Fatalf("limit %d: %d bytes are left", limit, left)
		}
		got = append(got, h.gather(int(n))...)
	}
	h.send(data[90_000:])
	h.tell(h.c)
	for len(got) < len(data) {
		n := h.c.SpliceTo(h.to, math.MaxInt64)
		if n <= 0 {
			t.Fatal("it has stopped")
		}
		moved += n
		got = append(got, h.gather(int(moved)-len(got))...)
	}
	if !bytes.Equal(got, data) || h.c.BytesIn() != moved || h.to.BytesOut() != moved || moved != int64(len(data)) {
		t.Errorf("%d bytes, equal %v; %d in, %d out", len(got), bytes.Equal(got, data), h.c.BytesIn(), h.to.BytesOut())
	}
	// Emptied: the next bytes make a new event, and until then there is no call.
	if h.c.SpliceTo(h.to, 1) != 0 || h.c.MoreToRead() {
		t.Error("it is not known that the socket is empty")
	}
}

// What the kernel does not take leaves the pipe for the queue, in order, and it is
// never more than the limit.
func TestSpliceToQueuesWhatIsNotTaken(t *testing.T) {
	h := newHand(t, false)
	setInt(t, h.to.FD(), unix.SO_SNDBUF, 4096)
	data := noise(2, 1<<20)
	var got []byte
	queued := 0
	const limit = 100_000
	for sent := 0; len(got) < len(data); {
		n, _ := unix.Write(h.a, data[sent:])
		sent += max(n, 0)
		h.tell(h.c)
		if n := h.c.SpliceTo(h.to, limit); n > 0 && h.to.Pending() > 0 {
			queued++
		}
		if h.to.Pending() > limit {
			t.Fatalf("%d bytes are queued", h.to.Pending())
		}
		if n := h.c.SpliceTo(h.to, limit); n > 0 && h.to.Pending() > limit {
			t.Fatalf("%d bytes went behind what is queued", n)
		}
		got = append(got, h.take(50_000)...)
		h.tell(h.to)
	}
	if queued < 4 || !bytes.Equal(got, data) {
		t.Errorf("queued %d times, equal %v", queued, bytes.Equal(got, data))
	}
}

// The receiver leaves while the pipe holds bytes for it. They are gone; the next
// stream that goes through the pipe must not meet them.
func TestSpliceToAFailedPeerLeavesThePipeEmpty(t *testing.T) {
	h := newHand(t, false)
	_ = unix.Close(h.b)
	h.b = -1
	h.send([]byte("for nobody"))
	h.tell(h.c)
	if n := h.c.SpliceTo(h.to, 100); n != 10 || h.to.Err() != syscall.EPIPE || h.to.Pending() != 0 {
		t.Errorf("moved %d, %v, %d pending", n, h.to.Err(), h.to.Pending())
	}
	var next transport.Conn
	fd, peer := unixPair(t)
	h.b = peer
	if next.Accept(h.loop, fd, h.seen) != 0 {
		t.Fatal("accept")
	}
	defer next.Close()
	h.send([]byte("for the next"))
	h.tell(h.c)
	if n := h.c.SpliceTo(&next, 100); n != 12 {
		t.Errorf("moved %d", n)
	}
	if got := h.take(100); string(got) != "for the next" {
		t.Errorf("the next got %q", got)
	}
}

// Where no pipe can be had, nothing moves and nothing is lost; later it works.
func TestSpliceToWithoutDescriptors(t *testing.T) {
	h := newHand(t, false)
	h.send([]byte("abc"))
	h.tell(h.c)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	next, err := unix.Dup(h.a)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(next)
	for free := range 2 {
		low := limit
		low.Cur = uint64(next + free)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
			t.Fatal(err)
		}
		n := h.c.SpliceTo(h.to, 100)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if n != 0 || !h.c.Readable() || h.c.Err() != 0 || h.to.Err() != 0 {
			t.Errorf("%d free: moved %d, readable %v", free, n, h.c.Readable())
		}
	}
	if n := h.c.SpliceTo(h.to, 100); n != 3 {
		t.Errorf("with descriptors: moved %d", n)
	}
	if got := h.take(10); string(got) != "abc" {
		t.Errorf("got %q", got)
	}
}

// A loop has one pipe, however many connections use it, and closes it.
func TestSpliceToHoldsOnePipe(t *testing.T) {
	before := descriptors(t)
	t.Run("used", func(t *testing.T) {
		h := newHand(t, false)
		opened := descriptors(t)
		for range 5 {
			h.send([]byte("abc"))
			h.tell(h.c)
			if h.c.SpliceTo(h.to, 100) != 3 {
				t.Fatal("not moved")
			}
		}
		if n := descriptors(t) - opened; n != 2 {
			t.Errorf("%d descriptors more", n)
		}
	})
	if now := descriptors(t); now != before {
		t.Errorf("%d descriptors, were %d", now, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func listenOn(t *testing.T) (ln int, at transport.Addr) {
	t.Helper()
	ln, bound, err := reactor.Bind(netip.MustParseAddrPort("127.0.0.1:0"), false)
	if err != nil {
		t.Fatal(err)
	}
	return ln, transport.AddrFrom(bound)
}

func TestSpliceToDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	for _, small := range []bool{false, true} {
		h := newHand(t, false)
		data := make([]byte, 100_000)
		if small { // so that most of it has to be queued
			setInt(t, h.to.FD(), unix.SO_SNDBUF, 4096)
		}
		buf := make([]byte, len(data))
		queued := false
		run := func() {
			if n, err := unix.Write(h.a, data); n != len(data) || err != nil {
				t.Fatal(n, err)
			}
			for got := 0; got < len(data); {
				h.c.OnReady(reactor.Readable)
				h.c.SpliceTo(h.to, math.MaxInt64)
				queued = queued || h.to.Pending() > 0
				if n, err := unix.Read(h.b, buf); err == nil {
					got += n
				}
				h.to.OnReady(reactor.Writable)
			}
		}
		run()
		if n := testing.AllocsPerRun(200, run); n != 0 || queued != small {
			t.Errorf("%v allocations for 100 kB; queued %v", n, queued)
		}
	}
}
