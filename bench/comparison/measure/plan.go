package measure

import (
	"fmt"
	"io"
	"time"

	"weir/bench/comparison/peers"
	"weir/bench/comparison/works"
)

// Options say what is measured and for how long.
type Options struct {
	Works      []*works.Work
	Peers      []*peers.Peer // those that can run, in the order of tables
	Rounds     int
	IdleRounds int
	Duration   time.Duration // of one measurement, after Warmup
	Warmup     time.Duration
	IdleFor    time.Duration
}

// What measurements cost beside their duration, for the estimate.
const (
	around        = 100 * time.Millisecond // start and end of a generator
	startPeers    = time.Second            // all peers of a work, and their stop
	opensASecond  = 6000                   // connections through a proxy
	idleOpensEach = 3000                   // the same, by all peers together
)

// toolFor is how long a tool measures. It only has to confirm, and takes no
// fractions of a second.
func (o *Options) toolFor() time.Duration {
	return max(time.Second, (o.Duration / 2).Round(time.Second))
}

// one is how long one measurement of w takes.
func (o *Options) one(w *works.Work) time.Duration {
	opening := time.Duration(w.Connections) * time.Second / opensASecond
	switch w.Kind {
	case works.Idle:
		many := time.Duration(w.Connections*len(w.Of(o.Peers))) * time.Second / idleOpensEach
		return o.IdleFor + many + startPeers
	case works.Once:
		if w.HeldFirst() {
			return w.Takes + o.Duration + around
		}
		return w.Takes + around
	case works.Tool:
		return o.toolFor() + around
	}
	return o.Warmup + o.Duration + opening + around
}

// steps is how many measurements w is.
func (o *Options) steps(w *works.Work) int {
	switch w.Kind {
	case works.Idle:
		return o.IdleRounds
	case works.Loaded:
		return 2 * o.Rounds * len(w.Of(o.Peers))
	}
	return o.Rounds * len(w.Of(o.Peers))
}

// total is how long w takes.
func (o *Options) total(w *works.Work) time.Duration {
	return time.Duration(o.steps(w))*o.one(w) + startPeers
}

// Estimate is how many measurements there are and how long all take.
func (o *Options) Estimate() (steps int, total time.Duration) {
	for _, w := range o.Works {
		steps += o.steps(w)
		total += o.total(w)
	}
	return steps, total
}

// Explain prints the arithmetic of the estimate, a line for each kind of work.
func (o *Options) Explain(out io.Writer) {
	type row struct {
		group string
		works int
		steps int
		total time.Duration
	}
	var rows []row
	for _, w := range o.Works {
		if len(rows) == 0 || rows[len(rows)-1].group != w.Group {
			rows = append(rows, row{group: w.Group})
		}
		r := &rows[len(rows)-1]
		r.works++
		r.steps += o.steps(w)
		r.total += o.total(w)
	}
	for _, r := range rows {
		fmt.Fprintf(out, "  %-11s %2d works, %4d measurements, %6s\n", r.group, r.works, r.steps, clock(r.total))
	}
	steps, total := o.Estimate()
	fmt.Fprintf(out, "%d measurements in about %s: %d rounds of %v and %v of warm-up, idle %v\n",
		steps, clock(total), o.Rounds, o.Duration, o.Warmup, o.IdleFor)
}

// clock is d as minutes and seconds.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s < 60 {
		return fmt.Sprintf("%d s", s)
	}
	return fmt.Sprintf("%d:%02d min", s/60, s%60)
}
