package transport

import "sync/atomic"

// relief is until when heavy workers, of which one was slow, get no new handshakes.
// Trying one again where the processors are still busy costs the handshake that it is
// tried with, and the whole process, hundreds of milliseconds; so it is tried less and
// less often, and with one handshake at a time until some have gone well.
type relief struct {
	until atomic.Int64 // on the loops' clock
	lasts atomic.Int64
	tries atomic.Int64 // handshakes that are still to be begun one at a time
}

const (
	reliefFirst = int64(10e9)
	reliefMost  = int64(320e9)
	reliefTries = 16
)

func (r *relief) on(now int64) bool { return now < r.until.Load() }

// may reports whether a heavy worker gets a handshake; idle says that it has none now.
func (r *relief) may(now int64, idle bool) bool {
	switch {
	case r.on(now):
		return false
	case r.tries.Load() <= 0:
		return true
	case idle:
		r.tries.Add(-1)
		return true
	}
	return false
}

// extend is told that a heavy worker is slow. Loops that find out together extend it
// once.
func (r *relief) extend(now int64) {
	until := r.until.Load()
	if now < until {
		return
	}
	lasts := reliefFirst
	if last := r.lasts.Load(); last != 0 && now < until+last {
		lasts = min(2*last, reliefMost)
	}
	if r.until.CompareAndSwap(until, now+lasts) {
		r.lasts.Store(lasts)
		r.tries.Store(reliefTries)
	}
}
