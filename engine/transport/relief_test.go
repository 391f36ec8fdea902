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

// manual are workers of each kind whose jobs a test takes by itself.
func manual() (h *Handshakes, heavy *worker) {
	h = &Handshakes{max: 1000}
	heavy = newWorker(h, nil, func() {})
	heavy.once.Do(func() {})
	h.workers, h.heavy = []*worker{newWorker(h, nil, nil)}, []*worker{heavy}
	return h, heavy
}

// A heavy worker that has kept a job waiting loses the new handshakes for a while, and
// gets them again. Its own handshakes stay.
func TestOthersRelieveASlowWorker(t *testing.T) {
	for name, first := range map[string]func(w *worker, at int64){
		"a step":               func(w *worker, at int64) { w.submit(&job{at: at}) },
		"one that is given up": func(w *worker, at int64) { w.giveUp(nil, at) },
	} {
		t.Run(name, func(t *testing.T) {
			h, slow := manual()
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
			h.pick(t, "it is under way, another waits", at+slowAfter+2, relief)
			slow.take()
			if slow.slow(at + 1e6 + slowAfter) {
				t.Error("slow, with a job that has not waited for long")
			}
			slow.close()
			if j, open := slow.take(); j != nil || open {
				t.Fatal("something was left")
			}
			h.pick(t, "all is done, but not long ago", at+slowAfter+reliefFirst, relief)
			h.pick(t, "long ago", at+slowAfter+reliefFirst+2, slow)
			if relief.first != nil || h.Open() != 18 {
				t.Errorf("%d handshakes", h.Open())
			}
		})
	}
}

// A worker that is slow again as soon as it is tried again is tried less and less often.
func TestReliefLastsLongerAndLonger(t *testing.T) {
	var r relief
	now := int64(1e9)
	for _, want := range []int64{1e9, 2e9, 4e9, 8e9, 16e9, 32e9, 64e9, 64e9} {
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
