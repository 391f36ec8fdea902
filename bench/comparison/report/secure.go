package report

import (
	"weir/bench/comparison/peers"
	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

// tlsIdle is the table of tunnels that end TLS and carry nothing, or nothing any more.
func tlsIdle(f *results.File) string {
	list := works.Group(works.TLSIdling)
	fresh, used := works.Find(works.TLSIdle), works.Find(works.TLSIdleUsed)
	return pairs(f, list, fresh, used, results.Idle, results.RSSPerConnection, grouped,
		"RSS bytes a tunnel, of 2,000", "after 64 KiB each way")
}

// tlsCrowded is the table of tunnels that share a loop with expensive handshakes.
func tlsCrowded(f *results.File) string {
	list := works.Group(works.TLSCrowded)
	alone, beside := works.Find(works.TLSAlone), works.Find(works.TLSBeside)
	return pairs(f, list, alone, beside, results.Open, results.P99, number,
		"p99 µs alone", "beside 300 RSA-2048 handshakes a second")
}

// pairs is a table with a row for each proxy and a figure for each of two works.
func pairs(f *results.File, list []*works.Work, a, b *works.Work, mode results.Mode, of results.Figure, format func(float64) string, nameA, nameB string) string {
	t := newTable(1, "proxy", nameA, "weir / peer", nameB, "weir / peer")
	rows := 0
	for _, p := range peers.All {
		inA, inB := entry{p, a}, entry{p, b}
		x, y := inA.spread(f, mode, of), inB.spread(f, mode, of)
		if x.N == 0 && y.N == 0 {
			continue
		}
		rows++
		t.row(p.Title, spread(x, format), lower(inA.ratio(f, mode, of)), spread(y, format), lower(inB.ratio(f, mode, of)))
	}
	if faults := faultLines(f, list); rows > 0 || faults != "" {
		return t.String() + faults
	}
	return ""
}
