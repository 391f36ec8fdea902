// Package measure runs works against peers: it starts both, loads them in rounds
// that interleave the peers, and stops all it started, whatever happens.
package measure

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"weir/bench/comparison/peers"
	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

// Runner measures into File. Its fields are set before Run and not changed then.
type Runner struct {
	Options
	Weir, Self string // binaries: weir's, and of this program
	Dir        string // for configurations and logs; the caller removes it
	Files      int    // descriptors a process may open
	File       *results.File
	Progress   *Progress

	mu   sync.Mutex // of what follows, and of File, since idle works run side by side
	dirs int
}

// Run measures every work. A peer that fails costs its own samples only; err says
// that nothing more could be measured, or is that of ctx. All processes have ended
// when it returns.
func (r *Runner) Run(ctx context.Context) error {
	for _, w := range r.Works {
		var err error
		if w.Kind == works.Idle {
			err = r.idle(ctx, w)
		} else {
			err = r.together(ctx, w)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// add keeps a sample, and says at once if it is faulty.
func (r *Runner) add(s results.Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.File.Samples = append(r.File.Samples, s)
	if s.Faults != "" {
		r.Progress.Line("FAULT: %s, %s, %s, round %d: %s", s.Work, s.Peer, s.Mode, s.Round+1, s.Faults)
	}
}

// folder makes a new one for a process.
func (r *Runner) folder() (string, error) {
	r.mu.Lock()
	r.dirs++
	dir := filepath.Join(r.Dir, strconv.Itoa(r.dirs))
	r.mu.Unlock()
	return dir, os.Mkdir(dir, 0o755)
}

// backend starts one.
func (r *Runner) backend(ctx context.Context, place peers.Place) (*peers.Process, error) {
	dir, err := r.folder()
	if err != nil {
		return nil, err
	}
	addrs, err := peers.FreeAddrs(1)
	if err != nil {
		return nil, err
	}
	return peers.StartBackend(ctx, place, r.Weir, dir, addrs[0])
}

// peer starts p in front of backend for w.
func (r *Runner) peer(ctx context.Context, place peers.Place, w *works.Work, p *peers.Peer, backend string) (*peers.Process, error) {
	dir, err := r.folder()
	if err != nil {
		return nil, err
	}
	addrs, err := peers.FreeAddrs(1)
	if err != nil {
		return nil, err
	}
	return peers.Start(ctx, peers.Spec{
		Peer: p, Weir: r.Weir, Self: r.Self, Dir: dir, Listen: addrs[0], Backend: backend,
		Workers: w.WorkersOf(), Place: place, Files: r.Files, TLS: w.TLS,
	})
}

// entrant is a peer that takes part in a work; process is nil if it did not start.
type entrant struct {
	*peers.Peer
	process *peers.Process
	others  peers.Place // of what loads it
}

// together measures w on peers that all stand in front of one backend, one at a time,
// on processors of their own.
func (r *Runner) together(ctx context.Context, w *works.Work) error {
	proxy, others := peers.Places(w.WorkersOf())
	backend, err := r.backend(ctx, others)
	if err != nil {
		return err
	}
	running := []*peers.Process{backend}
	defer func() { peers.StopAll(running) }()
	var field []entrant
	for _, p := range w.Of(r.Peers) {
		process, err := r.peer(ctx, proxy, w, p, backend.Addr)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.add(results.Sample{Work: w.Name, Peer: p.Name, Mode: firstMode(w), Faults: err.Error()})
		} else {
			running = append(running, process)
		}
		field = append(field, entrant{p, process, others})
	}
	switch w.Kind {
	case works.Loaded:
		r.rounds(ctx, w, field, results.Closed, 0)
		if rate := r.halfCapacity(w, field, results.Closed); rate > 0 {
			r.rounds(ctx, w, field, results.Open, rate)
		}
	case works.Rated:
		if rate := r.borrowedRate(ctx, w, field); rate > 0 {
			r.rounds(ctx, w, field, results.Open, rate)
		}
	default:
		r.rounds(ctx, w, field, firstMode(w), 0)
	}
	return nil
}

// firstMode is how a work is measured, first if in two ways.
func firstMode(w *works.Work) results.Mode {
	switch w.Kind {
	case works.Rated:
		return results.Open
	case works.Once:
		return results.Once
	case works.Tool:
		return results.Tool
	case works.Idle:
		return results.Idle
	}
	return results.Closed
}

// rounds measures every peer once a round. The order moves on by one each round, so
// that none always follows the same one, and drift hits all alike.
func (r *Runner) rounds(ctx context.Context, w *works.Work, field []entrant, mode results.Mode, rate float64) {
	for round := range r.Rounds {
		for i := range field {
			e := field[(i+round)%len(field)]
			if ctx.Err() != nil {
				return
			}
			if e.process != nil {
				r.Progress.begin(fmt.Sprintf("%s %s, %s, %s, round %d of %d", w.Group, w.Title, e.Title, modeText(mode), round+1, r.Rounds))
				r.measure(ctx, w, e, mode, round, rate)
			}
			r.Progress.finish(r.one(w))
		}
	}
}

// measure takes one sample. rate is in units a second, 0 in closed loop.
func (r *Runner) measure(ctx context.Context, w *works.Work, e entrant, mode results.Mode, round int, rate float64) {
	var s results.Sample
	planned := r.one(w)
	stop := func() string { return "" }
	if len(w.Beside) > 0 {
		stop = beside(ctx, e.others, r.Weir, w.BesideArgs(e.process.Addr), planned)
	}
	switch w.Kind {
	case works.Tool:
		s = runTool(ctx, e.others, planned, e.process.PID, w.Args(e.process.Addr, r.toolFor()))
	default:
		s = Generate(ctx, e.others, r.Weir, planned, r.generatorArgs(w, e.process, rate)...)
	}
	wrong := stop()
	if ctx.Err() != nil {
		return // what was cut short says nothing
	}
	if s.Faults == "" {
		s.Faults = wrong
	}
	if e.process.Ended() {
		s.Faults = endedByItself(e.process)
	}
	s.Work, s.Peer, s.Mode, s.Round, s.Rate = w.Name, e.Name, mode, round, rate
	r.add(s)
}

// generatorArgs are those of weir bench.
func (r *Runner) generatorArgs(w *works.Work, p *peers.Process, rate float64) []string {
	args := append(w.Args(p.Addr, r.Duration), "--json", "--pid", strconv.Itoa(p.PID))
	switch w.Kind {
	case works.Once:
		return args
	case works.Idle:
		return append(args, "--duration", r.IdleFor.String())
	}
	args = append(args, "--duration", r.Duration.String(), "--warmup", r.Warmup.String())
	if rate > 0 {
		args = append(args, "--rate", strconv.FormatFloat(rate/float64(w.DuePer()), 'f', 1, 64))
	}
	return args
}

func endedByItself(p *peers.Process) string { return "it ended by itself; its log:\n" + p.Log() }

func modeText(m results.Mode) string {
	switch m {
	case results.Closed, results.Open:
		return string(m) + " loop"
	case results.Tool:
		return "cross-check"
	}
	return string(m)
}
