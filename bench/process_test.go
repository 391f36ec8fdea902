package bench

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	// A name may hold spaces and parentheses.
	line := "42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 11 22 3 4 20 0 1 0 999 1000000 25 18446744073709551615 1 1"
	s, err := parseStat([]byte(line))
	if err != nil || s.parent != 7 || s.cpu != 400*time.Millisecond || s.rss != 25*int64(os.Getpagesize()) {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{"", "42 (x", "42 (x) S 7", "42 (x) S y 42 42 0 -1 4194560 100 0 0 0 11 22 3 4 20 0 1 0 999 1000000 25"} {
		if s, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, s)
		}
	}
}

// A child counts into its parent, and a process that ends is an error, not a zero.
func TestProcessTree(t *testing.T) {
	alone, err := readTree(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if alone.rss < 1<<20 || alone.rss > 1<<40 {
		t.Errorf("rss %d", alone.rss)
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skip("sleep cannot be run:", err)
	}
	child, err := readTree(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	both, err := readTree(os.Getpid())
	if err != nil || both.rss < child.rss+1<<20 {
		t.Errorf("with a child of %d: %d, %v", child.rss, both.rss, err)
	}
	m, err := newMeter(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	m.begin()
	m.end()
	if m.lost == nil || m.usage(1, 1) != nil {
		t.Errorf("a process that ended is reported as %+v, %v", m.usage(1, 1), m.lost)
	}
}

// CPU is that of the window, divided by the replies in it.
func TestProcessUsageOfARun(t *testing.T) {
	quiet(t)
	o := short("ws://" + echoServer(t).Addr())
	o.PID = os.Getpid()
	r, err := WebSocket(context.Background(), o)
	sound(t, r, err)
	p := r.Process
	if p == nil || p.CPUSeconds < 0 || p.CPUSeconds > 60 || p.RSSBytes < 1<<20 {
		t.Fatalf("%+v", p)
	}
	if p.CPUSeconds > 0 && p.CPUMicrosPerUnit <= 0 {
		t.Errorf("%+v", p)
	}
}
