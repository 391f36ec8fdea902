package reactor

import (
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// Whatever panics, wherever, costs only itself: the loop goes on, and everything
// beside it is served.
func TestPanicCostsOnlyWhoPanicked(t *testing.T) {
	boom := func() { panic("boom") }
	tests := []struct {
		name   string
		start  func(l *Loop, w *watcher)
		told   bool // w.OnPanic is called
		panics int64
	}{
		{"event", func(l *Loop, w *watcher) { w.ready = func(Ready) { boom() } }, true, 1},
		{"timer", func(l *Loop, w *watcher) {
			w.timer = func(int64) { boom() }
			l.Arm(&Timer{Handler: w}, 0)
		}, true, 1},
		{"yield", func(l *Loop, w *watcher) { w.yield = boom; l.Yield(w) }, true, 1},
		{"release", func(l *Loop, w *watcher) { w.release = boom; l.Release(w) }, false, 1},
		{"post", func(l *Loop, w *watcher) { _ = l.Post(boom) }, false, 1},
		{"on its way out too", func(l *Loop, w *watcher) {
			told := w.panic
			w.panic = func() { told(); boom() }
			w.yield = boom
			l.Yield(w)
		}, true, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, panics := runLoop(t)
			ours, peer := socketpair(t)
			defer closeFD(peer)
			fd2, peer2 := socketpair(t)
			defer closeFD(peer2)
			var told, served atomic.Int64
			broken := &watcher{panic: func() { told.Add(1) }}
			healthy := &watcher{
				ready:   func(Ready) { served.Or(1) },
				timer:   func(int64) { served.Or(2) },
				yield:   func() { served.Or(4) },
				release: func() { served.Or(8) },
			}
			on(t, l, func() {
				tt.start(l, broken)
				_ = l.Register(ours, broken)
				_ = l.Register(fd2, healthy)
				l.Arm(&Timer{Handler: healthy}, 0)
				l.Yield(healthy)
				l.Release(healthy)
			})
			eventually(t, "the others are served", func() bool { return served.Load() == 15 })
			eventually(t, "the panic is reported", func() bool { return panics.Load() == tt.panics })
			on(t, l, func() { l.CloseFD(ours); l.CloseFD(fd2) })
			if got := told.Load() != 0; got != tt.told {
				t.Errorf("OnPanic called: %v, want %v", got, tt.told)
			}
		})
	}
}

// Timers of one slot: if the first to run panics, the rest are due all the same,
// at every level of the wheel.
func TestPanicOfATimerDelaysNoOther(t *testing.T) {
	for _, after := range []int64{1, 70, 64 * 70, 64 * 64 * 70} {
		for broken := range 3 {
			l, panics := openLoop(t)
			at := l.Now() + after*tick
			fired := 0
			for i := range 3 {
				w := &watcher{timer: func(int64) {
					fired++
					if i == broken {
						panic("boom")
					}
				}}
				l.Arm(&Timer{Handler: w}, at)
			}
			l.now = at + tick
			l.fireTimers()
			if fired != 3 || panics.Load() != 1 || l.Timers() != 0 {
				t.Errorf("after %d ticks, timer %d broken: %d fired, %d panics, %d left", after, broken, fired, panics.Load(), l.Timers())
			}
		}
	}
}

// What a task did before it panicked still counts: its deadline must be set.
func TestPanickedTaskLeavesItsTimersArmed(t *testing.T) {
	l, _ := runLoop(t)
	fired := make(chan struct{})
	w := &watcher{timer: func(int64) { close(fired) }}
	_ = l.Post(func() {
		l.Arm(&Timer{Handler: w}, l.Now()+tick)
		panic("boom")
	})
	<-fired
}

func TestManualLoopLetsPanicsThrough(t *testing.T) {
	l := NewManual()
	defer func() {
		if recover() == nil {
			t.Error("a panic was swallowed: a test could not see it")
		}
	}()
	l.Yield(&watcher{yield: func() { panic("boom") }})
	l.RunYielded()
}

func TestPanickedEventKeepsTheLoopPolling(t *testing.T) {
	l, panics := openLoop(t)
	ours, peer := socketpair(t)
	defer closeFD(peer)
	w := &watcher{ready: func(Ready) { panic("boom") }}
	w.panic = func() { l.CloseFD(ours) }
	if err := l.Register(ours, w); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.onEvent(ours, unix.EPOLLIN, 0); err != nil {
			t.Fatalf("polling would end: %v", err)
		}
	}
	if panics.Load() != 1 {
		t.Errorf("%d panics; a closed handler was called again", panics.Load())
	}
}
