package report

import (
	"fmt"

	"weir/bench/comparison/peers"
	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

// idle is the table of tunnels that nothing, or only a ping, goes through.
func idle(f *results.File) string {
	list := works.Group(works.Idling)
	few, many, pinged := works.Find(works.Idle1000), works.Find(works.Idle9000), works.Find(works.IdlePings)
	seen := map[string]bool{}
	for _, w := range list {
		for _, e := range entries(f, w, results.Idle) {
			seen[e.Name] = true
		}
	}
	if len(seen) == 0 {
		return ""
	}
	t := newTable(1, "proxy", "RSS bytes a tunnel, of 1,000", "weir / peer", "of 9,000", "weir / peer",
		"CPU s a minute, 1,000 idle", "9,000 idle", "9,000 with a ping per 30 s each")
	for _, p := range peers.All {
		if !seen[p.Name] {
			continue
		}
		rss := func(w *works.Work) (string, string) {
			e := entry{p, w}
			return spread(e.spread(f, results.Idle, results.RSSPerConnection), grouped),
				lower(e.ratio(f, results.Idle, results.RSSPerConnection))
		}
		cpu := func(w *works.Work) string {
			return spread(entry{p, w}.spread(f, results.Idle, results.CPUPerMinute), number)
		}
		rssFew, ratioFew := rss(few)
		rssMany, ratioMany := rss(many)
		t.row(p.Title, rssFew, ratioFew, rssMany, ratioMany, cpu(few), cpu(many), cpu(pinged))
	}
	return t.String() + faultLines(f, list)
}

// Figures of a storm.
var (
	untilServed  results.Figure = func(s *results.Sample) float64 { return s.Storm.SecondsUntilServed }
	failed       results.Figure = func(s *results.Sample) float64 { return float64(s.Storm.FailedAttempts) }
	beforeStorm  results.Figure = func(s *results.Sample) float64 { return float64(s.Storm.Before.P99) }
	duringStorm  results.Figure = func(s *results.Sample) float64 { return float64(s.Storm.During.P99) }
	bytesASecond results.Figure = func(s *results.Sample) float64 { return s.Bulk.BytesPerSecond / (1 << 30) }
)

// storm is the table of tunnels that are cut at once and come back.
func storm(f *results.File) string {
	list := works.Group(works.Storm)
	list0 := entries(f, list[0], results.Once)
	if len(list0) == 0 {
		return ""
	}
	t := newTable(1, "proxy", "seconds until all are served", "weir / peer", "failed attempts",
		"CPU µs a tunnel", "weir / peer", "survivors' p99 µs before", "and meanwhile", "weir / peer")
	for _, e := range list0 {
		get := func(of results.Figure) results.Spread { return e.spread(f, results.Once, of) }
		ratio := func(of results.Figure) string { return lower(e.ratio(f, results.Once, of)) }
		t.row(e.Title, spread(get(untilServed), number), ratio(untilServed), median(get(failed), grouped),
			spread(get(results.CPUMicros), number), ratio(results.CPUMicros),
			median(get(beforeStorm), number), spread(get(duringStorm), number), ratio(duringStorm))
	}
	return t.String() + faultLines(f, list)
}

// bulk is the table of the transfers of group.
func bulk(f *results.File, group string) string {
	list := works.Group(group)
	t := newTable(2, "work", "proxy", "CPU s a GiB", "weir / peer", "GiB a second")
	rows := 0
	for _, w := range list {
		for _, e := range entries(f, w, results.Once) {
			rows++
			t.row(w.Title, e.Title, spread(e.spread(f, results.Once, results.CPUSecondsPerGiB), number),
				lower(e.ratio(f, results.Once, results.CPUSecondsPerGiB)),
				spread(e.spread(f, results.Once, bytesASecond), number))
		}
	}
	if rows == 0 {
		return ""
	}
	return t.String() + faultLines(f, list)
}

// environment says what was measured on what.
func environment(f *results.File) string {
	m, s := f.Machine, f.Settings
	dirty := ""
	if m.Dirty {
		dirty = ", **with changes that are not committed**"
	}
	t := newTable(2, "what", "")
	t.row("weir", "commit "+m.Commit+dirty)
	for _, v := range f.Peers {
		if p := peers.Find(v.Name); p != nil && v.Name != peers.Weir {
			text := v.Version
			if p.Note != "" {
				text += ": " + p.Note
			}
			t.row(p.Title, text)
		}
	}
	for _, v := range f.Tools {
		t.row(v.Name, v.Version)
	}
	t.row("machine", fmt.Sprintf("%d × %s, %d GiB, %s, %d descriptors a process", m.Cores, m.CPU, m.MemoryGB, m.Kernel, m.Files))
	t.row("built with", m.Go)
	t.row("date", m.Date)
	cut := ""
	if s.CutShort {
		cut = "; **interrupted, so that later works have fewer rounds or none**"
	}
	t.row("rounds", fmt.Sprintf("%d of %g s after %g s of warm-up; idle %d × %g s; %d samples in %.0f minutes%s",
		s.Rounds, s.Duration, s.Warmup, s.IdleRounds, s.IdleSeconds, len(f.Samples), s.Took/60, cut))
	text := t.String()
	for _, line := range f.LeftOut {
		text += "\n" + line + "\n"
	}
	return text
}
