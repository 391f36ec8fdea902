package reactor

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// timerfdSet reads from the kernel whether the loop's timerfd is going to go off.
func timerfdSet(t *testing.T, l *Loop) bool {
	t.Helper()
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", l.timerFD))
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	_, value, ok := strings.Cut(string(info), "it_value: ")
	if !ok {
		t.Fatalf("fdinfo without it_value: %s", info)
	}
	return !strings.HasPrefix(value, "(0, 0)")
}

func TestTimerFDIsSetOnlyWhileATimerWaits(t *testing.T) {
	l, _ := runLoop(t)
	if timerfdSet(t, l) {
		t.Error("set on a loop without timers")
	}
	var at int64
	fired := make(chan int64, 1)
	timer := &Timer{Handler: &watcher{timer: func(now int64) { fired <- now }}}
	on(t, l, func() {
		at = l.Now() + int64(time.Hour)
		l.Arm(timer, at)
	})
	on(t, l, func() {}) // the turn that armed has ended
	if !timerfdSet(t, l) {
		t.Error("not set although a timer waits")
	}
	on(t, l, func() {
		at = l.Now() + 3*tick
		l.Arm(timer, at)
	})
	select {
	case now := <-fired:
		if now < at {
			t.Errorf("fired %d ns early", at-now)
		}
	case <-time.After(patience):
		t.Fatal("a deadline that was brought forward did not fire")
	}
	on(t, l, func() {})
	if timerfdSet(t, l) {
		t.Error("still set after the only timer has fired")
	}
}

// A cancelled deadline may wake the loop once, for nothing, and not again.
func TestCancelledTimerWakesTheLoopAtMostOnce(t *testing.T) {
	l, _ := runLoop(t)
	timer := &Timer{Handler: &watcher{timer: func(int64) { t.Error("fired") }}}
	on(t, l, func() { l.Arm(timer, l.Now()+2*tick) })
	on(t, l, func() { l.Cancel(timer) })
	eventually(t, "the timerfd comes to rest", func() bool { return !timerfdSet(t, l) })
	if timer.Armed() {
		t.Error("armed after Cancel")
	}
	later := make(chan struct{})
	on(t, l, func() { l.Arm(&Timer{Handler: &watcher{timer: func(int64) { close(later) }}}, l.Now()) })
	<-later
}

func TestTimersOfManyLengthsFireInOrder(t *testing.T) {
	l, _ := runLoop(t)
	const n = 20
	order := make(chan int, n)
	on(t, l, func() {
		for i := n; i > 0; i-- {
			l.Arm(&Timer{Handler: &watcher{timer: func(int64) { order <- i }}}, l.Now()+int64(i)*2*tick)
		}
	})
	for want := 1; want <= n; want++ {
		select {
		case got := <-order:
			if got != want {
				t.Fatalf("timer %d fired in place of %d", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("timer %d did not fire", want)
		}
	}
}

// "Never" as the largest time there is must not wrap around to "now".
func TestFarthestDeadlineDoesNotFire(t *testing.T) {
	l := NewManual()
	timer := &Timer{Handler: &watcher{timer: func(int64) { t.Error("fired") }}}
	l.Arm(timer, math.MaxInt64)
	for _, now := range []int64{1, int64(time.Hour), int64(1000 * 24 * time.Hour)} {
		l.AdvanceTo(now)
	}
	l.Cancel(timer)
	if l.Timers() != 0 {
		t.Error("still armed")
	}
}
