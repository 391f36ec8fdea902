package transport

import (
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"weir/engine/reactor"
	"weir/engine/tlsconn"
)

// ErrHandshakesFull is why a handshake was refused: as many as may be are under way.
var ErrHandshakesFull = errors.New("too many TLS handshakes are under way")

// errHandshakePanic is what a handshake fails with that met a bug.
var errHandshakePanic = errors.New("internal error in a TLS handshake")

// Handshakes computes the steps of TLS handshakes, away from the loops: a signature
// of RSA takes a millisecond, in which a loop could have moved a hundred messages.
//
// There are a few workers, and a handshake holds one only while it computes, never
// while it waits for its peer. Handshakes under way are bounded, with them the memory
// that half-open ones can take: some 22 KiB each, and what crypto/tls gathers of a
// message (64 KiB, or 256 KiB of certificates) from a peer that goes to its limits.
type Handshakes struct {
	max      int64
	open     atomic.Int64
	jobs     chan job
	workers  sync.WaitGroup
	closing  atomic.Bool
	panicked func(cause any, stack []byte)
	settler  *settler // nil: none
}

// job is one step. The worker owns s.tls until it has posted s back.
type job struct {
	s    *secure
	loop *reactor.Loop
	in   []byte
}

// maxQueued bounds the steps that wait for a worker.
const maxQueued = 1 << 14

// NewHandshakes starts the workers. max bounds the handshakes under way. panicked is
// told, on a worker, of a bug in a handshake, which costs that handshake.
func NewHandshakes(workers, max int, panicked func(cause any, stack []byte)) *Handshakes {
	h := &Handshakes{max: int64(max), jobs: make(chan job, min(max, maxQueued)), panicked: panicked}
	for range workers {
		h.workers.Go(h.work)
	}
	return h
}

// Close ends the workers. Call it when no loop runs any more, and before the loops are
// closed.
func (h *Handshakes) Close() {
	h.closing.Store(true)
	h.settler.stop()
	close(h.jobs)
	h.workers.Wait()
}

// Open is the number of handshakes under way: from the first step on, and until no
// worker has it. Any goroutine may ask.
func (h *Handshakes) Open() int64 { return h.open.Load() }

// begin counts a handshake, or reports that there are too many. nil counts nothing.
func (h *Handshakes) begin() bool {
	if h == nil {
		return true
	}
	if h.open.Add(1) > h.max {
		h.open.Add(-1)
		return false
	}
	return true
}

func (h *Handshakes) end() {
	if h != nil {
		h.open.Add(-1)
		h.settler.ended()
	}
}

// submit hands a step to a worker, and reports whether there was room.
func (h *Handshakes) submit(j job) bool {
	select {
	case h.jobs <- j:
		return true
	default:
		return false
	}
}

func (h *Handshakes) work() {
	for j := range h.jobs {
		if h.closing.Load() {
			continue
		}
		j.s.result = h.step(j)
		// A loop that has ended gives up, in Close, what is still away.
		_ = j.loop.PostTo(j.s)
	}
}

func (h *Handshakes) step(j job) (state tlsconn.State) {
	if j.s.gone.Load() {
		return tlsconn.Failed
	}
	defer func() {
		if cause := recover(); cause != nil {
			h.panicked(cause, debug.Stack())
			state = tlsconn.Failed
		}
	}()
	return j.s.tls.Step(j.in)
}
