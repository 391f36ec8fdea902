package report

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/bench/comparison/peers"
	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

var update = flag.Bool("update", false, "write the golden files")

func fixture(t *testing.T) *results.File {
	t.Helper()
	f, err := results.Load(filepath.Join("testdata", "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTablesGolden(t *testing.T) {
	var b strings.Builder
	var names []string
	for _, table := range Tables(fixture(t)) {
		names = append(names, table.Name)
		b.WriteString("## " + table.Name + "\n\n" + table.Text + "\n")
	}
	if !slices.Equal(names, Names()) {
		t.Errorf("tables %v, want %v", names, Names())
	}
	path := filepath.Join("testdata", "tables.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the tables are not those of %s (-update writes it):\n%s", path, b.String())
	}
}

func TestNoSamplesNoTables(t *testing.T) {
	for _, table := range Tables(&results.File{}) {
		if table.Name != "environment" {
			t.Errorf("%s has a table without samples:\n%s", table.Name, table.Text)
		}
	}
	if written, err := Figures(&results.File{}, t.TempDir()); err != nil || len(written) > 0 {
		t.Errorf("plots %v, %v", written, err)
	}
}

func TestFigures(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plots")
	written, err := Figures(fixture(t), dir)
	if err != nil || !slices.Equal(written, []string{"density.svg", "cost.svg", "growth.svg"}) {
		t.Fatalf("%v, %v", written, err)
	}
	for name, want := range map[string]string{"density.svg": "HAProxy", "cost.svg": "gnet relay", "growth.svg": "0123abc"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, no %q", name, err, want)
		}
	}
}

func pair(work string, mode results.Mode, set func(*results.Sample, float64), weir float64, others map[string]float64) []results.Sample {
	var list []results.Sample
	add := func(peer string, v float64) {
		s := results.Sample{Work: work, Peer: peer, Mode: mode}
		set(&s, v)
		list = append(list, s)
	}
	add(peers.Weir, weir)
	for name, v := range others {
		add(name, v)
	}
	return list
}

func cpu(s *results.Sample, v float64) { s.CPUMicros = v }
func p99(s *results.Sample, v float64) { s.Latency.P99 = int64(v) }

func TestTargetsPickTheirRival(t *testing.T) {
	for _, tt := range []struct {
		name    string
		samples []results.Sample
		want    string // best rival, ratio
	}{
		{"the better nginx", pair("ws-16k", results.Closed, cpu, 10, map[string]float64{peers.Nginx: 60, peers.Nginx64K: 20, peers.HAProxy: 1}), "nginx-64k 0.50"},
		{"p99: the relay counts in WebSocket", pair("ws-125", results.Open, p99, 100, map[string]float64{peers.Nginx: 90, peers.Gnet: 50}), "gnet 2.00"},
		{"p99: but not in HTTP", pair(works.GET128, results.Open, p99, 100, map[string]float64{peers.Caddy: 80, peers.Gnet: 50}), "caddy 1.25"},
		{"no rival", pair("ws-125", results.Closed, cpu, 10, map[string]float64{peers.HAProxy: 5}), ""},
		{"weir is missing", pair("ws-125", results.Closed, cpu, 10, map[string]float64{peers.Nginx: 5})[1:], ""},
	} {
		f := &results.File{Samples: tt.samples}
		got := ""
		for _, goal := range all() {
			for _, w := range goal.works {
				if m, ok := goal.measure(f, w); ok {
					got += m.best.Name + " " + ratioNumber(m.ratio.Median)
				}
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A target is met at its limit as it is shown, not above, and not on a part of its
// works.
func TestTargetsVerdict(t *testing.T) {
	row := func(weir float64) string {
		f := &results.File{Samples: pair(works.Handshake, results.Closed, cpu, weir, map[string]float64{peers.Nginx: 100})}
		return targets(f)
	}
	for weir, want := range map[float64]string{90: "| 1 of 1 | yes |", 90.4: "| 1 of 1 | yes |", 90.6: "| 0 of 1 | **no** |"} {
		if got := row(weir); !strings.Contains(got, want) {
			t.Errorf("%v of nginx's: no %q in\n%s", weir, want, got)
		}
	}
	f := &results.File{Samples: pair("ws-125", results.Closed, cpu, 1, map[string]float64{peers.Nginx: 100})}
	if got := targets(f); !strings.Contains(got, "| 1 of 5 | not all measured |") {
		t.Errorf("a part of the works:\n%s", got)
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.0123: "0.012", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 1234.5: "1,234", 1234567: "1,234,567"} {
		if got := number(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{-1234: "-1,234", -123: "-123", 999: "999", 1000: "1,000"} {
		if got := grouped(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0.99: "0.99 (0.50–2.00)", 1.004: "1.00 (0.50–2.00)", 1.006: "**1.01 (0.50–2.00) loses**"} {
		if got := lower(results.Spread{Median: v, Least: 0.5, Most: 2, N: 3}); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}
