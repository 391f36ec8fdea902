package transport

import "sync/atomic"

// relief is until when heavy workers, of which one was slow, get no new handshakes.
// Trying one again where the processors are still busy costs those that it is tried with
// hundreds of milliseconds, and the process a pause; so it is tried less and less often.
type relief struct {
	until atomic.Int64 // on the loops' clock
	lasts atomic.Int64
}

const (
	reliefFirst = int64(1e9)
	reliefMost  = int64(64e9)
)

func (r *relief) on(now int64) bool { return now < r.until.Load() }

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
	}
}
