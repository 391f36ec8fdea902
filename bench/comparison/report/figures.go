package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"weir/bench/comparison/peers"
	"weir/bench/comparison/plots"
	"weir/bench/comparison/results"
	"weir/bench/comparison/works"
)

// sizes are the bytes of a message of each WebSocket work.
var sizes = map[string]float64{"ws-32": 32, works.Echo125: 125, "ws-1k": 1 << 10, "ws-16k": 16 << 10, "ws-256k": 256 << 10}

// tunnels are those of each work of growth and idling.
var tunnels = func() map[string]int {
	m := map[string]int{works.Idle1000: 1000, works.Idle9000: 9000}
	for _, w := range works.Group(works.Growth) {
		m[w.Name] = w.Connections
	}
	return m
}()

// Figures writes the plots for which f has samples into dir, and returns the names
// of the files.
func Figures(f *results.File, dir string) (written []string, err error) {
	o := plots.Origin{Commit: f.Machine.Commit, Machine: fmt.Sprintf("%d × %s, %s", f.Machine.Cores, f.Machine.CPU, f.Machine.Kernel)}
	if f.Machine.Dirty {
		o.Commit += " with changes"
	}
	o.Date, _, _ = strings.Cut(f.Machine.Date, "T")
	rounds := fmt.Sprintf("Median of %d rounds", f.Settings.Rounds)
	density := plots.DensityData{Origin: o, Detail: fmt.Sprintf("After %g s idle", f.Settings.IdleSeconds), Bars: bars(f)}
	cost := plots.CostData{Origin: o, Detail: rounds, Lines: lines(f, works.Group(works.WebSocket), results.Closed, func(w *works.Work) float64 { return sizes[w.Name] })}
	grown := plots.CostData{Origin: o, Detail: rounds, Lines: lines(f, works.Group(works.Growth), results.Open, func(w *works.Work) float64 { return float64(tunnels[w.Name]) })}
	for _, figure := range []struct {
		name  string
		empty bool
		draw  func(io.Writer) error
	}{
		{"density.svg", len(density.Bars) == 0, func(w io.Writer) error { return plots.Density(w, density) }},
		{"cost.svg", len(cost.Lines) == 0, func(w io.Writer) error { return plots.CostBySize(w, cost) }},
		{"growth.svg", len(grown.Lines) == 0, func(w io.Writer) error { return plots.Growth(w, grown) }},
	} {
		if figure.empty {
			continue
		}
		var b bytes.Buffer
		if err := figure.draw(&b); err != nil {
			return written, fmt.Errorf("%s: %w", figure.name, err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return written, err
		}
		if err := os.WriteFile(filepath.Join(dir, figure.name), b.Bytes(), 0o644); err != nil {
			return written, err
		}
		written = append(written, figure.name)
	}
	return written, nil
}

// bars are memory per idle tunnel.
func bars(f *results.File) []plots.Bar {
	var list []plots.Bar
	for _, p := range peers.All {
		for _, name := range []string{works.Idle1000, works.Idle9000} {
			s := entry{p, works.Find(name)}.spread(f, results.Idle, results.RSSPerConnection)
			if s.N > 0 && s.Median > 0 {
				list = append(list, plots.Bar{Proxy: p.Title, Own: p.Name == peers.Weir, Tunnels: tunnels[name], Bytes: s.Median})
			}
		}
	}
	return list
}

// lines are CPU per unit of each peer over what x says of a work.
func lines(f *results.File, list []*works.Work, mode results.Mode, x func(*works.Work) float64) []plots.Line {
	var all []plots.Line
	for _, p := range peers.All {
		l := plots.Line{Proxy: p.Title, Own: p.Name == peers.Weir}
		for _, w := range list {
			if s := (entry{p, w}).spread(f, mode, results.CPUMicros); s.N > 0 && s.Median > 0 {
				l.Points = append(l.Points, plots.Point{X: x(w), CPU: s.Median})
			}
		}
		if len(l.Points) > 0 {
			all = append(all, l)
		}
	}
	return all
}
