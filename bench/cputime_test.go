package bench

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// spin uses processor time on the calling thread until n of it is gone.
func spin(t *testing.T, n time.Duration) {
	t.Helper()
	for begun := ownCPU(); ownCPU()-begun < n; {
	}
}

// CPU time is finer than a tick, and that of a thread which has ended stays in it.
func TestExactCPU(t *testing.T) {
	pid := os.Getpid()
	read := func() time.Duration {
		s, err := readStat(pid)
		if err != nil {
			t.Fatal(err)
		}
		return s.exactCPU(pid)
	}
	coarse := 0
	for range 20 {
		before := read()
		spin(t, time.Millisecond)
		if d := read() - before; d < time.Millisecond/2 {
			coarse++
		}
	}
	if coarse > 0 {
		t.Errorf("%d of 20 times a millisecond was not seen", coarse)
	}
	before := read()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		spin(t, 30*time.Millisecond)
	}()
	<-ended
	if d := read() - before; d < 25*time.Millisecond {
		t.Errorf("30 ms of a thread are %v once it has ended", d)
	}
}

// What waited-for children used is in, and a process without a clock has its ticks.
func TestExactCPUOfTheEnded(t *testing.T) {
	before, err := readTree(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")
	if err := cmd.Run(); err != nil {
		t.Skip("sh cannot be run:", err)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	after, err := readTree(os.Getpid())
	if err != nil || after.cpu-before.cpu < used-20*time.Millisecond { // two ticks are cut off
		t.Errorf("a child that used %v counts %v, %v", used, after.cpu-before.cpu, err)
	}
	s := procStat{cpu: 3 * time.Second, waited: time.Second}
	if got := s.exactCPU(cmd.Process.Pid); got != s.cpu {
		t.Errorf("%v, want the %v of stat", got, s.cpu)
	}
}
