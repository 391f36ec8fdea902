package transport

import "testing"

// A worker that has kept a step waiting loses the new handshakes for a while, and gets
// them again. Its own handshakes stay.
func TestReliefTakesOverFromASlowWorker(t *testing.T) {
	h := &Handshakes{max: 100}
	slow, relief := newWorker(h, nil), newWorker(h, nil)
	medium := newWorker(h, nil)
	h.workers, h.heavy, h.relief = []*worker{medium}, []*worker{slow}, []*worker{relief}
	at := int64(1e9)
	want := func(when string, now int64, w *worker) {
		t.Helper()
		if h.begin(now, Heavy) != w {
			t.Errorf("%s: the wrong worker", when)
		}
		if h.begin(now, Medium) != medium || h.begin(now, Light) != medium {
			t.Errorf("%s: the wrong worker of one that is not heavy", when)
		}
	}
	want("nothing waits", at, slow)
	slow.submit(&job{at: at})
	slow.submit(&job{at: at + 1e6})
	want("a step waits, not for long", at+slowAfter, slow)
	want("for too long", at+slowAfter+1, relief)
	if _, open := slow.take(); !open {
		t.Fatal("closed")
	}
	want("the step is under way, another waits", at+slowAfter+2, relief)
	slow.take()
	if slow.slow(at + 1e6 + slowAfter) {
		t.Error("slow, with a step that has not waited for long")
	}
	slow.close()
	if j, open := slow.take(); j != nil || open {
		t.Fatal("something was left")
	}
	want("all is done, but not long ago", at+slowAfter+reliefLasts, relief)
	want("long ago", at+slowAfter+reliefLasts+2, slow)
	if relief.first != nil || h.Open() != 18 {
		t.Errorf("%d handshakes", h.Open())
	}
}
