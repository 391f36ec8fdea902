package transport_test

import (
	"bytes"
	"math/rand/v2"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"weir/engine/reactor"
	"weir/engine/transport"
)

// What is written in parts arrives as if it were written in one, wherever the
// kernel stops taking it, and whatever is queued before.
func TestWritePartsIsWriteOfAll(t *testing.T) {
	cuts := map[int]int{} // in which part the kernel stopped
	for _, tcp := range []bool{false, true} {
		h := newHand(t, tcp)
		setInt(t, h.to.FD(), unix.SO_SNDBUF, 4096)
		rnd := rand.New(rand.NewPCG(1, 2))
		var want, got []byte
		behind := 0
		for round := range 1500 {
			// Now and then all is taken out, so that a write meets an empty queue;
			// sometimes the kernel is left nearly full.
			for range rnd.IntN(4) {
				got = append(got, h.take(1+rnd.IntN(8000))...)
				h.tell(h.to)
			}
			if h.to.Pending() > 100_000 || round%7 == 0 {
				got = append(got, h.gather(len(want)-len(got))...)
			}
			var parts [][]byte
			for range rnd.IntN(5) {
				parts = append(parts, noise(rnd.Uint32(), rnd.IntN([]int{1, 10, 3000, 9000}[rnd.IntN(4)])))
			}
			pending, out := h.to.Pending(), h.to.BytesOut()
			h.to.WriteParts(parts...)
			taken := int(h.to.BytesOut() - out)
			size := 0
			for i, p := range parts {
				want = append(want, p...)
				if pending == 0 && taken > size && taken < size+len(p) {
					cuts[i]++
				}
				size += len(p)
			}
			if pending > 0 {
				behind++
			}
			if h.to.Pending() != pending+size-taken {
				t.Fatalf("%d pending, were %d; %d of %d taken", h.to.Pending(), pending, taken, size)
			}
		}
		got = append(got, h.gather(len(want)-len(got))...)
		if !bytes.Equal(got, want) || h.to.BytesOut() != int64(len(want)) {
			t.Errorf("%d bytes of %d, equal %v", len(got), len(want), bytes.Equal(got, want))
		}
		if behind == 0 {
			t.Error("nothing was ever queued before")
		}
	}
	if cuts[0] == 0 || cuts[1] == 0 || cuts[2] == 0 || cuts[3] == 0 {
		t.Errorf("the kernel stopped in parts %v", cuts)
	}
}

// There may be room again, but what is queued goes first.
func TestWritePartsGoBehindTheQueue(t *testing.T) {
	h := newHand(t, false)
	setInt(t, h.to.FD(), unix.SO_SNDBUF, 4096)
	first := noise(8, 200_000)
	h.to.Write(first)
	var got []byte
	for int64(len(got)) < h.to.BytesOut() {
		got = append(got, h.take(64<<10)...)
	}
	h.to.SetOwner(&still{}) // does not flush
	h.tell(h.to)
	h.to.WriteParts([]byte("head "), []byte("body"))
	h.to.SetOwner(h.seen)
	got = append(got, h.gather(len(first)+9-len(got))...)
	if string(got) != string(first)+"head body" {
		t.Errorf("%d bytes, the last are %q", len(got), got[max(0, len(got)-20):])
	}
}

func TestWritePartsOfNothing(t *testing.T) {
	h := newHand(t, false)
	for _, parts := range [][][]byte{nil, {nil}, {{}, nil, {}}} {
		h.to.WriteParts(parts...)
	}
	if h.to.Pending() != 0 || h.to.Err() != 0 || h.to.BytesOut() != 0 {
		t.Errorf("%d pending, %v, %d out", h.to.Pending(), h.to.Err(), h.to.BytesOut())
	}
	h.to.WriteParts(nil, []byte("ab"), nil, []byte("c"), nil) // it is still writable
	if got := h.take(10); string(got) != "abc" || h.to.Pending() != 0 {
		t.Errorf("got %q, %d pending", got, h.to.Pending())
	}
}

// All parts go in one call, so that a head and its body are one segment.
func TestWritePartsIsOneCall(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	h := newHand(t, false)
	var c transport.Conn
	if c.Accept(h.loop, fds[0], h.seen) != 0 {
		t.Fatal("accept")
	}
	defer func() { c.Close(); _ = unix.Close(fds[1]) }()
	c.WriteParts([]byte("head "), []byte("body "), []byte("end"))
	buf := make([]byte, 100)
	if n, err := unix.Read(fds[1], buf); string(buf[:max(n, 0)]) != "head body end" {
		t.Errorf("one packet is %q, %v", buf[:max(n, 0)], err)
	}
}

func TestWritePartsWhereNothingCanBeWritten(t *testing.T) {
	parts := [][]byte{[]byte("ab"), []byte("c")}
	for _, tt := range []struct {
		name    string
		prepare func(h *hand)
		pending int
		errno   syscall.Errno
	}{
		{"closed", func(h *hand) { h.to.Close() }, 0, 0},
		{"end sent", func(h *hand) { h.to.CloseWrite() }, 0, 0},
		{"end to follow", func(h *hand) {
			setInt(h.t, h.to.FD(), unix.SO_SNDBUF, 4096)
			h.to.Write(make([]byte, 1<<20))
			h.to.CloseWrite()
		}, -1, 0},
		{"peer gone", func(h *hand) { _ = unix.Close(h.b); h.b = -1 }, 0, syscall.EPIPE},
		{"failed", func(h *hand) {
			_ = unix.Close(h.b)
			h.b = -1
			h.to.Write([]byte("x"))
		}, 0, syscall.EPIPE},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHand(t, false)
			tt.prepare(h)
			if tt.pending < 0 {
				tt.pending = h.to.Pending()
			}
			out := h.to.BytesOut()
			h.to.WriteParts(parts...)
			h.to.WriteParts(parts...)
			if h.to.Pending() != tt.pending || h.to.Err() != tt.errno || h.to.BytesOut() != out {
				t.Errorf("%d pending, %v, %d bytes out", h.to.Pending(), h.to.Err(), h.to.BytesOut()-out)
			}
			if h.b >= 0 && tt.pending == 0 && len(h.take(10)) > 0 {
				t.Error("something was sent")
			}
		})
	}
}

// What is written while the connect hangs is sent once it is up.
func TestWritePartsBeforeTheConnect(t *testing.T) {
	ln, at := listenOn(t)
	defer func() { _ = unix.Close(ln) }()
	h := newHand(t, false)
	var c transport.Conn
	if errno := c.Dial(h.loop, transport.Outgoing{To: at}, h.seen); errno != 0 {
		t.Fatal(errno)
	}
	defer c.Close()
	c.WriteParts([]byte("ab"), nil, []byte("c"))
	if c.Pending() != 3 || c.BytesOut() != 0 {
		t.Errorf("%d pending, %d out", c.Pending(), c.BytesOut())
	}
	h.until("the connect", func() bool { h.tell(&c); return !c.Connecting() })
	if c.Pending() != 0 || c.BytesOut() != 3 {
		t.Errorf("%d pending, %d out", c.Pending(), c.BytesOut())
	}
}

func TestWritePartsDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	for _, small := range []bool{false, true} {
		h := newHand(t, false)
		if small { // so that most of it has to be queued
			setInt(t, h.to.FD(), unix.SO_SNDBUF, 4096)
		}
		head, body, end := make([]byte, 100), make([]byte, 50_000), []byte("\r\n")
		buf, size := make([]byte, 64<<10), len(head)+len(body)+len(end)
		queued := false
		run := func() {
			h.to.WriteParts(head, body, end)
			queued = queued || h.to.Pending() > 0
			for got := 0; got < size; {
				if n, err := unix.Read(h.b, buf); err == nil {
					got += n
				}
				h.to.OnReady(reactor.Writable)
			}
		}
		run()
		if n := testing.AllocsPerRun(200, run); n != 0 || queued != small {
			t.Errorf("%v allocations; queued %v", n, queued)
		}
	}
}
