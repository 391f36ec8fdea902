package results

import (
	"maps"
	"slices"
)

// Spread is what several rounds gave. The zero Spread is that of none.
type Spread struct {
	Median, Least, Most float64
	N                   int
}

// SpreadOf sums up values, whose order does not matter.
func SpreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	v := slices.Sorted(slices.Values(values))
	mid := len(v) / 2
	median := v[mid]
	if len(v)%2 == 0 {
		median = (v[mid-1] + v[mid]) / 2
	}
	return Spread{Median: median, Least: v[0], Most: v[len(v)-1], N: len(v)}
}

// Figure picks a number from a sample.
type Figure func(*Sample) float64

// Figures that tables show.
var (
	CPUMicros        Figure = func(s *Sample) float64 { return s.CPUMicros }
	Throughput       Figure = func(s *Sample) float64 { return s.Throughput }
	P50              Figure = func(s *Sample) float64 { return float64(s.Latency.P50) }
	P99              Figure = func(s *Sample) float64 { return float64(s.Latency.P99) }
	P999             Figure = func(s *Sample) float64 { return float64(s.Latency.P999) }
	RSSPerConnection Figure = func(s *Sample) float64 { return s.RSSPerConnection }
	RSSMiB           Figure = func(s *Sample) float64 { return float64(s.RSS) / (1 << 20) }
	CPUSecondsPerGiB Figure = func(s *Sample) float64 { return s.CPUSecondsPerGiB }
	// CPUPerMinute is the processor time of a minute, in seconds.
	CPUPerMinute Figure = func(s *Sample) float64 {
		if s.Elapsed == 0 {
			return 0
		}
		return s.CPUSeconds * 60 / s.Elapsed
	}
)

// Series is the samples of one peer in one work and mode, by round.
type Series map[int]*Sample

// Series finds one; faulty samples are left out.
func (f *File) Series(work, peer string, mode Mode) Series {
	s := Series{}
	for i := range f.Samples {
		m := &f.Samples[i]
		if m.Work == work && m.Peer == peer && m.Mode == mode && m.Faults == "" {
			s[m.Round] = m
		}
	}
	return s
}

// Spread is that of a figure over the rounds.
func (s Series) Spread(of Figure) Spread {
	values := make([]float64, 0, len(s))
	for _, m := range s {
		values = append(values, of(m))
	}
	return SpreadOf(values)
}

// Ratios is the spread of s/other round by round: what was measured in the same
// minutes is compared, and rounds that only one of them has are left out, as are
// those in which other is 0.
func (s Series) Ratios(other Series, of Figure) Spread {
	var ratios []float64
	for _, round := range slices.Sorted(maps.Keys(s)) {
		if o := other[round]; o != nil && of(o) != 0 {
			ratios = append(ratios, of(s[round])/of(o))
		}
	}
	return SpreadOf(ratios)
}

// Faults are what went wrong in the rounds of a peer in a work and mode, in order.
func (f *File) Faults(work, peer string, mode Mode) []string {
	var found []string
	for i := range f.Samples {
		m := &f.Samples[i]
		if m.Work == work && m.Peer == peer && m.Mode == mode && m.Faults != "" {
			found = append(found, m.Faults)
		}
	}
	return found
}

// Has reports whether there is any sample of a work in a mode.
func (f *File) Has(work string, mode Mode) bool {
	return slices.ContainsFunc(f.Samples, func(s Sample) bool { return s.Work == work && s.Mode == mode })
}
