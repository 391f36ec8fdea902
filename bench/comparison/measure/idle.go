package measure

import (
	"context"
	"fmt"
	"sync"

	"weir/bench/comparison/peers"
	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

// idle measures all peers at the same time, each with a backend and a generator of
// its own: they disturb nobody, and a minute is long. Every round has fresh
// processes, since memory that earlier work left behind would hide what a tunnel
// costs.
func (r *Runner) idle(ctx context.Context, w *works.Work) error {
	for round := range r.IdleRounds {
		r.Progress.begin(fmt.Sprintf("%s %s, all at once, round %d of %d", w.Group, w.Title, round+1, r.IdleRounds))
		var wg sync.WaitGroup
		for _, p := range w.Of(r.Peers) {
			wg.Go(func() {
				s := r.idleOne(ctx, w, p)
				if ctx.Err() != nil {
					return
				}
				s.Work, s.Peer, s.Mode, s.Round = w.Name, p.Name, results.Idle, round
				r.add(s)
			})
		}
		wg.Wait()
		r.Progress.finish(r.one(w))
	}
	return nil
}

// idleOne measures one peer, in processes that have ended when it returns.
func (r *Runner) idleOne(ctx context.Context, w *works.Work, p *peers.Peer) results.Sample {
	backend, err := r.backend(ctx, peers.Place{})
	if err != nil {
		return results.Sample{Faults: err.Error()}
	}
	defer backend.Stop()
	process, err := r.peer(ctx, peers.Place{}, w, p, backend.Addr)
	if err != nil {
		return results.Sample{Faults: err.Error()}
	}
	defer process.Stop()
	s := Generate(ctx, peers.Place{}, r.Weir, r.one(w), r.generatorArgs(w, process, 0)...)
	if process.Ended() {
		s.Faults = endedByItself(process)
	}
	return s
}
