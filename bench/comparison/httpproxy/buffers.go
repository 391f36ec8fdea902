package httpproxy

import "sync"

// bufferBytes is what ReverseProxy would allocate for every body without a pool.
const bufferBytes = 32 << 10

// buffers is an httputil.BufferPool.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{sync.Pool{New: func() any { return new([bufferBytes]byte) }}}
}

func (b *buffers) Get() []byte { return b.pool.Get().(*[bufferBytes]byte)[:] }

// Put takes what Get gave.
func (b *buffers) Put(buf []byte) { b.pool.Put((*[bufferBytes]byte)(buf)) }
