package results

import (
	"math"
	"testing"
)

func TestSpreadOf(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []float64
		want Spread
	}{
		{"none", nil, Spread{}},
		{"one", []float64{3}, Spread{3, 3, 3, 1}},
		{"odd", []float64{9, 1, 2}, Spread{2, 1, 9, 3}},
		{"even: the mean of the middle two", []float64{8, 1, 2, 4}, Spread{3, 1, 8, 4}},
		{"an outlier does not move it", []float64{10, 10, 11, 11, 1000}, Spread{11, 10, 1000, 5}},
	} {
		if got := SpreadOf(tt.in); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestSpreadOfKeepsItsArgument(t *testing.T) {
	in := []float64{3, 1, 2}
	SpreadOf(in)
	if in[0] != 3 || in[1] != 1 || in[2] != 2 {
		t.Errorf("the values were moved: %v", in)
	}
}

func sample(peer string, round int, cpu float64, faults string) Sample {
	return Sample{Work: "w", Peer: peer, Mode: Closed, Round: round, CPUMicros: cpu, Faults: faults}
}

// Ratios are those of rounds, not of medians, and only of rounds that both have.
func TestRatios(t *testing.T) {
	f := &File{Samples: []Sample{
		sample("a", 0, 10, ""), sample("b", 0, 20, ""), // 0.5
		sample("b", 1, 25, ""), sample("a", 1, 20, ""), // 0.8
		sample("a", 2, 90, ""), sample("b", 2, 30, ""), // 3
		sample("a", 3, 1, ""), sample("b", 3, 100, "2 lost"), // faulty
		sample("a", 4, 1, ""),                        // alone
		sample("a", 5, 1, ""), sample("b", 5, 0, ""), // by nothing
		{Work: "w", Peer: "a", Mode: Open, Round: 3, CPUMicros: 7},
		{Work: "v", Peer: "b", Mode: Closed, Round: 4, CPUMicros: 7},
	}}
	a, b := f.Series("w", "a", Closed), f.Series("w", "b", Closed)
	if len(a) != 6 || len(b) != 4 {
		t.Fatalf("series of %d and %d rounds, want 6 and 4", len(a), len(b))
	}
	got := a.Ratios(b, CPUMicros)
	want := Spread{0.8, 0.5, 3, 3}
	if math.Abs(got.Median-want.Median) > 1e-9 || got.Least != want.Least || got.Most != want.Most || got.N != want.N {
		t.Errorf("ratios %v, want %v", got, want)
	}
	if got := f.Faults("w", "b", Closed); len(got) != 1 || got[0] != "2 lost" || f.Faulty() != 1 {
		t.Errorf("faults %q, %d faulty", got, f.Faulty())
	}
}

func TestCPUPerMinute(t *testing.T) {
	if got := CPUPerMinute(&Sample{CPUSeconds: 0.5, Elapsed: 10}); got != 3 {
		t.Errorf("%v, want 3", got)
	}
	if got := CPUPerMinute(&Sample{CPUSeconds: 0.5}); got != 0 {
		t.Errorf("%v for no time, want 0", got)
	}
}
