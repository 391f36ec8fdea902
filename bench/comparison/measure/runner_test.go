package measure

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/bench/comparison/peers"
	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

// run measures works on weir, httputil and gnet, all of them fakes, and demands that
// no process is left.
func run(ctx context.Context, t *testing.T, what string, list ...*works.Work) (*results.File, string, error) {
	t.Helper()
	t.Setenv(script, what)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // or each of many short processes takes a second
	three, err := peers.Parse("weir,httputil,gnet")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	file := &results.File{}
	r := &Runner{
		Options: Options{Works: list, Peers: three, Rounds: 3, IdleRounds: 2, Duration: time.Second, IdleFor: time.Second},
		Weir:    os.Args[0], Self: os.Args[0], Dir: t.TempDir(), Files: 1024, File: file,
		Progress: NewProgress(&out, false, 1, time.Second),
	}
	err = r.Run(ctx)
	if pid, werr := unix.Wait4(-1, nil, unix.WNOHANG, nil); !errors.Is(werr, unix.ECHILD) {
		t.Errorf("a child is left: %d, %v", pid, werr)
	}
	return file, out.String(), err
}

func work(kind works.Kind) *works.Work {
	return &works.Work{
		Name: "w", Group: "g", Title: "t", Unit: "u", Kind: kind,
		Peers: []string{peers.Weir, peers.HTTPUtil, peers.Gnet}, Command: []string{"ws", "ws://ADDRESS/"},
	}
}

// order is who was measured, in order, as initials.
func order(f *results.File, mode results.Mode) string {
	var b strings.Builder
	for _, s := range f.Samples {
		if s.Mode == mode {
			b.WriteByte(s.Peer[0])
		}
	}
	return b.String()
}

// Rounds interleave the peers and begin with another one each time; closed rounds
// come first, and the rate of the open ones is half of what the slowest did.
func TestLoaded(t *testing.T) {
	w := work(works.Loaded)
	w.UnitsPerDue = 10
	f, out, err := run(t.Context(), t, "fine", w)
	if err != nil || f.Faulty() > 0 {
		t.Fatalf("%v, %s", err, out)
	}
	if got := order(f, results.Closed) + " " + order(f, results.Open); got != "whghgwgwh whghgwgwh" {
		t.Errorf("order %s", got)
	}
	for i, s := range f.Samples {
		if open := i >= 9; open != (s.Mode == results.Open) || open && s.Rate != 200 || !open && s.Rate != 0 {
			t.Errorf("sample %d: %s at %v a second", i, s.Mode, s.Rate)
		}
		if s.CPUMicros != 10 || s.Work != "w" || s.Round != i%9/3 {
			t.Errorf("sample %d: %+v", i, s)
		}
	}
}

// A peer that does not start costs its own samples only, and its log is shown.
func TestPeerThatDoesNotStart(t *testing.T) {
	f, out, err := run(t.Context(), t, "dead=gnet", work(works.Saturated))
	if err != nil || !strings.Contains(out, "FAULT") || !strings.Contains(out, "I am not well") {
		t.Errorf("%v, %s", err, out)
	}
	if got := order(f, results.Closed); got != "gwhhwwh" || f.Faulty() != 1 {
		t.Errorf("order %s, %d faulty", got, f.Faulty())
	}
}

// What was measured with errors is kept, marked, and sets no rate.
func TestErrorsAreFaults(t *testing.T) {
	f, out, err := run(t.Context(), t, "errors", work(works.Loaded))
	if err != nil || f.Faulty() != 6 || !strings.Contains(out, "2 lost") {
		t.Fatalf("%v, %d faulty, %s", err, f.Faulty(), out)
	}
	for _, s := range f.Samples {
		if bad := s.Peer == peers.HTTPUtil; bad != (s.Faults != "") {
			t.Errorf("%s: faults %q", s.Peer, s.Faults)
		}
		if s.Mode == results.Open && s.Rate != 500 {
			t.Errorf("rate %v, want half of what the others do without errors", s.Rate)
		}
	}
	f, _, _ = run(t.Context(), t, "garbage", work(works.Saturated))
	if f.Faulty() != 9 {
		t.Errorf("%d faulty of a generator that prints garbage", f.Faulty())
	}
}

// Works that share a rate take it from a work that was measured, or calibrate it.
func TestRated(t *testing.T) {
	w := work(works.Rated)
	w.RateOf = works.Echo125
	f, out, err := run(t.Context(), t, "fine", w, w)
	if err != nil || f.Faulty() > 0 || order(f, results.Calibration) != "whg" || len(f.Samples) != 3+2*9 {
		t.Errorf("%v, %d samples, %s", err, len(f.Samples), out)
	}
	echo := work(works.Saturated)
	echo.Name = works.Echo125
	f, _, _ = run(t.Context(), t, "fine", echo, w)
	if got := order(f, results.Calibration); got != "" {
		t.Errorf("calibrated by %s, with the work measured already", got)
	}
	for _, s := range f.Samples {
		if s.Mode == results.Open && s.Rate != 200 {
			t.Errorf("rate %v", s.Rate)
		}
	}
}

// A load beside the measured one runs as long as that, and its failure is one of the
// sample.
func TestBeside(t *testing.T) {
	w := work(works.Rated)
	w.Rate, w.Beside = 100, []string{"tls", "https://ADDRESS/", "--rate", "300"}
	there := "beside=" + filepath.Join(t.TempDir(), "running")
	f, out, err := run(t.Context(), t, there, w)
	if err != nil || f.Faulty() > 0 || order(f, results.Open) != "whghgwgwh" {
		t.Errorf("%v, order %s, %s", err, order(f, results.Open), out)
	}
	w.Beside[3] = "2000" // twice what the stand-in says it does
	f, _, _ = run(t.Context(), t, there, w)
	if f.Faulty() != 9 || !strings.Contains(f.Samples[0].Faults, "beside it: 1000 a second instead of 2000") {
		t.Errorf("%d faulty: %q", f.Faulty(), f.Samples[0].Faults)
	}
}

// Idle works run side by side, each with processes of its own.
func TestIdle(t *testing.T) {
	f, out, err := run(t.Context(), t, "fine", work(works.Idle))
	if err != nil || f.Faulty() > 0 || len(f.Samples) != 6 {
		t.Fatalf("%v, %d samples, %s", err, len(f.Samples), out)
	}
	f, _, _ = run(t.Context(), t, "dead=gnet", work(works.Idle))
	if f.Faulty() != 2 || len(f.Samples) != 6 {
		t.Errorf("%d of %d faulty", f.Faulty(), len(f.Samples))
	}
}

// Ctrl-C ends whatever is going on, stops everything, and keeps no sample that was
// cut short.
func TestCancel(t *testing.T) {
	for _, kind := range []works.Kind{works.Loaded, works.Idle} {
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		begin := time.Now()
		f, _, err := run(ctx, t, "stuck", work(kind))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || len(f.Samples) > 0 || time.Since(begin) > 30*time.Second {
			t.Errorf("kind %d: %v, %d samples, %v", kind, err, len(f.Samples), time.Since(begin))
		}
	}
}

func TestGeneratorArgs(t *testing.T) {
	r := &Runner{Options: Options{Duration: 2 * time.Second, Warmup: 300 * time.Millisecond, IdleFor: time.Minute}}
	p := &peers.Process{Addr: "127.0.0.1:1", PID: 7}
	for name, want := range map[string]string{
		"ws-1k":                "ws ws://127.0.0.1:1/ws --connections 64 --size 1KiB --json --pid 7 --duration 2s --warmup 300ms --rate 5000.0",
		works.BroadcastTo:      "broadcast ws://127.0.0.1:1/room --connections 1000 --size 125 --json --pid 7 --duration 2s --warmup 300ms --rate 5.0",
		works.StormName:        "storm ws://127.0.0.1:1/ws --connections 9000 --survivors 200 --rate 1000 --size 125 --duration 2s --json --pid 7",
		works.Upload:           "bulk http://127.0.0.1:1/ --upload --size 1GiB --json --pid 7",
		works.TLSBeside:        "ws wss://127.0.0.1:1/ws --connections 64 --size 125 --insecure --curves X25519 --json --pid 7 --duration 2s --warmup 300ms --rate 5000.0",
		works.IdlePings:        "idle ws://127.0.0.1:1/ws --connections 9000 --timeout 30s --ping-every 30s --json --pid 7 --duration 1m0s",
		"http-pipelined":       "http http://127.0.0.1:1/bytes/128 --pipeline 16 --connections 64 --json --pid 7 --duration 2s --warmup 300ms --rate 5000.0",
		"check-wrk-get-64k":    "wrk -t1 -c64 -d2s http://127.0.0.1:1/bytes/65536",
		"check-h2load-get-128": "h2load --h1 -t1 -c64 -m1 -D2 http://127.0.0.1:1/bytes/128",
	} {
		w := works.Find(name)
		args := r.generatorArgs(w, p, 5000)
		if w.Kind == works.Tool {
			args = w.Args(p.Addr, 2*time.Second)
		}
		if got := strings.Join(args, " "); got != want {
			t.Errorf("%s:\n%s, want\n%s", name, got, want)
		}
	}
}

// The CPU time of a tree is that of its root and of all below it.
func TestTreeCPU(t *testing.T) {
	if _, err := treeCPU(1 << 30); err == nil {
		t.Error("a process that does not exist has CPU time")
	}
	before, err := treeCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	until := before + 50*time.Millisecond
	for deadline := time.Now().Add(20 * time.Second); ; {
		for range 1 << 20 {
			io.Discard.Write(nil)
		}
		if now, err := treeCPU(os.Getpid()); err != nil || now >= until {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("work costs no CPU time")
		}
	}
	parent, err := treeCPU(os.Getppid())
	own, _ := treeCPU(os.Getpid())
	if err != nil || parent < own-time.Second {
		t.Errorf("the tree above: %v, %v; this process alone %v", parent, err, own)
	}
}

func TestRoot(t *testing.T) {
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	root, err := Root(cwd)
	if err != nil || !slices.Contains(names(t, root), "engine") {
		t.Errorf("%s, %v", root, err)
	}
	if root, err := Root(t.TempDir()); err == nil {
		t.Errorf("found %s above a temporary folder", root)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}
