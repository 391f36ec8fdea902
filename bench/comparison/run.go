package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"weir/bench/comparison/measure"
	"weir/bench/comparison/peers"
	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

// run measures, saves, and prints tables.
func (f *flags) run(ctx context.Context, stdout, stderr io.Writer) error {
	files, err := peers.RaiseFiles()
	if err != nil {
		return fmt.Errorf("descriptor limit: %w", err)
	}
	o, leftOut, err := f.options(files)
	if err != nil {
		return err
	}
	for _, line := range leftOut {
		fmt.Fprintln(stderr, line)
	}
	o.Explain(stderr)
	lab, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer lab.close()
	file := lab.file(ctx, files, o, leftOut)
	if file.Machine.Dirty {
		fmt.Fprintf(stderr, "note: the tree differs from commit %s; the tables will say so\n", file.Machine.Commit)
	}
	steps, total := o.Estimate()
	progress := measure.NewProgress(stderr, isTerminal(stderr), steps, total)
	start := time.Now()
	failed := lab.runner(o, files, file, progress).Run(ctx)
	progress.Close()
	file.Settings.Took = time.Since(start).Seconds()
	file.Settings.CutShort = failed != nil
	if err := file.Save(f.outPath()); err != nil {
		return errors.Join(failed, err)
	}
	fmt.Fprintf(stderr, "%d samples in %s\n", len(file.Samples), f.outPath())
	if failed != nil {
		if ctx.Err() != nil {
			failed = errors.New("interrupted; 'bench/compare report' shows what was measured until then")
		}
		return failed
	}
	return show(file, lab.root, f.write, stdout, stderr)
}

// lab is what a run needs: weir's source, a binary built from it, and a folder that
// goes with it.
type lab struct {
	root, dir  string
	weir, self string
}

func newLab(ctx context.Context) (*lab, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	l := new(lab)
	if l.root, err = measure.Root(cwd); err != nil {
		return nil, err
	}
	if l.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if l.dir, err = os.MkdirTemp("", "weir-compare-"); err != nil {
		return nil, err
	}
	// The workers of a master that runs as root are somebody else.
	if err = os.Chmod(l.dir, 0o755); err == nil {
		l.weir, err = measure.Build(ctx, l.root, l.dir)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) close() { _ = os.RemoveAll(l.dir) }

func (l *lab) runner(o measure.Options, files int, file *results.File, p *measure.Progress) *measure.Runner {
	return &measure.Runner{Options: o, Weir: l.weir, Self: l.self, Dir: l.dir, Files: files, File: file, Progress: p}
}

// file is the results of a run that has yet to begin.
func (l *lab) file(ctx context.Context, files int, o measure.Options, leftOut []string) *results.File {
	f := &results.File{
		Machine: results.NewMachine(ctx, l.root, files), LeftOut: leftOut,
		Settings: results.Settings{
			Rounds: o.Rounds, IdleRounds: o.IdleRounds, Duration: o.Duration.Seconds(),
			Warmup: o.Warmup.Seconds(), IdleSeconds: o.IdleFor.Seconds(),
		},
	}
	for _, p := range o.Peers {
		v := results.PeerVersion{Name: p.Name, Version: p.Version()}
		if p.Name == peers.Weir {
			v.Version = f.Machine.Commit
		}
		f.Peers = append(f.Peers, v)
	}
	seen := map[string]bool{}
	for _, w := range o.Works {
		if tool := w.Command[0]; w.Kind == works.Tool && !seen[tool] {
			seen[tool] = true
			f.Tools = append(f.Tools, results.PeerVersion{Name: tool, Version: peers.ToolVersion(tool, measure.Tools[tool]...)})
		}
	}
	return f
}
