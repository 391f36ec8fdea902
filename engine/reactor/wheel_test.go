package reactor

import (
	"math/rand/v2"
	"testing"
)

type recorder struct {
	timer Timer
	fired int64
	fn    func()
}

func (r *recorder) OnTimer(now int64) {
	r.fired = now
	if r.fn != nil {
		r.fn()
	}
}

func newRecorder() *recorder {
	r := &recorder{}
	r.timer.Handler = r
	return r
}

const tick = int64(1) << tickShift

// Random deadlines from a tick to years, against the plain rule: a timer fires at
// the first advance at or after its deadline rounded up to a tick, and never before.
func TestWheelFiresEachTimerOnceAndInTime(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 50 {
		var w wheel
		now := rnd.Int64N(1 << 50)
		w.advance(now)
		deadlines := map[*recorder]int64{}
		for range 200 {
			r := newRecorder()
			deadlines[r] = now + rnd.Int64N(1<<uint(rnd.IntN(56)+1))
			w.arm(&r.timer, deadlines[r])
			if rnd.IntN(4) == 0 {
				deadlines[r] = now + rnd.Int64N(1<<40)
				w.arm(&r.timer, deadlines[r])
			}
			if rnd.IntN(8) == 0 {
				w.cancel(&r.timer)
				delete(deadlines, r)
			}
		}
		for w.count > 0 {
			next := w.deadline()
			if next <= now {
				t.Fatalf("wheel asks for %d at %d", next, now)
			}
			if rnd.IntN(2) == 0 {
				next += rnd.Int64N(tick * 100)
			}
			before := now
			now = next
			w.advance(now)
			for r, due := range deadlines {
				due = (due + tick - 1) / tick * tick
				switch {
				case r.fired == 0 && due <= now:
					t.Fatalf("timer due at %d has not fired at %d", due, now)
				case r.fired != 0 && due > r.fired:
					t.Fatalf("timer due at %d fired early, at %d", due, r.fired)
				case r.fired != 0:
					if due <= before && r.fired > before && due > 0 && before > due+tick {
						t.Fatalf("timer due at %d fired late, at %d after %d", due, r.fired, before)
					}
					delete(deadlines, r)
				}
			}
		}
		if len(deadlines) != 0 {
			t.Fatalf("%d timers never fired", len(deadlines))
		}
		if w.deadline() != noDeadline {
			t.Fatal("an empty wheel still asks to be woken")
		}
	}
}

func TestHandlersMayChangeTheWheel(t *testing.T) {
	var w wheel
	victim, again := newRecorder(), newRecorder()
	again.fn = func() {
		w.cancel(&victim.timer)
		if again.fired < 10*tick {
			w.arm(&again.timer, again.fired)
		}
	}
	w.arm(&victim.timer, 3*tick)
	w.arm(&again.timer, 3*tick)
	for now := tick; now < 20*tick; now += tick {
		w.advance(now)
	}
	if victim.fired != 0 {
		t.Error("a timer cancelled by another of the same tick fired")
	}
	if again.fired != 10*tick || w.count != 0 {
		t.Errorf("re-armed timer last fired at %d, %d left", again.fired/tick, w.count)
	}
}

func TestArmAndCancelDoNotAllocate(t *testing.T) {
	var w wheel
	r := newRecorder()
	now := int64(0)
	if n := testing.AllocsPerRun(1000, func() {
		now += tick
		w.arm(&r.timer, now+60_000_000_000)
		w.cancel(&r.timer)
		w.arm(&r.timer, now)
		w.advance(now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkArmCancel(b *testing.B) {
	var w wheel
	r := newRecorder()
	for b.Loop() {
		w.arm(&r.timer, 60_000_000_000)
		w.cancel(&r.timer)
	}
}
