package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/bench/comparison/peers"
	"weir/bench/comparison/results"
)

// asMain makes the test binary this program, which is how it starts its own peers.
const asMain = "COMPARE_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

// compare runs a command line, and demands that no process and no temporary file is
// left.
func compare(ctx context.Context, t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv(asMain, "1")
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	var out, complaints strings.Builder
	code = execute(ctx, args, &out, &complaints)
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); !errors.Is(err, unix.ECHILD) {
		t.Errorf("%v: a child is left: %d, %v", args, pid, err)
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "weir-compare-*")); len(left) > 0 {
		t.Errorf("%v: left %v", args, left)
	}
	return code, out.String(), complaints.String()
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args string
		want string // in stderr
	}{
		{"--rounds 0", "--rounds: at least 1"},
		{"--idle-rounds 0", "--idle-rounds"},
		{"--duration 0s", "--duration"},
		{"--duration 2", "invalid argument"},
		{"--warmup -1s", "--warmup"},
		{"--idle-for 0s", "--idle-for"},
		{"--only ws-33", "there are ws-32, ws-125"},
		{"--only (", "only: "},
		{"--only ws-125 --peers caddie", `no "caddie"`},
		{"--only growth-10$ --peers caddy", "nothing to measure: 10 tunnels (growth-10) is left out: none of the peers"},
		{"--quick --write", "leave out --write"},
		{"--quick --out x", "leave out --write and --out"},
		{"--round 3", "unknown flag"},
		{"repot x", "or 'report FILE'"},
		{"report", "takes one file"},
		{"report a b", "takes one file"},
		{"peer nginx --listen a --backend b", "takes httputil or gnet"},
		{"peer gnet --listen 127.0.0.1:1", "needs --listen and --backend"},
	} {
		code, stdout, stderr := compare(t.Context(), t, strings.Fields(tt.args)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) || !strings.Contains(stderr, "--help") {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want 2 and %q", tt.args, code, stdout, stderr, tt.want)
		}
	}
}

func TestHelp(t *testing.T) {
	code, stdout, _ := compare(t.Context(), t, "--help")
	for _, want := range []string{"--rounds", "--quick", "bench/compare --only", "report"} {
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, no %q in\n%s", code, want, stdout)
		}
	}
}

// One work with each shape, on weir and the peers that need no package, for real.
func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	code, stdout, stderr := compare(t.Context(), t, "--peers", "weir,httputil,gnet", "--rounds", "1", "--duration", "200ms", "--warmup", "10ms",
		"--only", "^(ws-125|handshake|growth-10|http-get-128)$", "--out", path)
	if code != exitOK {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	for _, want := range []string{"## websocket", "| echo, 125 B | weir |", "| echo, 125 B | gnet relay |", "## handshake", "## growth"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	f, err := results.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	// 3 × closed and open of two works, 3 handshakes, weir's and gnet's growth.
	if len(f.Samples) != 17 || f.Settings.Rounds != 1 || f.Settings.CutShort || len(f.Peers) != 3 || f.Settings.Took <= 0 {
		t.Errorf("%d samples, %+v, %+v", len(f.Samples), f.Settings, f.Peers)
	}
	for _, s := range f.Samples {
		if s.Faults != "" || s.Elapsed <= 0 || s.Peer == peers.Weir && s.Throughput <= 0 {
			t.Errorf("%+v", s)
		}
	}
	if _, again, _ := compare(t.Context(), t, "report", path); again != stdout {
		t.Errorf("report prints something else:\n%s\nthe run:\n%s", again, stdout)
	}
}

// Ctrl-C leaves nothing but the samples that were taken.
func TestInterrupt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if found, _ := filepath.Glob(filepath.Join(os.TempDir(), "weir-compare-*", "*", "*.log")); len(found) >= 2 {
				return
			}
		}
	}()
	code, stdout, stderr := compare(ctx, t, "--peers", "weir,gnet", "--rounds", "9", "--duration", "10s", "--only", "^ws-125$", "--out", path)
	if code != exitFailure || stdout != "" || !strings.Contains(stderr, "interrupted") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if f, err := results.Load(path); err != nil || !f.Settings.CutShort {
		t.Errorf("%v, %+v", err, f)
	}
}

// The peers that are this program start, answer and stop.
func TestOwnPeers(t *testing.T) {
	t.Setenv(asMain, "1")
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	lab, err := newLab(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lab.close()
	addrs, err := peers.FreeAddrs(3)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := peers.StartBackend(t.Context(), peers.Place{}, lab.weir, t.TempDir(), addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Stop()
	for i, name := range []string{peers.HTTPUtil, peers.Gnet} {
		p, err := peers.Start(t.Context(), peers.Spec{
			Peer: peers.Find(name), Self: lab.self, Dir: t.TempDir(), Listen: addrs[i+1], Backend: addrs[0], Workers: 1, Files: 1024,
		})
		if err != nil {
			t.Error(err)
			continue
		}
		p.Stop()
		if err := unix.Kill(-p.PID, 0); !errors.Is(err, unix.ESRCH) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}
