package works

import (
	"slices"
	"strings"
	"testing"
	"time"

	"weir/bench/comparison/peers"
)

// The table makes sense: names that are there once, peers that exist, weir in each
// work, and a rate that comes from a work before.
func TestTable(t *testing.T) {
	seen := map[string]int{}
	for i, w := range All {
		if _, twice := seen[w.Name]; twice {
			t.Errorf("two works are called %s", w.Name)
		}
		seen[w.Name] = i
		if w.Group == "" || w.Title == "" || w.Unit == "" || w.Kind == 0 || w.Connections == 0 {
			t.Errorf("%s: something is missing: %+v", w.Name, w)
		}
		if !slices.ContainsFunc(w.Command, func(a string) bool { return strings.Contains(a, "ADDRESS") }) {
			t.Errorf("%s does not say where to", w.Name)
		}
		if len(w.Peers) < 3 || w.Peers[0] != peers.Weir {
			t.Errorf("%s: peers %v", w.Name, w.Peers)
		}
		for _, name := range w.Peers {
			if peers.Find(name) == nil {
				t.Errorf("%s: no peer is called %s", w.Name, name)
			}
		}
		if (w.Kind == Rated) != (w.RateOf != "" || w.Rate > 0) || (w.Kind == Once) != (w.Takes != 0) {
			t.Errorf("%s: what its kind needs, or does not: %+v", w.Name, w)
		}
		if (w.TLS != peers.Plain) != slices.ContainsFunc(w.Command, func(a string) bool { return strings.Contains(a, "s://ADDRESS") && !strings.HasPrefix(a, "ws:") }) {
			t.Errorf("%s: TLS %d, and %v", w.Name, w.TLS, w.Command)
		}
		for _, name := range w.Peers {
			if w.TLS != peers.Plain && !peers.Find(name).Secure() {
				t.Errorf("%s: %s does not end TLS", w.Name, name)
			}
		}
		if w.RateOf != "" && w.Rate > 0 {
			t.Errorf("%s has two rates", w.Name)
		}
		if w.RateOf != "" {
			if j, before := seen[w.RateOf]; !before || All[j].Kind != Loaded && All[j].Kind != Saturated {
				t.Errorf("%s takes its rate from %s, which does not come before", w.Name, w.RateOf)
			}
		}
		if Find(w.Name) != w || !slices.Contains(Group(w.Group), w) {
			t.Errorf("%s is not found", w.Name)
		}
	}
	for _, name := range []string{Echo125, Idle1000, Idle9000, IdlePings, Download, Upload, GET128, Handshake, BroadcastTo, StormName} {
		if Find(name) == nil {
			t.Errorf("there is no work %s", name)
		}
	}
}

// A larger buffer is compared only where it can matter.
func TestLargeBuffersWhereTheyMatter(t *testing.T) {
	for _, w := range All {
		_, large := map[string]bool{"ws-16k": true, "ws-256k": true, "http-get-64k": true, "http-post-64k": true,
			Download: true, Upload: true, Idle1000: true, Idle9000: true, IdlePings: true}[w.Name]
		if slices.Contains(w.Peers, peers.Nginx64K) != large {
			t.Errorf("%s: peers %v", w.Name, w.Peers)
		}
	}
}

func TestSelect(t *testing.T) {
	for expression, want := range map[string]int{"": len(All), "^ws-": 5, "^growth-1": 3, "ws-125|^handshake": 2} {
		if found, err := Select(expression); err != nil || len(found) != want {
			t.Errorf("%q: %d works, %v; want %d", expression, len(found), err, want)
		}
	}
}

func TestArgs(t *testing.T) {
	w := &Work{Command: []string{"x", "-dSECONDSs", "http://ADDRESS/", "BEFORE", "a b"}}
	for d, want := range map[time.Duration]string{
		100 * time.Millisecond:  "x|-d1s|http://h:1/|100ms|a b",
		2600 * time.Millisecond: "x|-d3s|http://h:1/|2.6s|a b",
	} {
		if got := strings.Join(w.Args("h:1", d), "|"); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	if w.Command[2] != "http://ADDRESS/" {
		t.Error("the table was changed")
	}
}

func TestUnits(t *testing.T) {
	for unit, want := range map[string]string{"message": "messages", "delivery": "deliveries"} {
		if got := (&Work{Unit: unit}).Units(); got != want {
			t.Errorf("%s: %s", unit, got)
		}
	}
}
