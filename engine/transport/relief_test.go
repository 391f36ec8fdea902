package transport

import "testing"

// pick is a worker that a handshake begun at now is given.
func (h *Handshakes) pick(t *testing.T, when string, now int64, want *worker) {
	t.Helper()
	if h.begin(now, Heavy) != want {
		t.Errorf("%s: the wrong worker", when)
	}
	if h.begin(now, Medium) != h.workers[0] || h.begin(now, Light) != h.workers[0] {
		t.Errorf("%s: the wrong worker of one that is not heavy", when)
	}
}

// manual are workers of each kind whose jobs a test takes by itself, at a time of its own.
func manual() (h *Handshakes, heavy *worker, now *int64) {
	now = new(int64)
	h = &Handshakes{max: 1000}
	heavy = newWorker(h, nil, func() {})
	heavy.once.Do(func() {})
	heavy.clock = func() int64 { return *now }
	h.workers, h.heavy = []*worker{newWorker(h, nil, nil)}, []*worker{heavy}
	return h, heavy, now
}

// A heavy worker that does not get on with a job loses the new handshakes for a while, and
// gets them again. Its own handshakes stay.
func TestOthersRelieveASlowWorker(t *testing.T) {
	for name, first := range map[string]func(w *worker, at int64){
		"a step":               func(w *worker, at int64) { w.submit(&job{at: at}) },
		"one that is given up": func(w *worker, at int64) { w.giveUp(nil, at) },
	} {
		t.Run(name, func(t *testing.T) {
			h, slow, now := manual()
			relief := h.workers[0]
			at := int64(1e9)
			h.pick(t, "nothing waits", at, slow)
			first(slow, at)
			slow.submit(&job{at: at + 1e6})
			h.pick(t, "a job waits, not for long", at+slowAfter, slow)
			h.pick(t, "for too long", at+slowAfter+1, relief)
			if _, open := slow.take(); !open {
				t.Fatal("closed")
			}
			*now = at + slowAfter + 2
			slow.take()
			if slow.slow(*now+slowAfter) || !slow.slow(*now+slowAfter+1) {
				t.Error("the next job has no time of its own")
			}
			slow.close()
			if j, open := slow.take(); j != nil || open {
				t.Fatal("something was left")
			}
			h.pick(t, "all is done, but not long ago", at+slowAfter+reliefFirst, relief)
			h.pick(t, "long ago", at+slowAfter+reliefFirst+2, slow)
			if relief.first != nil || h.Open() != 15 {
				t.Errorf("%d handshakes", h.Open())
			}
		})
	}
}

// Many that come at once make a long queue, and no slow worker.
func TestABurstIsNotSlowness(t *testing.T) {
	h, heavy, now := manual()
	*now = int64(1e9)
	for range 100 {
		heavy.submit(&job{at: *now})
	}
	for range 100 {
		heavy.take()
		*now += 1e6
		h.pick(t, "in a burst", *now, heavy)
	}
}

// Behind relief one handshake at a time is tried, until some have gone well.
func TestHeavyWorkersAreTriedAgain(t *testing.T) {
	h, heavy, _ := manual()
	at := int64(1e9)
	h.relief.extend(at)
	at += reliefFirst
	for range reliefTries {
		h.pick(t, "idle", at, heavy)
		heavy.since.Store(at) // as submit does
		if h.relief.tries.Load() > 0 && h.begin(at, Heavy) != h.workers[0] {
			t.Error("a second at the same time")
		}
		heavy.since.Store(0) // as take does when it waits
	}
	heavy.since.Store(at)
	h.pick(t, "tried often enough", at, heavy)
}

// A worker that is slow again as soon as it is tried again is tried less and less often.
func TestReliefLastsLongerAndLonger(t *testing.T) {
	var r relief
	now := int64(1e9)
	for _, want := range []int64{10e9, 20e9, 40e9, 80e9, 160e9, 320e9, 320e9} {
		r.extend(now)
		r.extend(now + 1) // another loop
		if !r.on(now+want-1) || r.on(now+want) {
			t.Fatalf("it does not last %d ns", want)
		}
		now += want + slowAfter
	}
	now += 2 * reliefMost
	if r.extend(now); !r.on(now+reliefFirst-1) || r.on(now+reliefFirst) {
		t.Error("a long time later it does not begin anew")
	}
}
