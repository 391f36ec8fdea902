package report

import (
	"cmp"
	"fmt"
	"slices"

	"weir/bench/comparison/peers"
	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

// rival says which peers a target is measured against.
type rival uint8

const (
	toNginx   rival = iota // the best of nginx's configurations
	toHAProxy              //
	toProxies              // the best that understands what it forwards
	toAll                  // the best, a blind relay too
)

var rivalNames = map[rival]string{
	toNginx: "nginx", toHAProxy: "HAProxy", toProxies: "the best proxy", toAll: "the best peer",
}

// target is a ratio that weir must not pass in any of some works.
type target struct {
	what  string
	works []*works.Work
	mode  results.Mode
	of    results.Figure
	rival rival
	most  float64
}

// all are the targets. In WebSocket messages a blind relay does the same work as a
// proxy, which relays bytes once the tunnel stands; in HTTP it does less.
func all() []target {
	w := works.Group
	one := func(name string) []*works.Work { return []*works.Work{works.Find(name)} }
	return []target{
		{"CPU per WebSocket message", w(works.WebSocket), results.Closed, results.CPUMicros, toNginx, 0.95},
		{"CPU per HTTP request", w(works.HTTP), results.Closed, results.CPUMicros, toNginx, 0.95},
		{"CPU per handshake", one(works.Handshake), results.Closed, results.CPUMicros, toNginx, 0.9},
		{"RSS per idle tunnel", []*works.Work{works.Find(works.Idle1000), works.Find(works.Idle9000)}, results.Idle, results.RSSPerConnection, toHAProxy, 0.25},
		{"p99 of WebSocket messages at a fixed rate", slices.Concat(w(works.WebSocket), w(works.Broadcast)), results.Open, results.P99, toAll, 1},
		{"p99 of HTTP requests at a fixed rate", w(works.HTTP), results.Open, results.P99, toProxies, 1},
		{"CPU per delivery of a broadcast", one(works.BroadcastTo), results.Closed, results.CPUMicros, toAll, 0.9},
		{"CPU per GiB of bulk download", one(works.Download), results.Once, results.CPUSecondsPerGiB, toNginx, 0.7},
	}
}

// against reports whether p is one of the peers of r.
func (r rival) against(p *peers.Peer) bool {
	switch r {
	case toNginx:
		return p.Name == peers.Nginx || p.Name == peers.Nginx64K
	case toHAProxy:
		return p.Name == peers.HAProxy
	case toProxies:
		return p.Name != peers.Weir && !p.Blind
	}
	return p.Name != peers.Weir
}

// measured is the ratio of weir to the best rival in one work.
type measured struct {
	work  *works.Work
	best  *peers.Peer
	ratio results.Spread
}

// measure finds the best rival in w, by the median; ok is false if there is nothing
// to compare.
func (t *target) measure(f *results.File, w *works.Work) (m measured, ok bool) {
	bestFigure := 0.0
	for _, e := range entries(f, w, t.mode) {
		s := e.spread(f, t.mode, t.of)
		if t.rival.against(e.Peer) && s.N > 0 && (m.best == nil || s.Median < bestFigure) {
			m.best, bestFigure = e.Peer, s.Median
		}
	}
	if m.best == nil {
		return m, false
	}
	m.work, m.ratio = w, entry{m.best, w}.ratio(f, t.mode, t.of)
	return m, m.ratio.N > 0
}

// targets is the table of what weir must reach. A row is met only if every work of
// it was measured and is within the limit.
func targets(f *results.File) string {
	t := newTable(2, "target", "against", "at most", "worst: median (least–most)", "in", "works met", "met")
	rows := 0
	for _, goal := range all() {
		var list []measured
		for _, w := range goal.works {
			if m, ok := goal.measure(f, w); ok {
				list = append(list, m)
			}
		}
		if len(list) == 0 {
			continue
		}
		rows++
		met := 0
		for _, m := range list {
			if rounded(m.ratio.Median) <= goal.most {
				met++
			}
		}
		worst := slices.MaxFunc(list, func(a, b measured) int { return cmp.Compare(a.ratio.Median, b.ratio.Median) })
		t.row(goal.what, rivalNames[goal.rival], ratioNumber(goal.most), spread(worst.ratio, ratioNumber),
			worst.work.Title+" ("+worst.best.Title+")", fmt.Sprintf("%d of %d", met, len(goal.works)), verdict(met, len(list), len(goal.works)))
	}
	if idleRow(f, t) {
		rows++
	}
	if rows == 0 {
		return ""
	}
	return t.String()
}

func verdict(met, measured, works int) string {
	switch {
	case met < measured:
		return "**no**"
	case measured < works:
		return "not all measured"
	}
	return "yes"
}

// nearZero is the processor time of a minute that is taken for none: two ticks of
// the clock it is counted with.
const nearZero = 0.02

// idleRow adds the target that is no ratio: idle tunnels cost no CPU.
func idleRow(f *results.File, t *table) bool {
	e := entry{peers.Find(peers.Weir), works.Find(works.Idle9000)}
	s := e.spread(f, results.Idle, results.CPUPerMinute)
	if s.N == 0 {
		return false
	}
	met := 0
	if s.Median <= nearZero {
		met = 1
	}
	t.row("CPU seconds a minute of idle tunnels", "none", ratioNumber(nearZero), spread(s, ratioNumber), e.work.Title, fmt.Sprintf("%d of 1", met), verdict(met, 1, 1))
	return true
}
