package bench

import (
	"bytes"
	"errors"
	"math"
	"net"
	"os"
	"sync"
	"time"
)

// schedule says when each unit is due: they are dealt to the flows in turn, evenly
// over time. So the time of a reply's unit follows from its number, and no queue
// of times is kept, however far a server falls behind.
type schedule struct {
	start    int64
	interval float64 // nanoseconds between two units of any flow
	flows    int
}

// at is when unit k of flow i is due.
func (s schedule) at(i int, k uint64) int64 {
	return s.start + int64((float64(k)*float64(s.flows)+float64(i))*s.interval)
}

// paced runs peers in open loop and returns when every unit that was due in the
// window is answered or given up.
func (r *run) paced(peers []peer) {
	s := schedule{start: r.window.begin - int64(r.Warmup), interval: float64(time.Second) / r.Rate, flows: len(peers)}
	var readers, senders sync.WaitGroup
	flows := make([]*flow, len(peers))
	for i, p := range peers {
		f := &flow{run: r, peer: p, link: p.wire(), rec: r.recorder(i), schedule: s, index: i, tasks: &readers}
		f.up, f.limit = true, math.MaxInt64
		if r.kind == "http" {
			f.limit = uint64(r.Pipeline)
		}
		p.control(f.control)
		flows[i] = f
		readers.Go(f.serve)
	}
	n := workers(len(flows))
	for w := range n {
		senders.Go(func() { r.offer(s, flows, w, n) })
	}
	senders.Wait()
	for _, f := range flows {
		f.finish()
	}
	readers.Wait()
}

// offer tells every n-th flow from w on when a unit is due, in the order of time.
func (r *run) offer(s schedule, flows []*flow, w, n int) {
	alarm, err := newAlarm(r.halt)
	if err != nil {
		flows[w].rec.note(err)
		return
	}
	defer alarm.close()
	for k := uint64(0); ; k++ {
		for i := w; i < len(flows); i += n {
			t := s.at(i, k)
			if t >= r.window.end || r.halt.Err() != nil {
				return
			}
			if d := t - r.now(); d > 0 && !alarm.wait(d) {
				return
			}
			flows[i].offer()
		}
	}
}

// flow is a peer in open loop. Units are numbered: below settled they are answered
// or have failed, below sent they are on the wire, below due their time has come.
// What is due and not sent waits for the limit, for a full socket, or for another
// connection; its latency runs.
type flow struct {
	run   *run
	peer  peer
	link  *link
	rec   *recorder
	tasks *sync.WaitGroup
	schedule
	index int
	limit uint64 // most units on the wire

	mu                 sync.Mutex
	settled, sent, due uint64
	up                 bool   // there is a connection to write to
	flushing           bool   // a goroutine is writing what the socket did not take
	dead               bool   // and will not be opened again
	finishing          bool   // nothing more will be due
	generation         int    // of the connection; a flusher of an older one keeps out
	pending            []byte // the last pong, while flushing
}

// offer is called when the next unit is due.
func (f *flow) offer() {
	f.mu.Lock()
	if !f.dead {
		f.due++
		f.pump()
	}
	f.mu.Unlock()
}

// pump sends what is due, as far as the limit and the socket allow. mu is held.
func (f *flow) pump() {
	for f.up && !f.flushing && f.sent < f.due && f.sent-f.settled < f.limit {
		f.sent++
		f.put(f.peer.unit(), false)
	}
}

// put writes b, leaving what the socket does not take to a flusher. A failed write
// is left to the reader, which sees the end of the connection too. mu is held.
func (f *flow) put(b []byte, copied bool) {
	n, err := f.link.try.write(b)
	if err != nil {
		f.up = false
		return
	}
	if n == len(b) {
		return
	}
	rest := b[n:]
	if copied {
		rest = bytes.Clone(rest)
	}
	f.flushing = true
	c, generation := f.link.current(), f.generation
	f.tasks.Go(func() { f.flush(c, rest, generation) })
}

func (f *flow) flush(c net.Conn, rest []byte, generation int) {
	if c == nil {
		return
	}
	_, err := c.Write(rest)
	f.mu.Lock()
	defer f.mu.Unlock()
	if generation != f.generation {
		return
	}
	f.flushing = false
	if err != nil {
		f.up = false
		return
	}
	if b := f.pending; len(b) > 0 {
		f.pending = nil
		f.put(b, true)
	}
	f.pump()
}

// control sends a pong between two units. Of several that wait, the last is enough
// (RFC 6455 5.5.3).
func (f *flow) control(b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.up:
	case f.flushing:
		f.pending = bytes.Clone(b)
	default:
		f.put(b, true)
	}
	return nil
}

// finish tells f that nothing more will be due.
func (f *flow) finish() {
	f.mu.Lock()
	f.finishing = true
	idle := f.settled == f.due
	f.mu.Unlock()
	if idle {
		f.link.expire(time.Unix(1, 0))
	}
}

// serve reads replies until all is settled or the connection is gone for good.
func (f *flow) serve() {
	for {
		before := f.link.read
		err := f.peer.receive()
		if err != nil && !isSoft(err) {
			if !f.recover(err) {
				f.link.drop()
				return
			}
			continue
		}
		now := f.run.now()
		k, ok, last := f.settle()
		switch {
		case !ok:
			f.rec.note(errUnasked)
		case err != nil:
			f.rec.failed(1, len(f.peer.unit()), err)
		default:
			f.rec.answered(f.run.window, f.at(f.index, k), now, f.link.read-before, len(f.peer.unit()))
		}
		if last || f.peer.spent() && !f.recover(nil) {
			f.link.drop()
			return
		}
	}
}

// settle takes the oldest unit on the wire as answered. ok is false if there was
// none; last is true if nothing is left to do.
func (f *flow) settle() (k uint64, ok, last bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.settled == f.sent {
		return 0, false, false
	}
	k = f.settled
	f.settled++
	if f.peer.spent() {
		f.up = false
	}
	f.pump()
	return k, true, f.finishing && f.settled == f.due
}

// recover deals with the end of the connection: err is nil if that was agreed. It
// reports whether there is another one.
func (f *flow) recover(err error) bool {
	if f.run.cancelled() {
		return false
	}
	late := errors.Is(err, os.ErrDeadlineExceeded)
	final := late || !f.peer.reopens()
	f.mu.Lock()
	f.up, f.flushing, f.pending = false, false, nil
	f.generation++
	lost := uint64(0)
	switch {
	case final:
		f.dead = true
		lost = f.due - f.settled
	case err != nil && f.settled < f.sent:
		lost = 1 // the one whose reply was under way; those behind it are sent again
	}
	f.settled += lost
	f.sent = f.settled
	done := final || f.finishing && f.settled == f.due
	f.mu.Unlock()

	f.rec.failed(lost, int(lost)*len(f.peer.unit()), err)
	if final && !late {
		f.rec.add(func(t *tally) { t.lost++ })
		if lost == 0 {
			f.rec.note(err)
		}
	}
	if done {
		return false
	}
	return f.resume(err)
}

// resume opens the connection again and sends what has become due.
func (f *flow) resume(cause error) bool {
	r := f.run
	up := r.reopen(f.peer, f.rec, cause, r.window.end+int64(r.Timeout))
	f.mu.Lock()
	defer f.mu.Unlock()
	if up {
		f.up = true
		f.pump()
		return true
	}
	f.dead = true
	if !r.cancelled() {
		f.rec.failed(f.due-f.settled, 0, errNoAnswer)
	}
	f.settled, f.sent = f.due, f.due
	return false
}
