package e2e

import (
	"fmt"
	"testing"
)

func TestRoundRobinFollowsTheWeights(t *testing.T) {
	w := start(t, oneLoop+fmt.Sprintf("[clusters.main]\nendpoints = [{ address = %q, weight = 5 }, { address = %q, weight = 3 }, %q]\n[[routes]]\ncluster = \"main\"\n",
		answering(t, ok("five")), answering(t, ok("three")), answering(t, ok("one"))))
	c := w.client()
	for round := range 3 {
		got, last, run := map[string]int{}, "", 0
		for range 9 {
			_, body := c.get("/")
			got[body]++
			if run++; body != last {
				last, run = body, 1
			}
			if run > 2 {
				t.Errorf("round %d: %d turns in a row for %s", round, run, body)
			}
		}
		if got["five"] != 5 || got["three"] != 3 || got["one"] != 1 {
			t.Errorf("round %d: %v", round, got)
		}
	}
}
