// Package report turns the samples of a comparison into the tables and figures that
// BENCHMARKS.md shows. Nothing in them is typed by hand: the same file of results
// gives the same bytes.
//
// A ratio is that of weir to a peer, round by round, and above 1 where weir loses;
// such rows stay in and are marked.
package report

import (
	"fmt"
	"strings"

	"weir/bench/comparison/peers"
	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

// Table is one table in markdown, with the name of its markers.
type Table struct{ Name, Text string }

// makers are all tables in the order in which they are printed.
var makers = []struct {
	name string
	make func(*results.File) string
}{
	{"environment", environment},
	{"targets", targets},
	{works.WebSocket, func(f *results.File) string { return loaded(f, works.WebSocket) }},
	{works.Broadcast, func(f *results.File) string { return loaded(f, works.Broadcast) }},
	{works.Idling, idle},
	{works.Handshakes, handshakes},
	{works.Storm, storm},
	{works.HTTP, func(f *results.File) string { return loaded(f, works.HTTP) }},
	{works.Bulk, func(f *results.File) string { return bulk(f, works.Bulk) }},
	{works.TLSIdling, tlsIdle},
	{works.TLSHandshakes, func(f *results.File) string {
		return saturated(f, works.Group(works.TLSHandshakes), results.Closed, true)
	}},
	{works.TLSMessages, func(f *results.File) string { return loaded(f, works.TLSMessages) }},
	{works.TLSBulk, func(f *results.File) string { return bulk(f, works.TLSBulk) }},
	{works.TLSCrowded, tlsCrowded},
	{works.Growth, growth},
	{works.Loops, loops},
	{works.CrossCheck, crossCheck},
}

// Names are those of all tables.
func Names() []string {
	var names []string
	for _, m := range makers {
		names = append(names, m.name)
	}
	return names
}

// Tables are those for which f has samples.
func Tables(f *results.File) []Table {
	var list []Table
	for _, m := range makers {
		if text := m.make(f); text != "" {
			list = append(list, Table{m.name, text})
		}
	}
	return list
}

// entry is one peer in one work.
type entry struct {
	*peers.Peer
	work *works.Work
}

// entries are the peers of w that f knows in mode, faulty or not, weir first.
func entries(f *results.File, w *works.Work, mode results.Mode) []entry {
	seen := map[string]bool{}
	for i := range f.Samples {
		if s := &f.Samples[i]; s.Work == w.Name && s.Mode == mode {
			seen[s.Peer] = true
		}
	}
	var list []entry
	for _, p := range peers.All {
		if seen[p.Name] {
			list = append(list, entry{p, w})
		}
	}
	return list
}

// spread is that of a figure of e.
func (e entry) spread(f *results.File, mode results.Mode, of results.Figure) results.Spread {
	return f.Series(e.work.Name, e.Name, mode).Spread(of)
}

// ratio is that of weir to e, round by round.
func (e entry) ratio(f *results.File, mode results.Mode, of results.Figure) results.Spread {
	if e.Name == peers.Weir {
		return results.Spread{}
	}
	return f.Series(e.work.Name, peers.Weir, mode).Ratios(f.Series(e.work.Name, e.Name, mode), of)
}

// faultLines tell of the rounds that are in no figure, under a table.
func faultLines(f *results.File, group []*works.Work) string {
	var b strings.Builder
	for _, w := range group {
		for _, mode := range []results.Mode{results.Closed, results.Open, results.Once, results.Idle, results.Tool} {
			for _, e := range entries(f, w, mode) {
				if faults := f.Faults(w.Name, e.Name, mode); len(faults) > 0 {
					fmt.Fprintf(&b, "\n**Errors** in %d of the rounds of %s, %s (%s), which are in no figure: %s\n",
						len(faults), w.Title, e.Title, mode, oneLine(faults[0]))
				}
			}
		}
	}
	return b.String()
}

func oneLine(s string) string {
	const most = 300
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
