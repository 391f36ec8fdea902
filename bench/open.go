package bench

import (
	"sync"
	"time"
)

// openAll opens every peer, openersMax at a time and at most ConnectRate a second.
// It fills r.peers with those that opened, in their order, and counts the others.
func (r *run) openAll(all []peer) {
	r.bar.start("opening", int64(len(all)))
	var (
		mu     sync.Mutex
		next   int
		done   int64
		opened = make([]bool, len(all))
		group  sync.WaitGroup
	)
	begun := time.Now()
	take := func() (i int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= len(all)
	}
	for range min(openersMax, len(all)) {
		group.Go(func() {
			for {
				i, ok := take()
				if !ok || !r.sleepUntil(begun.Add(r.openAt(i))) {
					return
				}
				err := all[i].open(r.ctx)
				mu.Lock()
				opened[i] = err == nil
				done++
				r.bar.set(done)
				mu.Unlock()
				if err != nil && !r.cancelled() {
					r.recorder(i).note(err)
				}
			}
		})
	}
	group.Wait()
	for i, p := range all {
		if opened[i] {
			r.peers = append(r.peers, p)
		}
	}
	r.failed = len(all) - len(r.peers)
	r.opened = r.now()
	r.meter.opened()
}

// openAt is when connection i may be opened, from the start of opening.
func (r *run) openAt(i int) time.Duration {
	if r.ConnectRate == 0 {
		return 0
	}
	return time.Duration(i) * time.Second / time.Duration(r.ConnectRate)
}

// sleepUntil reports false if ctx ended first.
func (r *run) sleepUntil(t time.Time) bool {
	if d := time.Until(t); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.ctx.Done():
		}
	}
	return !r.cancelled()
}

// A connection that broke is opened again with growing pauses.
const (
	reopenPauseMin = 10 * time.Millisecond
	reopenPauseMax = time.Second
)

// reopen opens p again after its connection ended, however often that takes; cause
// is nil if the end was agreed. It reports false when the time is past until or ctx
// is done.
func (r *run) reopen(p peer, rec *recorder, cause error, until int64) bool {
	p.wire().drop()
	for pause := reopenPauseMin; ; pause = min(2*pause, reopenPauseMax) {
		// A server that breaks every connection must not be opened in a tight loop: it
		// would use up the local ports.
		rest := time.Duration(until - r.now())
		if cause != nil && !r.sleepUntil(time.Now().Add(min(pause, rest))) {
			return false
		}
		if r.cancelled() || r.now() >= until {
			return false
		}
		if cause = p.open(r.ctx); cause == nil {
			rec.add(func(t *tally) { t.reconnects++ })
			return true
		}
		if r.cancelled() {
			return false
		}
		rec.note(cause)
	}
}
