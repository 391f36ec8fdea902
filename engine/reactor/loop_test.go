package reactor

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestHandlersAreToldWhatToTry(t *testing.T) {
	tests := []struct {
		name string
		peer func(fd int)
		want Ready
	}{
		{"nothing happened", func(int) {}, Writable},
		{"bytes came", func(fd int) { _, _ = Write(fd, []byte("x")) }, Readable | Writable},
		{"peer half-closed", func(fd int) { ShutdownWrite(fd) }, Readable | Writable | HangUp},
		{"peer closed", closeFD, Readable | Writable | HangUp},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, _ := runLoop(t)
			ours, peer := socketpair(t)
			var seen atomic.Uint32
			w := &watcher{ready: func(r Ready) { seen.Or(uint32(r)) }}
			on(t, l, func() {
				if err := l.Register(ours, w); err != nil {
					t.Error(err)
				}
			})
			tt.peer(peer)
			eventually(t, "readiness", func() bool { return Ready(seen.Load()) == tt.want })
			on(t, l, func() { l.CloseFD(ours) })
			if tt.name != "peer closed" {
				closeFD(peer)
			}
			if got := Ready(seen.Load()); got != tt.want {
				t.Errorf("told %b, want %b", got, tt.want)
			}
		})
	}
}

func TestReadinessOfEveryBit(t *testing.T) {
	for _, tt := range []struct {
		bits uint32
		want Ready
	}{
		{0, 0},
		{unix.EPOLLIN, Readable},
		{unix.EPOLLOUT, Writable},
		{unix.EPOLLPRI, Readable | HangUp},
		{unix.EPOLLRDHUP, Readable | HangUp},
		{unix.EPOLLHUP, Readable | Writable | HangUp},
		{unix.EPOLLERR, Readable | Writable | HangUp | Failed},
		{unix.EPOLLIN | unix.EPOLLOUT, Readable | Writable},
	} {
		if got := readiness(tt.bits); got != tt.want {
			t.Errorf("readiness(%#x) = %b, want %b", tt.bits, got, tt.want)
		}
	}
}

// Events of a batch may be for descriptors that an earlier handler of the batch
// closed, or closed and opened again.
func TestStaleEventsAreHarmless(t *testing.T) {
	l, panics := openLoop(t)
	ours, peer := socketpair(t)
	defer closeFD(peer)
	told := 0
	if err := l.Register(ours, &watcher{ready: func(Ready) { told++ }}); err != nil {
		t.Fatal(err)
	}
	l.CloseFD(ours)
	for _, fd := range []int{ours, 1 << 20} {
		if err := l.onEvent(fd, unix.EPOLLIN, 0); err != nil {
			t.Fatal(err)
		}
	}
	if told != 0 {
		t.Error("a closed descriptor's handler was called")
	}

	again, other := socketpair(t) // the lowest free number: that of ours
	defer closeFD(other)
	if again != ours {
		t.Skipf("descriptor %d was not reused", ours)
	}
	var n int
	var errno syscall.Errno
	if err := l.Register(again, &watcher{ready: func(Ready) { n, errno = Read(again, make([]byte, 8)) }}); err != nil {
		t.Fatal(err)
	}
	if err := l.onEvent(ours, unix.EPOLLIN|unix.EPOLLHUP, 0); err != nil {
		t.Fatal(err)
	}
	l.CloseFD(again)
	if n != -1 || errno != syscall.EAGAIN {
		t.Errorf("read after a stale event: %d, %v; want EAGAIN", n, errno)
	}
	if panics.Load() != 0 {
		t.Error("panicked")
	}
}

func TestPostKeepsTheOrderOfEachGoroutine(t *testing.T) {
	l, _ := runLoop(t)
	const posters, posts = 8, 2000
	var next [posters]int // the loop's
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			for i := range posts {
				if err := l.Post(func() {
					if next[p] != i {
						t.Errorf("poster %d: task %d ran as number %d", p, i, next[p])
					}
					next[p]++
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	on(t, l, func() {
		for p, n := range next {
			if n != posts {
				t.Errorf("poster %d: %d tasks ran, want %d", p, n, posts)
			}
		}
	})
}

func TestStopEndsRun(t *testing.T) {
	t.Run("before Run", func(t *testing.T) {
		l, _ := openLoop(t)
		if err := errors.Join(l.Stop(), l.Run()); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("behind what was posted", func(t *testing.T) {
		l, _ := openLoop(t)
		ran := 0
		for range 1000 {
			_ = l.Post(func() { ran++ })
		}
		if err := errors.Join(l.Stop(), l.Run()); err != nil || ran != 1000 {
			t.Errorf("%v; %d of 1000 tasks ran", err, ran)
		}
	})
	t.Run("under busy yielders", func(t *testing.T) {
		l, _ := runLoop(t) // its clean-up demands that it stops
		w := &watcher{}
		w.yield = func() { l.Yield(w) }
		on(t, l, func() { l.Yield(w) })
	})
}

// The numbers of a closed loop's descriptors go to the next sockets opened. A late
// Post must not write into them.
func TestPostAfterTheEndTouchesNothing(t *testing.T) {
	l, _ := openLoop(t)
	if err := errors.Join(l.Stop(), l.Run()); err != nil {
		t.Fatal(err)
	}
	if err := l.Post(func() {}); !errors.Is(err, ErrEnded) {
		t.Errorf("Post after Run: %v, want ErrEnded", err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				_ = l.Post(func() { t.Error("ran") })
			}
		})
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var fds []int
	for range 8 {
		fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	closeAtEnd(t, fds...)
	_ = l.Post(func() {})
	wg.Wait()
	for _, fd := range fds {
		if n, err := unix.Read(fd, make([]byte, 8)); err != unix.EAGAIN {
			t.Errorf("Post wrote to a stranger's descriptor %d: %d, %v", fd, n, err)
		}
	}
}

func TestCloseGivesDescriptorsBack(t *testing.T) {
	before := openFDs(t)
	for range 3 {
		l, err := New(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Close(), NewManual().Close()); err != nil {
			t.Fatal(err)
		}
	}
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

// Two that always have more to do must not keep the loop from a third.
func TestYieldDoesNotStarveDescriptors(t *testing.T) {
	l, _ := runLoop(t)
	ours, peer := socketpair(t)
	defer closeFD(peer)
	buf := make([]byte, 64)
	echo := &watcher{ready: func(Ready) {
		if n, _ := Read(ours, buf); n > 0 {
			_, _ = Write(ours, buf[:n])
		}
	}}
	var yields atomic.Int64
	on(t, l, func() {
		if err := l.Register(ours, echo); err != nil {
			t.Error(err)
		}
		for range 2 {
			w := &watcher{}
			w.yield = func() { yields.Add(1); l.Yield(w) }
			l.Yield(w)
		}
	})
	for i := range 100 {
		msg := []byte{byte(i)}
		if _, errno := Write(peer, msg); errno != 0 {
			t.Fatal(errno)
		}
		eventually(t, "echo", func() bool {
			n, _ := Read(peer, msg)
			return n == 1 && msg[0] == byte(i)
		})
	}
	seen := yields.Load()
	eventually(t, "the yielders go on", func() bool { return yields.Load() > seen })
	on(t, l, func() { l.CloseFD(ours) })
}

func TestYieldRunsInALaterTurn(t *testing.T) {
	l := NewManual()
	runs := 0
	w := &watcher{}
	w.yield = func() {
		if runs++; runs < 3 {
			l.Yield(w)
		}
	}
	l.Yield(w)
	for want := 1; want <= 3; want++ {
		if !l.RunYielded() || runs != want {
			t.Fatalf("turn %d: ran %d times", want, runs)
		}
	}
	if l.RunYielded() {
		t.Error("a turn with nothing to do says that there was")
	}
}

func TestReleaseWaitsForTheHandler(t *testing.T) {
	l := NewManual()
	var order []string
	inner := &watcher{release: func() { order = append(order, "inner") }}
	outer := &watcher{release: func() { order = append(order, "outer"); l.Release(inner) }}
	w := &watcher{timer: func(int64) { l.Release(outer); order = append(order, "handler") }}
	timer := Timer{Handler: w}
	l.Arm(&timer, l.Now())
	l.AdvanceTo(l.Now() + 2*tick)
	if len(order) != 3 || order[0] != "handler" || order[1] != "outer" || order[2] != "inner" {
		t.Errorf("order %v", order)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	l, _ := openLoop(t)
	ours, peer := socketpair(t)
	defer closeFD(peer)
	w := &watcher{ready: func(Ready) {}, yield: func() {}, timer: func(int64) {}, release: func() {}}
	if err := l.Register(ours, w); err != nil {
		t.Fatal(err)
	}
	defer l.CloseFD(ours)
	timer := Timer{Handler: w}
	run := func() {
		_ = l.onEvent(ours, unix.EPOLLIN|unix.EPOLLOUT, 0)
		l.Arm(&timer, l.Now()+int64(time.Minute))
		l.Cancel(&timer)
		l.Arm(&timer, l.Now()-1)
		l.Yield(w)
		l.Release(w)
		_ = l.onEvent(l.yieldFD, unix.EPOLLIN, 0)
		_ = l.onEvent(l.timerFD, unix.EPOLLIN, 0)
	}
	run()
	run()
	if n := testing.AllocsPerRun(1000, run); n != 0 {
		t.Errorf("%v allocations a turn", n)
	}
}
