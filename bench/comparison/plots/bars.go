package plots

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	namesWidth  = 104 // left of the bars
	valuesWidth = 64  // right of the longest
	keyHeight   = 22
)

// drawBars draws the plot, with the names at its left and the key above it.
func drawBars(p *page, rows []row) {
	counts := tunnels(rows)
	low, high := math.Inf(1), 0.0
	for _, r := range rows {
		for _, b := range r.bars {
			low, high = min(low, b.Bytes), max(high, b.Bytes)
		}
	}
	pl := newPlot()
	pl.HideY()
	pl.Y.Min, pl.Y.Max = 0, float64(len(rows))
	pl.X.Scale = plot.LogScale{}
	pl.X.Label.Text = "bytes of RSS per tunnel"
	ticks := powersOfFour(low, high)
	pl.X.Min, pl.X.Max = ticks[0].Value, ticks[len(ticks)-1].Value
	pl.X.Tick.Marker = plot.ConstantTicks(ticks)
	pl.Add(columns{ticks}, bars{rows, counts})
	pl.Draw(draw.Crop(p.body, namesWidth, -valuesWidth, 0, -keyHeight))
	drawKey(p.body, counts)
}

// tunnels is every number of tunnels, sorted.
func tunnels(rows []row) []int {
	var counts []int
	for _, r := range rows {
		for _, b := range r.bars {
			counts = append(counts, b.Tunnels)
		}
	}
	slices.Sort(counts)
	return slices.Compact(counts)
}

// powersOfFour covers low to high with room for the shortest bar to be seen.
func powersOfFour(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for v := math.Pow(4, math.Floor(math.Log(low/1.5)/math.Log(4))); ; v *= 4 {
		ticks = append(ticks, plot.Tick{Value: v, Label: bytesText(v)})
		if v >= high {
			return ticks
		}
	}
}

// columns are lines up the plot at the ticks of X.
type columns struct{ ticks []plot.Tick }

func (l columns) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, t := range l.ticks[1:] {
		c.StrokeLine2(draw.LineStyle{Color: grid, Width: 0.8}, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
	}
}

// bars are the rows from the top, one bar for each number of tunnels.
type bars struct {
	rows   []row
	counts []int
}

func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, r := range b.rows {
		top, bottom := y(float64(len(b.rows)-i)), y(float64(len(b.rows)-i-1))
		name := aligned(sans(11, ink), text.XRight)
		if r.own {
			name = bold(name)
		}
		write(c, name, vg.Point{X: c.Min.X - 10, Y: (top + bottom) / 2}, r.name)
		gap := (top - bottom) * 0.14
		height := (top - bottom - 2*gap) / vg.Length(len(b.counts))
		for _, bar := range r.bars {
			k := slices.Index(b.counts, bar.Tunnels)
			high := top - gap - vg.Length(k)*height
			end := x(bar.Bytes)
			c.FillPolygon(shade(r.own, k, len(b.counts)), []vg.Point{
				{X: c.Min.X, Y: high}, {X: end, Y: high}, {X: end, Y: high - height + 1.5}, {X: c.Min.X, Y: high - height + 1.5},
			})
			value := sans(10, ink)
			if r.own {
				value = bold(value)
			}
			write(c, value, vg.Point{X: end + 5, Y: high - height/2 + 0.75}, countText(bar.Bytes)+" B")
		}
	}
	c.StrokeLine2(draw.LineStyle{Color: soft, Width: 1}, c.Min.X, c.Min.Y, c.Min.X, c.Max.Y)
}

// shade goes from light for the fewest tunnels to full for the most.
func shade(own bool, i, of int) color.Color {
	from, to := pale, slate
	if own {
		from, to = lighter, strong
	}
	if of == 1 {
		return to
	}
	mix := func(a, b uint8) uint8 { return uint8((int(a)*(of-1-i) + int(b)*i) / (of - 1)) }
	return color.RGBA{mix(from.R, to.R), mix(from.G, to.G), mix(from.B, to.B), 0xff}
}

// drawKey tells which shade is which number of tunnels, above the bars.
func drawKey(c draw.Canvas, counts []int) {
	x, y := c.Min.X+namesWidth, c.Max.Y-keyHeight/2+2
	for i, n := range counts {
		for k, own := range []bool{true, false} {
			left := x + vg.Length(k)*11
			c.FillPolygon(shade(own, i, len(counts)), []vg.Point{
				{X: left, Y: y - 5}, {X: left + 10, Y: y - 5}, {X: left + 10, Y: y + 5}, {X: left, Y: y + 5},
			})
		}
		label, style := countText(float64(n))+" tunnels", sans(10.5, ink)
		write(c, style, vg.Point{X: x + 27, Y: y}, label)
		x += 27 + style.Width(label) + 20
	}
}
