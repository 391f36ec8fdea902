package cluster

import (
	"math"
	"math/rand/v2"
	"testing"
)

func weighted(weights ...int) []*Endpoint {
	endpoints := make([]*Endpoint, len(weights))
	for i, w := range weights {
		endpoints[i] = &Endpoint{Weight: w, index: i}
	}
	return endpoints
}

func letters(turns []uint16) string {
	b := make([]byte, len(turns))
	for i, t := range turns {
		b[i] = byte('a' + t)
	}
	return string(b)
}

func TestScheduleOfSmallSets(t *testing.T) {
	for _, tt := range []struct {
		weights []int
		want    string
	}{
		{[]int{1}, "a"},
		{[]int{7}, "a"},
		{[]int{1, 1, 1}, "abc"},
		{[]int{256, 256}, "ab"},
		{[]int{2, 1, 1}, "abac"},
		{[]int{1, 1, 2}, "acbc"},
		{[]int{4, 2}, "aab"},
		{[]int{5, 1, 1}, "aaabaac"},
	} {
		if got := letters(schedule(weighted(tt.weights...))); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.weights, got, tt.want)
		}
	}
}

// One heavy endpoint among many light ones: every other turn, not ten in a row.
func TestScheduleHasNoBursts(t *testing.T) {
	weights := []int{10}
	for range 10 {
		weights = append(weights, 1)
	}
	turns := schedule(weighted(weights...))
	run := 0
	for i := range 2 * len(turns) {
		if turns[i%len(turns)] == 0 {
			run++
		} else {
			run = 0
		}
		if run > 2 {
			t.Fatalf("a burst: %s", letters(turns))
		}
	}
}

// At every point of a round each endpoint has had its share, give or take little.
func TestScheduleIsFair(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		weights := make([]int, 1+rnd.IntN(20))
		for i := range weights {
			weights[i] = 1 + rnd.IntN(1<<uint(rnd.IntN(9)))
		}
		turns := schedule(weighted(weights...))
		total, divisor := 0, 0
		for _, w := range weights {
			total, divisor = total+w, gcd(divisor, w)
		}
		if len(turns) != total/divisor {
			t.Fatalf("%v: a round of %d turns, want %d", weights, len(turns), total/divisor)
		}
		had := make([]int, len(weights))
		for i, turn := range turns {
			had[turn]++
			for e, n := range had {
				share := float64(i+1) * float64(weights[e]) / float64(total)
				if math.Abs(float64(n)-share) > 3 {
					t.Fatalf("%v: after %d turns endpoint %d has had %d, its share is %.1f", weights, i+1, e, n, share)
				}
			}
		}
		for e, n := range had {
			if n != weights[e]/divisor {
				t.Fatalf("%v: endpoint %d has %d turns of a round", weights, e, n)
			}
		}
	}
}
