package plots

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	legendWidth = 118
	sampleWidth = 34
	legendStep  = 21
)

// axes is what the two line plots differ in.
type axes struct {
	x, y   string
	xText  func(float64) string
	yTicks func(min, max float64) []plot.Tick
	yLog   bool
}

// drawLines draws the plot, and its legend at the right of it.
func drawLines(p *page, lines []Line, a axes) {
	list := looks(lines)
	pl := newPlot()
	pl.X.Label.Text, pl.Y.Label.Text = a.x, a.y
	pl.X.Scale = plot.LogScale{}
	if a.yLog {
		pl.Y.Scale = plot.LogScale{}
	}
	xs, top, bottom := extent(lines)
	pl.X.Min, pl.X.Max = room(xs)
	// A label takes about a twelfth of the width.
	pl.X.Tick.Marker = plot.ConstantTicks(ticksAt(xs, math.Pow(pl.X.Max/pl.X.Min, 1.0/12), a.xText))
	ticks := a.yTicks(bottom, top)
	pl.Y.Min, pl.Y.Max = ticks[0].Value, ticks[len(ticks)-1].Value
	pl.Y.Tick.Marker = plot.ConstantTicks(ticks)
	pl.Add(rules{ticks}, strokes{lines, list})
	pl.Draw(draw.Crop(p.body, 0, -legendWidth-8, 0, 0))
	drawLegend(draw.Crop(p.body, p.body.Max.X-p.body.Min.X-legendWidth, 0, 0, 0), lines, list)
}

// extent is all X, sorted, and the greatest and least CPU.
func extent(lines []Line) (xs []float64, top, bottom float64) {
	bottom = math.Inf(1)
	for _, l := range lines {
		for _, p := range l.Points {
			xs = append(xs, p.X)
			top, bottom = max(top, p.CPU), min(bottom, p.CPU)
		}
	}
	slices.Sort(xs)
	return slices.Compact(xs), top, bottom
}

// room widens the range of xs on a logarithmic scale, so that markers stand clear of
// the ends.
func room(xs []float64) (low, high float64) {
	low, high = xs[0], xs[len(xs)-1]
	by := max(math.Pow(high/low, 0.03), 1.05)
	return low / by, high * by
}

// rules are lines across the plot at the ticks of Y that have a label.
type rules struct{ ticks []plot.Tick }

func (r rules) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	for _, t := range r.ticks {
		if t.Label != "" && t.Value > p.Y.Min {
			c.StrokeLine2(draw.LineStyle{Color: grid, Width: 0.8}, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
}

// strokes are the lines with their markers, our own last.
type strokes struct {
	lines []Line
	looks []look
}

func (s strokes) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, own := range []bool{false, true} {
		for i, l := range s.lines {
			if l.Own != own {
				continue
			}
			points := make([]vg.Point, len(l.Points))
			for k, q := range l.Points {
				points[k] = vg.Point{X: x(q.X), Y: y(q.CPU)}
			}
			c.StrokeLines(s.looks[i].line(), points)
			for _, at := range points {
				c.DrawGlyph(s.looks[i].marker(), at)
			}
		}
	}
}

func drawLegend(c draw.Canvas, lines []Line, list []look) {
	y := c.Max.Y - 12
	for i, l := range lines {
		name := sans(10.5, ink)
		if l.Own {
			name = bold(name)
		}
		c.StrokeLine2(list[i].line(), c.Min.X, y, c.Min.X+sampleWidth, y)
		c.DrawGlyph(list[i].marker(), vg.Point{X: c.Min.X + sampleWidth/2, Y: y})
		write(c, name, vg.Point{X: c.Min.X + sampleWidth + 8, Y: y}, l.Proxy)
		y -= legendStep
	}
}
