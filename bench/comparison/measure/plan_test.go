package measure

import (
	"strings"
	"testing"
	"time"

	"weir/bench/comparison/peers"
	"weir/bench/comparison/works"
)

// The default run is promised to take less than an hour.
func TestDefaultRunFits(t *testing.T) {
	o := Options{
		Works: works.All, Peers: peers.All, Rounds: 5, IdleRounds: 1,
		Duration: 2 * time.Second, Warmup: 300 * time.Millisecond, IdleFor: time.Minute,
	}
	steps, total := o.Estimate()
	if total > 55*time.Minute || total < 30*time.Minute || steps < 900 {
		t.Errorf("%d measurements in %v", steps, total)
	}
	var b strings.Builder
	o.Explain(&b)
	for _, w := range works.All {
		if !strings.Contains(b.String(), w.Group) {
			t.Errorf("%s is not explained:\n%s", w.Group, b.String())
		}
	}
}

func TestEstimate(t *testing.T) {
	two := []string{peers.Weir, peers.Nginx}
	o := Options{Peers: peers.All, Rounds: 3, IdleRounds: 2, Duration: 2 * time.Second, Warmup: time.Second, IdleFor: time.Minute}
	for _, tt := range []struct {
		work  works.Work
		steps int
		least time.Duration
	}{
		{works.Work{Kind: works.Loaded}, 12, 36 * time.Second},
		{works.Work{Kind: works.Saturated}, 6, 18 * time.Second},
		{works.Work{Kind: works.Rated, Connections: 6000}, 6, 24 * time.Second},
		{works.Work{Kind: works.Once, Takes: 5 * time.Second}, 6, 30 * time.Second},
		{works.Work{Kind: works.Once, Takes: 5 * time.Second, Command: []string{"BEFORE"}}, 6, 42 * time.Second},
		{works.Work{Kind: works.Tool}, 6, 6 * time.Second},
		{works.Work{Kind: works.Idle}, 2, 2 * time.Minute},
	} {
		tt.work.Peers = two
		o.Works = []*works.Work{&tt.work}
		steps, total := o.Estimate()
		if steps != tt.steps || total < tt.least || total > tt.least+5*time.Second {
			t.Errorf("kind %d: %d steps in %v, want %d in %v", tt.work.Kind, steps, total, tt.steps, tt.least)
		}
	}
}

func TestProgress(t *testing.T) {
	var b strings.Builder
	p := NewProgress(&b, false, 3, 100*time.Second)
	p.begin("a")
	p.finish(20 * time.Second)
	p.begin("b")
	p.finish(20 * time.Second)
	if got := b.String(); got != "1 of 3, 1:40 min left: a\n2 of 3, 1:20 min left: b\n" {
		t.Errorf("%q", got)
	}
	// What was planned for 40 s took 80: the other 60 will take 120.
	if got := p.left(80 * time.Second); got != 2*time.Minute {
		t.Errorf("%v left, want 2m", got)
	}
	b.Reset()
	p.terminal = true
	p.begin("c")
	p.Line("oops %d", 1)
	if got := b.String(); !strings.HasPrefix(got, "\r\x1b[K3 of 3") || !strings.HasSuffix(got, "\r\x1b[Koops 1\n") {
		t.Errorf("%q", got)
	}
}
