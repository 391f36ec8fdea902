package transport

import (
	"errors"
	"sync"
	"sync/atomic"

	"weir/engine/reactor"
)

// ErrHandshakesFull is why a handshake was refused: as many as may be are under way.
var ErrHandshakesFull = errors.New("too many TLS handshakes are under way")

// errHandshakePanic is what a handshake fails with that met a bug.
var errHandshakePanic = errors.New("internal error in a TLS handshake")

// Handshakes computes the steps of TLS handshakes, away from the loops: a signature
// of RSA takes a millisecond, in which a loop could have moved a hundred messages.
//
// There are a few workers, and a handshake holds one only while it computes, never
// while it waits for its peer. Heavy ones have workers that take what is left over of the
// processors, which start with the first of them. Where nothing is left over, the other
// workers have the heavy ones too: they go on, and are felt.
//
// Handshakes under way are bounded, with them the memory that half-open ones can take:
// some 22 KiB each, and what crypto/tls gathers of a message (64 KiB, or 256 KiB of
// certificates) from a peer that goes to its limits.
type Handshakes struct {
	max     int64
	open    atomic.Int64
	next    atomic.Uint32 // whose turn it is among the workers
	workers []*worker
	heavy   []*worker // as many
	relief  relief
	running sync.WaitGroup
	settler *settler // nil: none
}

// NewHandshakes starts the workers, so many of each kind. max bounds the handshakes
// under way. panicked is told, on a worker, of a bug in a handshake, which costs that
// handshake.
func NewHandshakes(workers, max int, panicked func(cause any, stack []byte)) *Handshakes {
	h := &Handshakes{max: int64(max)}
	for range workers {
		h.workers = append(h.workers, newWorker(h, panicked, nil))
		h.heavy = append(h.heavy, newWorker(h, panicked, reactor.StayIdle))
	}
	for _, w := range h.workers {
		w.start()
	}
	return h
}

// Close gives up the handshakes under way and ends the workers. Call it when no loop
// runs any more, and before the loops are closed.
func (h *Handshakes) Close() {
	h.settler.stop()
	for i := range h.workers {
		h.workers[i].close()
		h.heavy[i].close()
	}
	h.running.Wait()
}

// Open is the number of handshakes under way: from the first step on, and until no
// worker has it. Any goroutine may ask.
func (h *Handshakes) Open() int64 { return h.open.Load() }

// begin counts a handshake and gives the worker that is to have it to its end, or nil
// if there are too many. now is the loop's clock.
func (h *Handshakes) begin(now int64, weight Weight) *worker {
	if h.open.Add(1) > h.max {
		h.open.Add(-1)
		return nil
	}
	i := int(h.next.Add(1)) % len(h.workers)
	if weight != Heavy {
		return h.workers[i]
	}
	w := h.heavy[i]
	if w.slow(now) {
		h.relief.extend(now)
	}
	if !h.relief.may(now, w.idle()) {
		return h.workers[i]
	}
	w.start()
	return w
}

func (h *Handshakes) end() {
	h.open.Add(-1)
	h.settler.ended()
}
