// Package pool is the memory of one event loop: size-classed byte buffers,
// outbound chains with a byte count for flow control, and slabs of fixed structs.
//
// One instance belongs to one loop and takes no lock; nothing here may be touched
// from another goroutine, except the counters of Stats. Everything handed out is
// counted, so that a test can demand that all of it came back.
package pool

import (
	"sync/atomic"

	"github.com/valyala/bytebufferpool"
)

// Buffer is a pooled byte buffer. Its B may be grown by append, but then it goes
// back to the class of its new capacity, or to the garbage collector.
type Buffer = bytebufferpool.ByteBuffer

// classBytes are the capacities buffers are made with. They are powers of two,
// since bytebufferpool counts calls by powers of two and keeps what fits the
// most called one.
var classBytes = [...]int{256, 1 << 10, 4 << 10, 16 << 10, 64 << 10}

// MaxBytes is the largest capacity that is pooled.
const MaxBytes = 64 << 10

// Pool hands out buffers and the links of chains. The zero value is ready.
type Pool struct {
	classes [len(classBytes)]bytebufferpool.Pool
	links   *link
	spare   int

	buffers atomic.Int64
	bytes   atomic.Int64
}

// Stats is what a pool has handed out and not got back.
type Stats struct {
	Buffers int64 // buffers outstanding
	Bytes   int64 // their capacity when they were handed out
}

// Stats may be called from any goroutine.
func (p *Pool) Stats() Stats {
	return Stats{Buffers: p.buffers.Load(), Bytes: p.bytes.Load()}
}

// Get returns an empty buffer with a capacity of at least n bytes. The caller
// owns it until Put. Buffers over MaxBytes are made for the occasion and are not
// kept by Put, so that one big item does not stay forever.
func (p *Pool) Get(n int) *Buffer {
	class := classOf(n)
	if class < 0 {
		p.count(1, n)
		return &Buffer{B: make([]byte, 0, n)}
	}
	b := p.classes[class].Get()
	if cap(b.B) < n {
		b.B = make([]byte, 0, classBytes[class])
	}
	p.count(1, cap(b.B))
	return b
}

// Put takes b back; the caller must not touch it again. nil is ignored.
func (p *Pool) Put(b *Buffer) {
	if b == nil {
		return
	}
	size := cap(b.B)
	p.count(-1, -size)
	class := classOf(size)
	if class < 0 || classBytes[class] != size {
		return
	}
	// bytebufferpool learns from the length at Put which capacities are worth
	// keeping; the class is the answer whatever was stored in this one.
	b.B = b.B[:size]
	p.classes[class].Put(b)
}

func (p *Pool) count(buffers int64, bytes int) {
	p.buffers.Add(buffers)
	p.bytes.Add(int64(bytes))
}

// classOf is the smallest class that holds n bytes; -1: none.
func classOf(n int) int {
	for i, size := range classBytes {
		if n <= size {
			return i
		}
	}
	return -1
}
