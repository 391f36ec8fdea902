package report

import (
	"fmt"

	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

// loaded is the table of works that were measured in closed and in open loop.
func loaded(f *results.File, group string) string {
	list := works.Group(group)
	unit := list[0].Unit
	t := newTable(2, "work", "proxy", "CPU µs a "+unit, "weir / peer", list[0].Units()+" a second, at most",
		"at a rate of", "p50 µs", "p99 µs", "p99.9 µs", "CPU µs a "+unit+" at that rate", "RSS MiB")
	rows := 0
	for _, w := range list {
		for _, e := range entries(f, w, results.Closed) {
			rows++
			cpu := e.spread(f, results.Closed, results.CPUMicros)
			rate := e.spread(f, results.Open, func(s *results.Sample) float64 { return s.Rate })
			open := func(of results.Figure) string { return median(e.spread(f, results.Open, of), number) }
			t.row(w.Title, e.Title, spread(cpu, number), lower(e.ratio(f, results.Closed, results.CPUMicros)),
				median(e.spread(f, results.Closed, results.Throughput), grouped), median(rate, grouped),
				open(results.P50), open(results.P99), open(results.P999), open(results.CPUMicros),
				median(e.spread(f, results.Closed, results.RSSMiB), number))
		}
	}
	if rows == 0 {
		return ""
	}
	return t.String() + faultLines(f, list)
}

// handshakes is a table of its own, as they are measured at saturation only.
func handshakes(f *results.File) string {
	return saturated(f, works.Group(works.Handshakes), results.Closed, true)
}

// loops is the table of works with one loop and with two.
func loops(f *results.File) string {
	return saturated(f, works.Group(works.Loops), results.Closed, false)
}

// crossCheck is what wrk and h2load say.
func crossCheck(f *results.File) string {
	return saturated(f, works.Group(works.CrossCheck), results.Tool, false)
}

func saturated(f *results.File, list []*works.Work, mode results.Mode, latency bool) string {
	unit := list[0].Unit
	columns := []string{"work", "proxy", "CPU µs a " + unit, "weir / peer", list[0].Units() + " a second, at most"}
	if latency {
		columns = append(columns, "p50 µs", "p99 µs")
	}
	t := newTable(2, columns...)
	rows := 0
	for _, w := range list {
		for _, e := range entries(f, w, mode) {
			rows++
			cells := []string{w.Title, e.Title, spread(e.spread(f, mode, results.CPUMicros), number),
				lower(e.ratio(f, mode, results.CPUMicros)), median(e.spread(f, mode, results.Throughput), grouped)}
			if latency {
				cells = append(cells, median(e.spread(f, mode, results.P50), number), median(e.spread(f, mode, results.P99), number))
			}
			t.row(cells...)
		}
	}
	if rows == 0 {
		return ""
	}
	return t.String() + faultLines(f, list)
}

// growth is CPU per message by the number of tunnels.
func growth(f *results.File) string {
	list := works.Group(works.Growth)
	t := newTable(2, "work", "proxy", "CPU µs a message", "weir / peer", "at a rate of", "p99 µs", "CPU, to that of the fewest tunnels")
	rows := 0
	first := map[string]float64{}
	for _, w := range list {
		for _, e := range entries(f, w, results.Open) {
			rows++
			cpu := e.spread(f, results.Open, results.CPUMicros)
			if first[e.Name] == 0 {
				first[e.Name] = cpu.Median
			}
			grown := ""
			if cpu.N > 0 && first[e.Name] > 0 {
				grown = fmt.Sprintf("× %.2f", cpu.Median/first[e.Name])
			}
			t.row(w.Title, e.Title, spread(cpu, number), lower(e.ratio(f, results.Open, results.CPUMicros)),
				median(e.spread(f, results.Open, func(s *results.Sample) float64 { return s.Rate }), grouped),
				median(e.spread(f, results.Open, results.P99), number), grown)
		}
	}
	if rows == 0 {
		return ""
	}
	return t.String() + faultLines(f, list)
}
