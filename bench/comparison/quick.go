package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"weir/bench/comparison/measure"
	"weir/bench/comparison/peers"
	"weir/bench/comparison/report"
	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

// Limits of quick.
const (
	quickTunnels    = 2000
	quickIdle       = 5 * time.Second
	mostTunnelBytes = 1024
)

// quick checks what does not depend on the speed of a machine, and prints one short
// round of what does. It fails on an allocation on a hot path and on idle tunnels
// that take more than a KiB each, never on a time.
func quick(ctx context.Context, stdout, stderr io.Writer) error {
	files, err := peers.RaiseFiles()
	if err != nil {
		return fmt.Errorf("descriptor limit: %w", err)
	}
	lab, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer lab.close()
	fmt.Fprintln(stderr, "1 of 3: allocations on hot paths")
	tests, err := allocations(ctx, lab.root)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "allocations: %d tests, none on a hot path\n", tests)
	fmt.Fprintf(stderr, "2 of 3: %d idle tunnels for %v\n", quickTunnels, quickIdle)
	perTunnel, err := lab.density(ctx, files)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "idle: %.0f bytes of RSS a tunnel, at most %d\n", perTunnel, mostTunnelBytes)
	if perTunnel > mostTunnelBytes {
		return fmt.Errorf("an idle tunnel takes %.0f bytes of RSS, more than %d", perTunnel, mostTunnelBytes)
	}
	fmt.Fprintln(stderr, "3 of 3: one short round, to look at")
	return lab.glance(ctx, files, stdout, stderr)
}

// allocations runs the tests of weir's module whose name says so, and counts them.
func allocations(ctx context.Context, root string) (tests int, err error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-run", "Alloc", "-v", "./...")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	return judgeAllocations(out, err)
}

// judgeAllocations reads the output of go test -v. That no test ran is a failure: it
// would hide all others.
func judgeAllocations(out []byte, err error) (tests int, _ error) {
	if err != nil {
		return 0, fmt.Errorf("the tests of allocations failed: %w\n%s", err, out)
	}
	for line := range bytes.Lines(out) {
		if bytes.HasPrefix(line, []byte("--- PASS: Test")) { // its parts are indented
			tests++
		}
	}
	if tests == 0 {
		return 0, errors.New("no test of allocations ran (go test -run Alloc ./...)")
	}
	return tests, nil
}

// density is the RSS that weir spends on an idle tunnel.
func (l *lab) density(ctx context.Context, files int) (float64, error) {
	if quickTunnels > peers.Tunnels(files) {
		return 0, fmt.Errorf("%d tunnels need more than the %d descriptors a process may open; raise the hard limit (ulimit -Hn)", quickTunnels, files)
	}
	dir := filepath.Join(l.dir, "density")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return 0, err
	}
	addrs, err := peers.FreeAddrs(2)
	if err != nil {
		return 0, err
	}
	backend, err := peers.StartBackend(ctx, peers.Place{}, l.weir, dir, addrs[0])
	if err != nil {
		return 0, err
	}
	defer backend.Stop()
	weir, err := peers.Start(ctx, peers.Spec{
		Peer: peers.Find(peers.Weir), Weir: l.weir, Dir: dir, Listen: addrs[1], Backend: addrs[0], Workers: 1, Files: files,
	})
	if err != nil {
		return 0, err
	}
	defer weir.Stop()
	s := measure.Generate(ctx, peers.Place{}, l.weir, quickIdle, "idle", "ws://"+weir.Addr+"/ws", "--connections", strconv.Itoa(quickTunnels),
		"--duration", quickIdle.String(), "--timeout", "30s", "--json", "--pid", strconv.Itoa(weir.PID))
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if s.Faults != "" {
		return 0, fmt.Errorf("idle tunnels: %s", s.Faults)
	}
	return s.RSSPerConnection, nil
}

// glance prints one round of what is installed.
func (l *lab) glance(ctx context.Context, files int, stdout, stderr io.Writer) error {
	usable, leftOut := peers.Usable(peers.All)
	for _, line := range leftOut {
		fmt.Fprintln(stderr, line)
	}
	o := measure.Options{Peers: usable, Rounds: 1, Duration: 500 * time.Millisecond, Warmup: 100 * time.Millisecond}
	for _, name := range []string{works.Echo125, works.GET128} {
		w := *works.Find(name)
		w.Kind = works.Saturated
		o.Works = append(o.Works, &w)
	}
	file := &results.File{}
	steps, total := o.Estimate()
	progress := measure.NewProgress(stderr, isTerminal(stderr), steps, total)
	err := l.runner(o, files, file, progress).Run(ctx)
	progress.Close()
	if err != nil {
		return err
	}
	for _, t := range report.Tables(file) {
		if t.Name == works.WebSocket || t.Name == works.HTTP {
			fmt.Fprintf(stdout, "\n## %s\n\n%s", t.Name, t.Text)
		}
	}
	return nil
}
