package measure

import (
	"context"
	"math"

	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

// share of the slowest capacity at which latencies are compared: all can keep up.
const share = 0.5

// halfCapacity is the rate, in units a second, that is half the median throughput of
// the slowest of field in w; 0 if none has any.
func (r *Runner) halfCapacity(w *works.Work, field []entrant, mode results.Mode) float64 {
	slowest := math.Inf(1)
	for _, e := range field {
		if s := r.File.Series(w.Name, e.Name, mode).Spread(results.Throughput); s.N > 0 {
			slowest = min(slowest, s.Median)
		}
	}
	if math.IsInf(slowest, 1) {
		return 0
	}
	return math.Floor(slowest * share)
}

// borrowedRate is the rate of a Rated work: its own, or half the capacity of the slowest of its
// peers in another work. If that was not measured in this run, it is calibrated with
// one closed loop each, on the peers that stand there already.
func (r *Runner) borrowedRate(ctx context.Context, w *works.Work, field []entrant) float64 {
	if w.Rate > 0 {
		return w.Rate
	}
	from := works.Find(w.RateOf)
	if rate := r.halfCapacity(from, field, results.Closed); rate > 0 {
		return rate
	}
	if !r.File.Has(from.Name, results.Calibration) {
		for _, e := range field {
			if e.process != nil && ctx.Err() == nil {
				r.Progress.Line("calibrating the rate of %s: %s, %s", w.Group, from.Title, e.Title)
				r.measure(ctx, from, e, results.Calibration, 0, 0)
			}
		}
	}
	return r.halfCapacity(from, field, results.Calibration)
}
