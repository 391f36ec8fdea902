// Package plots draws the three pictures of a comparison of proxies as SVG: memory
// per idle tunnel, CPU per message by size, and CPU per message by number of
// tunnels. It knows no more of the comparison than the structs below.
//
// The same data gives the same bytes. Text stays text: it is laid out for
// Liberation Sans and names fonts of the same widths, so nothing is embedded.
package plots

import "io"

// Origin is what the caption tells: where the figures come from.
type Origin struct {
	Commit  string // as `git rev-parse --short` prints it
	Date    string // as 2026-11-21
	Machine string // optional
}

// Bar is one figure of a Density.
type Bar struct {
	Proxy   string
	Own     bool // drawn strong; the same for all bars of a proxy
	Tunnels int
	Bytes   float64 // of RSS, per tunnel
}

// DensityData has at most one bar for each proxy and number of tunnels. Proxies are
// drawn from the top in the order of their first bars, each with its smallest number
// of tunnels first.
type DensityData struct {
	Origin Origin
	Detail string // optional, ends the line under the title
	Bars   []Bar
}

// Point is a figure at a size in bytes or a number of tunnels.
type Point struct {
	X   float64
	CPU float64 // microseconds a message
}

// Line is the figures of one proxy, in any order.
type Line struct {
	Proxy  string
	Own    bool // drawn strong, on top of the others
	Points []Point
}

// CostData is a CostBySize or a Growth. The legend has the lines in the order given.
type CostData struct {
	Origin Origin
	Detail string // optional, ends the line under the title
	Lines  []Line
}

// Density writes horizontal bars on a logarithmic scale, each with its value. It
// returns an error for data that cannot be drawn so, and any of w.
func Density(w io.Writer, d DensityData) error {
	rows, err := groupBars(d.Bars)
	if err != nil {
		return err
	}
	p := newPage("Memory per idle WebSocket tunnel",
		join("RSS of the proxy, bytes a tunnel, logarithmic scale; shorter is better", d.Detail), d.Origin)
	drawBars(p, rows)
	return p.writeTo(w)
}

// CostBySize writes CPU per message over message size, both scales logarithmic. X
// is in bytes. It returns an error for data that cannot be drawn so, and any of w.
func CostBySize(w io.Writer, d CostData) error {
	lines, err := checkLines(d.Lines)
	if err != nil {
		return err
	}
	p := newPage("Proxy CPU per WebSocket message, by message size",
		join("µs of CPU a message, both scales logarithmic; lower is better", d.Detail), d.Origin)
	drawLines(p, lines, axes{
		x: "message size", y: "µs of CPU per message", xText: bytesText, yTicks: logTicks, yLog: true,
	})
	return p.writeTo(w)
}

// Growth writes CPU per message over the number of tunnels on a logarithmic scale,
// from zero. It returns an error for data that cannot be drawn so, and any of w.
func Growth(w io.Writer, d CostData) error {
	lines, err := checkLines(d.Lines)
	if err != nil {
		return err
	}
	p := newPage("Proxy CPU per WebSocket message, by number of tunnels",
		join("µs of CPU a message; lower is better, flat is the goal", d.Detail), d.Origin)
	drawLines(p, lines, axes{
		x: "tunnels", y: "µs of CPU per message", xText: countText, yTicks: linearTicks,
	})
	return p.writeTo(w)
}

func join(text, detail string) string {
	if detail == "" {
		return text
	}
	return text + ". " + detail
}
