package transport_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"weir/engine/transport"
)

// mark is how much may be queued for b while c is read.
const mark = 64 << 10

// act is one step of a schedule.
type act struct {
	kind byte // s send, m move, t tell, r receive, f FIN of a, x reset of a, y reset of b
	n    int
}

// schedule makes random steps. Whatever ends a stream comes once, and last of what
// its side does.
func schedule(seed uint64) (acts []act) {
	rnd := rand.New(rand.NewPCG(seed, 17))
	ended, left := false, 60_000 // what a's kernel takes though nobody reads
	for range 40 + rnd.IntN(80) {
		switch k := rnd.IntN(20); {
		case k < 6 && !ended && left > 0:
			n := min(left, 1+rnd.IntN([]int{3, 1000, 40_000}[rnd.IntN(3)]))
			left -= n
			acts = append(acts, act{'s', n})
		case k < 11:
			acts = append(acts, act{'m', 1 + rnd.IntN([]int{2, 3000, 200_000}[rnd.IntN(3)])})
		case k < 15:
			acts = append(acts, act{'t', 0})
		case k < 18:
			acts = append(acts, act{'r', 1 + rnd.IntN(30_000)})
		case k == 18 && !ended && rnd.IntN(4) == 0:
			acts, ended = append(acts, act{"fx"[rnd.IntN(2)], 0}), true
		case k == 19 && rnd.IntN(24) == 0:
			return append(acts, act{'y', 0}, act{'m', 1000}, act{'t', 0}, act{'m', math.MaxInt32})
		}
	}
	return acts
}

// outcome is what shows at the end of a schedule.
type outcome struct {
	data   string // at b
	result transport.Result
	errno  syscall.Errno // of c
	toErr  syscall.Errno
}

// play runs a schedule. Wherever the end of c shows, all that came before must have
// been passed on.
func play(t *testing.T, acts []act, splice bool) (o outcome) {
	h := newHand(t, true)
	defer h.end()
	setInt(t, h.to.FD(), unix.SO_SNDBUF, 4096)
	var got []byte
	sent, gone := 0, false
	move := func(limit int) {
		if !h.c.Readable() || h.to.Pending() > mark || o.result != transport.ReadData {
			return
		}
		if splice {
			pending := h.to.Pending()
			n := h.c.SpliceTo(h.to, int64(limit))
			if n < 0 || n > int64(limit) || h.to.Pending() > max(pending, transport.BufferBytes) {
				t.Fatalf("moved %d of %d, %d pending", n, limit, h.to.Pending())
			}
			if n > 0 {
				return
			}
		}
		data, _, r := h.c.Read()
		h.to.Write(data)
		if r == transport.ReadEnd || r == transport.ReadFailed {
			if h.c.BytesIn() != int64(sent) || h.to.Err() == 0 && h.to.BytesOut()+int64(h.to.Pending()) != int64(sent) {
				t.Fatalf("the end shows behind %d of %d bytes, %d passed on", h.c.BytesIn(), sent, h.to.BytesOut()+int64(h.to.Pending()))
			}
			o.result, o.errno = r, h.c.Err()
			h.to.CloseWrite()
		}
	}
	for _, a := range acts {
		switch a.kind {
		case 's':
			h.send(noise(uint32(sent), a.n))
			sent += a.n
		case 'm':
			move(a.n)
		case 't':
			h.tell(h.c)
			h.tell(h.to)
		case 'r':
			got = append(got, h.take(a.n)...)
		case 'f':
			h.finA()
		case 'x':
			h.resetA()
		case 'y':
			if err := unix.SetsockoptLinger(h.b, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
				t.Fatal(err)
			}
			_ = unix.Close(h.b)
			h.b, gone = -1, true
			h.until("the reset of b", func() bool { return ready(h.to.FD())&hangUp != 0 })
		}
	}
	if h.a >= 0 && h.c.Err() == 0 && ready(h.c.FD())&hangUp == 0 {
		h.finA()
	}
	h.until("the end of it", func() bool {
		h.tell(h.c)
		h.tell(h.to)
		move(math.MaxInt32)
		if !gone {
			got = append(got, h.take(1<<20)...)
		}
		return o.result != transport.ReadData && (gone || len(got) >= sent)
	})
	if gone {
		got = nil // how much got through before is the kernel's affair
	}
	o.data, o.toErr = string(got), h.to.Err()
	return o
}

// SpliceTo with Read behind it and Read with Write alone come to the same, whatever
// the peers do, and in whatever order it comes to notice.
func TestSpliceToIsReadAndWrite(t *testing.T) {
	ends := map[string]int{}
	for seed := range uint64(300) {
		acts := schedule(seed)
		want, got := play(t, acts, false), play(t, acts, true)
		if got != want {
			t.Fatalf("seed %d: %d bytes, %v, %v, %v; by copies %d, %v, %v, %v; equal %v\n%c",
				seed, len(got.data), got.result, got.errno, got.toErr, len(want.data), want.result, want.errno, want.toErr,
				bytes.Equal([]byte(got.data), []byte(want.data)), acts)
		}
		ends[fmt.Sprint(want.result, want.errno != 0, want.toErr != 0)]++
	}
	for _, end := range []string{"2 false false", "3 true false", "2 false true"} {
		if ends[end] == 0 {
			t.Errorf("no schedule ended in %q: %v", end, ends)
		}
	}
}
