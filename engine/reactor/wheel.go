package reactor

import "math/bits"

const (
	tickShift  = 23 // a tick is 2^23 ns, 8.4 ms: the precision of a deadline
	slotBits   = 6
	slots      = 1 << slotBits
	levels     = 5 // 64 ticks, then times 64 a level: 104 days in all
	maxTicks   = 1<<(slotBits*levels) - 1
	noDeadline = int64(1<<63 - 1)
)

// TimerHandler is told that a deadline has passed. It runs on the loop.
type TimerHandler interface {
	OnTimer(now int64)
}

// Timer is one deadline. It lives inside the value it belongs to, so arming costs
// no allocation, and it may be in at most one wheel. Set Handler before Arm.
type Timer struct {
	Handler    TimerHandler
	next, prev *Timer
	ticks      int64 // 0: not armed
	level      uint8
	slot       uint8
}

// Armed reports whether the timer is waiting.
func (t *Timer) Armed() bool { return t.ticks != 0 }

// wheel is a hierarchical timing wheel: arming and cancelling are O(1), and a
// bitmap a level finds the next slot in use without a walk, so that an empty
// wheel costs nothing and a full one no periodic wake-up.
type wheel struct {
	slots    [levels][slots]*Timer
	occupied [levels]uint64
	elapsed  int64 // ticks up to which everything has fired
	count    int
	caught   func(cause, who any) // told of a handler's panic; nil: it goes on
}

// arm sets t to fire at the first tick not before the deadline.
func (w *wheel) arm(t *Timer, deadline int64) {
	w.cancel(t)
	ticks := deadline >> tickShift
	if deadline&(1<<tickShift-1) != 0 {
		ticks++
	}
	t.ticks = max(ticks, w.elapsed+1)
	w.insert(t)
	w.count++
}

// cancel takes t out; a timer that is not armed is left alone.
func (w *wheel) cancel(t *Timer) {
	if t.ticks == 0 {
		return
	}
	w.unlink(t)
	t.ticks = 0
	w.count--
}

func (w *wheel) insert(t *Timer) {
	// The level is where the deadline first differs from now, in groups of six
	// bits. What lies beyond the top level waits in its last reach and is placed
	// anew when that comes up.
	when := min(t.ticks, w.elapsed+maxTicks)
	level := (bits.Len64(uint64(when^w.elapsed)|(slots-1)) - 1) / slotBits
	if level >= levels {
		level = levels - 1
	}
	slot := uint8(when >> (level * slotBits) & (slots - 1))
	t.level, t.slot = uint8(level), slot
	head := &w.slots[level][slot]
	t.prev, t.next = nil, *head
	if t.next != nil {
		t.next.prev = t
	}
	*head = t
	w.occupied[level] |= 1 << slot
}

func (w *wheel) unlink(t *Timer) {
	if t.next != nil {
		t.next.prev = t.prev
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		w.slots[t.level][t.slot] = t.next
		if t.next == nil {
			w.occupied[t.level] &^= 1 << t.slot
		}
	}
	t.next, t.prev = nil, nil
}

// next is the slot that comes up first: at its tick, level 0 fires and a higher
// level is spread over the lower ones.
func (w *wheel) next() (level, slot int, tick int64, ok bool) {
	if w.count == 0 {
		return 0, 0, 0, false
	}
	for level = range levels {
		occupied := w.occupied[level]
		if occupied == 0 {
			continue
		}
		shift := level * slotBits
		nowSlot := int(w.elapsed >> shift & (slots - 1))
		// The slot of now itself comes last: what is in it belongs to the next turn.
		ahead := bits.TrailingZeros64(bits.RotateLeft64(occupied, -nowSlot-1))
		slot = (nowSlot + 1 + ahead) & (slots - 1)
		// The start of that slot in the current turn of the level, or in the next
		// turn if it lies behind.
		turn := w.elapsed &^ (1<<(shift+slotBits) - 1)
		tick = turn + int64(slot)<<shift
		if tick <= w.elapsed {
			tick += 1 << (shift + slotBits)
		}
		return level, slot, tick, true
	}
	return 0, 0, 0, false
}

// deadline is when the wheel wants to be advanced next, in nanoseconds.
func (w *wheel) deadline() int64 {
	_, _, tick, ok := w.next()
	if !ok {
		return noDeadline
	}
	return tick << tickShift
}

// advance fires every timer due at now. A handler may arm and cancel any timer of
// the wheel, its own too.
func (w *wheel) advance(now int64) {
	ticks := now >> tickShift
	for {
		level, slot, tick, ok := w.next()
		if !ok || tick > ticks {
			break
		}
		w.elapsed = tick
		for t := w.slots[level][slot]; t != nil; t = w.slots[level][slot] {
			w.unlink(t)
			if t.ticks > tick {
				w.insert(t)
				continue
			}
			t.ticks = 0
			w.count--
			w.fire(t.Handler, now)
		}
	}
	w.elapsed = max(w.elapsed, ticks)
}

// fire runs one handler. A panic costs that handler alone: the others of its slot
// are due as well, and would wait for a whole turn of the wheel.
func (w *wheel) fire(h TimerHandler, now int64) {
	if w.caught != nil {
		defer func() { w.caught(recover(), h) }()
	}
	h.OnTimer(now)
}
