package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/bench/comparison/measure"
	"weir/bench/comparison/peers"
	"weir/bench/comparison/works"
)

// flags are those of a run.
type flags struct {
	rounds, idleRounds int
	duration, warmup   time.Duration
	idleFor            time.Duration
	only, peers        string
	out                string
	write, quick       bool
}

func (f *flags) add(cmd *cobra.Command) {
	set := cmd.Flags()
	set.IntVar(&f.rounds, "rounds", 5, "rounds of each work; ratios are taken round by round")
	set.IntVar(&f.idleRounds, "idle-rounds", 1, "rounds of idle tunnels, each with fresh processes")
	set.DurationVar(&f.duration, "duration", 2*time.Second, "how long each measurement is")
	set.DurationVar(&f.warmup, "warmup", 300*time.Millisecond, "how long to run before each")
	set.DurationVar(&f.idleFor, "idle-for", time.Minute, "how long tunnels are held idle")
	set.StringVar(&f.only, "only", "", "a `regexp` of works; one that matches none lists them")
	set.StringVar(&f.peers, "peers", "", "a `list` out of "+strings.Join(peers.Names(), ","))
	set.StringVar(&f.out, "out", "", "a `file` for all samples as JSON; without it, one among the temporary files")
	set.BoolVar(&f.write, "write", false, "put the tables into BENCHMARKS.md and the plots into bench/plots")
	set.BoolVar(&f.quick, "quick", false, "two minutes: fails on an allocation or more than 1 KiB a tunnel, never on a time")
}

// options checks the flags. What it cannot measure here is in leftOut, a line each.
func (f *flags) options(files int) (o measure.Options, leftOut []string, err error) {
	for _, c := range []struct {
		ok   bool
		what string
	}{
		{f.rounds >= 1, "--rounds: at least 1"},
		{f.idleRounds >= 1, "--idle-rounds: at least 1"},
		{f.duration > 0, "--duration: longer than 0"},
		{f.warmup >= 0, "--warmup: not negative"},
		{f.idleFor > 0, "--idle-for: longer than 0"},
	} {
		if !c.ok {
			return o, nil, usagef("%s", c.what)
		}
	}
	o = measure.Options{Rounds: f.rounds, IdleRounds: f.idleRounds, Duration: f.duration, Warmup: f.warmup, IdleFor: f.idleFor}
	wanted, err := peers.Parse(f.peers)
	if err != nil {
		return o, nil, usageError{err}
	}
	o.Peers, leftOut = peers.Usable(wanted)
	selected, err := works.Select(f.only)
	if err != nil {
		return o, nil, usageError{err}
	}
	for _, w := range selected {
		if why := unfit(w, o.Peers, files); why != "" {
			leftOut = append(leftOut, w.Title+" ("+w.Name+") is left out: "+why)
			continue
		}
		o.Works = append(o.Works, w)
	}
	if len(o.Works) == 0 {
		return o, leftOut, usagef("nothing to measure: %s", strings.Join(leftOut, "; "))
	}
	return o, leftOut, nil
}

// unfit says why w cannot be measured here; "" if it can.
func unfit(w *works.Work, list []*peers.Peer, files int) string {
	switch {
	case len(w.Of(list)) == 0:
		return "none of the peers takes part in it"
	case w.Kind == works.Tool:
		return measure.ToolMissing(w.Command[0])
	case w.Connections > peers.Tunnels(files):
		return "a process may not open enough descriptors for it (ulimit -Hn)"
	}
	return ""
}

// outPath is where the samples go.
func (f *flags) outPath() string {
	if f.out == "" {
		return filepath.Join(os.TempDir(), "weir-compare.json")
	}
	return fromCaller(f.out)
}
