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
// while it waits for its peer. Those of heavy ones are threads that take what the loops
// leave of the processors. Where that is too little, new handshakes go to as many others,
// which have a share of it (relief): at a loop that is always busy, handshakes go on, and
// are felt.
//
// Handshakes under way are bounded, with them the memory
// that half-open ones can take: some 22 KiB each, and what crypto/tls gathers of a
// message (64 KiB, or 256 KiB of certificates) from a peer that goes to its limits.
type Handshakes struct {
	max     int64
	open    atomic.Int64
	next    atomic.Uint32 // whose turn it is among the workers
	workers []*worker     // of all but heavy ones
	heavy   []*worker     // as many
	relief  []*worker     // as many
	relieve atomic.Int64  // until when relief has the new ones, on the loops' clock
	running sync.WaitGroup
	settler *settler // nil: none
}

// reliefLasts is how long relief has all new handshakes once a worker was slow: only
// those begun before that are held up again when it ends.
const reliefLasts = int64(1e9)

// NewHandshakes starts the workers, so many of each kind. max bounds the handshakes under way. panicked is
// told, on a worker, of a bug in a handshake, which costs that handshake.
func NewHandshakes(workers, max int, panicked func(cause any, stack []byte)) *Handshakes {
	h := &Handshakes{max: int64(max)}
	for range workers {
		h.workers = append(h.workers, h.start(panicked, nil))
		h.heavy = append(h.heavy, h.start(panicked, reactor.StayIdle))
		h.relief = append(h.relief, h.start(panicked, reactor.StayBehind))
	}
	return h
}

// start starts a worker; lower, if any, is what is done with the priority of its thread.
func (h *Handshakes) start(panicked func(cause any, stack []byte), lower func()) *worker {
	w := newWorker(h, panicked)
	w.bound = lower != nil
	h.running.Go(func() { w.run(lower) })
	return w
}

// Close gives up the handshakes under way and ends the workers. Call it when no loop
// runs any more, and before the loops are closed.
func (h *Handshakes) Close() {
	h.settler.stop()
	for i := range h.workers {
		h.workers[i].close()
		h.heavy[i].close()
		h.relief[i].close()
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
	if h.heavy[i].slow(now) {
		h.relieve.Store(now + reliefLasts)
	}
	if now < h.relieve.Load() {
		return h.relief[i]
	}
	return h.heavy[i]
}

func (h *Handshakes) end() {
	h.open.Add(-1)
	h.settler.ended()
}
