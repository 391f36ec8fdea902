package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// A handshake leaves some 80 KiB of garbage behind, and open connections then make
// none: after a storm of handshakes the heap would stay at twice what is in use until
// the next one, for hours maybe. So once handshakes have paused, somebody is told to
// collect it. Nothing runs while there are none.
type settler struct {
	timer *time.Timer
	armed atomic.Bool
	count atomic.Int64 // handshakes ended

	mu     sync.Mutex // check may still run when the timer goes off again
	seen   int64      // count, when the timer last went off
	done   int64      // count, when settle was last called
	settle func()
	after  time.Duration
}

const (
	settleAfter = 2 * time.Second
	// settleWorth is how many handshakes leave enough behind for it.
	settleWorth = 64
)

// WhenQuiet has settle called, on a goroutine of its own, when handshakes have paused
// after many. Call it before any begins.
func (h *Handshakes) WhenQuiet(settle func()) { h.settler = newSettler(settle, settleAfter) }

func newSettler(settle func(), after time.Duration) *settler {
	s := &settler{settle: settle, after: after}
	s.timer = time.AfterFunc(time.Hour, s.check)
	s.timer.Stop()
	return s
}

// ended counts a handshake. Any loop may call it; nil counts nothing.
func (s *settler) ended() {
	if s == nil {
		return
	}
	s.count.Add(1)
	if s.armed.CompareAndSwap(false, true) {
		s.timer.Reset(s.after)
	}
}

func (s *settler) check() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.count.Load()
	if now != s.seen {
		s.seen = now
		s.timer.Reset(s.after)
		return
	}
	s.armed.Store(false)
	if s.count.Load() != now && s.armed.CompareAndSwap(false, true) {
		s.timer.Reset(s.after) // one ended in between, and left it to this check
		return
	}
	if now-s.done >= settleWorth {
		s.done = now
		s.settle()
	}
}

func (s *settler) stop() {
	if s != nil {
		s.timer.Stop()
	}
}
