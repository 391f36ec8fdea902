package transport

import (
	"sync/atomic"
	"testing"
	"time"
)

func settled(t *testing.T) (*settler, *atomic.Int64) {
	var calls atomic.Int64
	s := newSettler(func() { calls.Add(1) }, time.Millisecond)
	t.Cleanup(s.stop)
	return s, &calls
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func TestManyHandshakesAreSettledOnce(t *testing.T) {
	s, calls := settled(t)
	for range 2 {
		before := calls.Load()
		for range settleWorth {
			s.ended()
		}
		eventually(t, "settled", func() bool { return calls.Load() > before && !s.armed.Load() })
	}
	// A slow test may have let the first of a run settle alone, never more than each.
	if n := calls.Load(); n > 2*settleWorth {
		t.Errorf("settled %d times", n)
	}
}

func TestFewHandshakesAreNotWorthIt(t *testing.T) {
	s, calls := settled(t)
	for range settleWorth - 1 {
		s.ended()
	}
	eventually(t, "the timer is off", func() bool { return !s.armed.Load() })
	if n := calls.Load(); n != 0 {
		t.Errorf("settled %d times", n)
	}
	s.ended() // with this one it is
	eventually(t, "settled", func() bool { return calls.Load() == 1 })
}

func TestNoSettlerCountsNothing(t *testing.T) {
	var s *settler
	s.ended()
	s.stop()
}
