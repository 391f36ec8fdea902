package transport

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"weir/engine/reactor"
	"weir/engine/tlsconn"
)

// worker computes the steps of its handshakes; a bound one, on a thread of its own that
// leaves the processor to any loop.
//
// A goroutine like others holds up all connections of a loop for as long as a step
// takes: the loop's thread runs it when the loop yields, the one that is woken for the
// loop finds the processor taken, and the kernel lets a thread that has just begun go
// on. A thread that is another from the start, and of low priority, costs the others
// next to nothing, but some 25 us of CPU for each handing over. A handshake stays with
// its worker to the end, because its coroutine belongs to the thread it was made on.
type worker struct {
	pool     *Handshakes
	panicked func(cause any, stack []byte)
	// lower, if not nil, is what is done with the priority of the thread that this worker
	// then has for itself.
	lower func()
	once  sync.Once
	clock func() int64 // the loops'
	// since is from when on the worker has been able to do its present job, on the loops'
	// clock; 0: there is none.
	since atomic.Int64

	mu          sync.Mutex
	wake        sync.Cond
	first, last *job
	closing     bool

	// suspended are the coroutines of a bound thread, of which no other can be rid.
	suspended map[*tlsconn.Conn]struct{}
}

// job is one step, or the end of a handshake that is given up. A handshake has one at a
// time, so that what waits is bounded by the number under way.
type job struct {
	next *job
	s    *secure // nil: give up tls. The worker owns s.tls until it has posted s back.
	loop *reactor.Loop
	at   int64 // when it was handed over
	in   []byte
	tls  *tlsconn.Conn
}

func newWorker(pool *Handshakes, panicked func(cause any, stack []byte), lower func()) *worker {
	w := &worker{pool: pool, panicked: panicked, lower: lower, clock: reactor.Monotonic, suspended: map[*tlsconn.Conn]struct{}{}}
	w.wake.L = &w.mu
	return w
}

// bound reports whether the coroutines of w belong to its thread.
func (w *worker) bound() bool { return w.lower != nil }

// start has w work. Any loop may call it, at any time before close.
func (w *worker) start() {
	w.once.Do(func() { w.pool.running.Go(w.run) })
}

// submit hands over a step.
func (w *worker) submit(j *job) {
	w.mu.Lock()
	if w.last == nil {
		w.first = j
		w.since.CompareAndSwap(0, j.at)
	} else {
		w.last.next = j
	}
	w.last = j
	w.mu.Unlock()
	w.wake.Signal()
}

// giveUp has a suspended handshake ended, and counted out. now is the loops' clock.
func (w *worker) giveUp(t *tlsconn.Conn, now int64) { w.submit(&job{tls: t, at: now}) }

// close has run return, soon.
func (w *worker) close() {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.wake.Signal()
}

// slowAfter is how long one job may take, a millisecond's work or six, before its worker
// counts as one that gets too little of the processor. How many wait says nothing: clients
// come in bursts.
const slowAfter = int64(20e6)

// slow reports whether the present job takes too long.
func (w *worker) slow(now int64) bool {
	since := w.since.Load()
	return since != 0 && now-since > slowAfter
}

// idle reports whether there is no job.
func (w *worker) idle() bool { return w.since.Load() == 0 }

// run works until close.
func (w *worker) run() {
	if w.bound() {
		// Never unlocked: the thread ends with the goroutine, and its priority with it.
		runtime.LockOSThread()
		w.lower()
	}
	for j, open := w.take(); j != nil || open; j, open = w.take() {
		switch {
		case j.s == nil:
			w.abort(j.tls)
			w.pool.end()
		case open:
			j.s.result = w.step(j)
			// A loop that has ended gives up, in Close, what is still away.
			_ = j.loop.PostTo(j.s)
		}
	}
	for t := range w.suspended {
		w.abort(t)
	}
}

// take waits for a job. When the worker is to end, it gives the rest of them, then nil.
func (w *worker) take() (j *job, open bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first == nil {
		w.since.Store(0)
	} else {
		w.since.Store(w.clock())
	}
	for w.first == nil && !w.closing {
		w.wake.Wait()
	}
	if j = w.first; j != nil {
		w.first = j.next
		if w.first == nil {
			w.last = nil
		}
	}
	return j, !w.closing
}

func (w *worker) abort(t *tlsconn.Conn) {
	delete(w.suspended, t)
	t.Abort()
}

func (w *worker) step(j *job) (state tlsconn.State) {
	t := j.s.tls
	if j.s.gone.Load() {
		return tlsconn.Failed
	}
	defer func() {
		if cause := recover(); cause != nil {
			w.panicked(cause, debug.Stack())
			state = tlsconn.Failed
		}
		switch {
		case !w.bound():
		case t.Suspended():
			w.suspended[t] = struct{}{}
		default:
			delete(w.suspended, t)
		}
	}()
	return t.Step(j.in)
}
