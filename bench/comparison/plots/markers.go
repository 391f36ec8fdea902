package plots

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// edge is the width of a marker's outline; gonum's own are too thin to tell apart.
const edge = 1.4

// polygon is a marker with corners, its first at the angle turn.
type polygon struct {
	corners int
	turn    float64
	hollow  bool // white inside
}

func (g polygon) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	var path vg.Path
	for i := range g.corners {
		sin, cos := math.Sincos(g.turn + 2*math.Pi*float64(i)/float64(g.corners))
		p := vg.Point{X: at.X + s.Radius*vg.Length(cos), Y: at.Y + s.Radius*vg.Length(sin)}
		if i == 0 {
			path.Move(p)
		} else {
			path.Line(p)
		}
	}
	path.Close()
	fillAndStroke(c, path, s, g.hollow)
}

// disc is a round marker.
type disc struct{ hollow bool }

func (g disc) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	var path vg.Path
	path.Move(vg.Point{X: at.X + s.Radius, Y: at.Y})
	path.Arc(at, s.Radius, 0, 2*math.Pi)
	path.Close()
	fillAndStroke(c, path, s, g.hollow)
}

func fillAndStroke(c *draw.Canvas, path vg.Path, s draw.GlyphStyle, hollow bool) {
	c.SetColor(s.Color)
	if hollow {
		c.SetColor(color.White)
	}
	c.Fill(path)
	c.SetColor(s.Color)
	c.SetLineWidth(edge)
	c.SetLineDash(nil, 0)
	c.Stroke(path)
}
