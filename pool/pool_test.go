package pool

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestGetHasRoomAndComesBack(t *testing.T) {
	var p Pool
	for _, n := range []int{0, 1, 256, 257, 4096, 16 << 10, 64 << 10, 64<<10 + 1, 1 << 20} {
		b := p.Get(n)
		if len(b.B) != 0 || cap(b.B) < n {
			t.Errorf("Get(%d): len %d cap %d", n, len(b.B), cap(b.B))
		}
		if s := p.Stats(); s.Buffers != 1 || s.Bytes < int64(n) {
			t.Errorf("Get(%d): stats %+v", n, s)
		}
		p.Put(b)
		if s := p.Stats(); s != (Stats{}) {
			t.Errorf("after Put(%d): stats %+v, want none outstanding", n, s)
		}
	}
	p.Put(nil)
}

// A pool that is calibrated by short contents must still keep full-size buffers:
// bytebufferpool would drop them by what was stored, not by what they hold.
func TestShortContentsDoNotDropBuffers(t *testing.T) {
	var p Pool
	for range 100_000 {
		b := p.Get(4096)
		b.B = append(b.B, "short"...)
		p.Put(b)
	}
	if raceEnabled {
		return
	}
	allocs := testing.AllocsPerRun(1000, func() {
		b := p.Get(4096)
		b.B = append(b.B, "short"...)
		p.Put(b)
	})
	if allocs != 0 {
		t.Errorf("Get and Put of a warm class allocate %v times", allocs)
	}
}

// The chain against a plain byte slice, with random appends and consumes.
func TestChainIsAQueueOfBytes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var p Pool
	var c Chain
	var want []byte
	segs := make([][]byte, 1000)
	for step := range 5000 {
		if rnd.IntN(2) == 0 && len(want) < 1<<20 {
			data := make([]byte, rnd.IntN(1<<uint(rnd.IntN(17))))
			for i := range data {
				data[i] = byte(step + i)
			}
			c.Append(&p, data)
			want = append(want, data...)
		} else {
			n := rnd.IntN(len(want) + 1)
			c.Consume(&p, n)
			want = want[n:]
		}
		if c.Len() != len(want) {
			t.Fatalf("step %d: Len %d, want %d", step, c.Len(), len(want))
		}
		if step%50 == 0 {
			if got := bytes.Join(segs[:c.Segments(segs)], nil); !bytes.Equal(got, want) {
				t.Fatalf("step %d: contents differ", step)
			}
		}
	}
	c.Clear(&p)
	if s := p.Stats(); c.Len() != 0 || s != (Stats{}) {
		t.Errorf("after Clear: Len %d, %+v outstanding", c.Len(), s)
	}
}

func TestChainDoesNotAllocateWhenWarm(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	var p Pool
	var c Chain
	data := make([]byte, 40_000)
	run := func() {
		c.Append(&p, data)
		c.Consume(&p, 39_999)
		c.Consume(&p, 1)
	}
	run()
	if allocs := testing.AllocsPerRun(1000, run); allocs != 0 {
		t.Errorf("append and consume allocate %v times", allocs)
	}
}

func TestSlabReusesZeroedValues(t *testing.T) {
	type item struct {
		p *int
		n int
	}
	var s Slab[item]
	seen := map[*item]bool{}
	var all []*item
	for range 3 * slabBlock {
		v := s.Get()
		if v.p != nil || v.n != 0 || seen[v] {
			t.Fatalf("Get: %+v, seen before: %v", *v, seen[v])
		}
		seen[v] = true
		v.p, v.n = &v.n, 1
		all = append(all, v)
	}
	for _, v := range all {
		s.Put(v)
	}
	if s.Live() != 0 {
		t.Fatalf("Live %d after all were put", s.Live())
	}
	v := s.Get()
	if !seen[v] || v.p != nil || v.n != 0 {
		t.Errorf("reused value %+v, from the slab: %v", *v, seen[v])
	}
}

func BenchmarkGetPut(b *testing.B) {
	var p Pool
	for b.Loop() {
		p.Put(p.Get(4096))
	}
}
