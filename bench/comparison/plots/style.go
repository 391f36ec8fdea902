package plots

import (
	"image/color"
	"math"

	"golang.org/x/image/font"
	gfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

var (
	ink     = color.RGBA{0x1f, 0x23, 0x28, 0xff}
	soft    = color.RGBA{0x59, 0x63, 0x6e, 0xff} // 5.9:1 on white
	grid    = color.RGBA{0xe1, 0xe5, 0xea, 0xff}
	strong  = color.RGBA{0xd1, 0x3d, 0x0c, 0xff} // what is our own
	lighter = color.RGBA{0xed, 0xae, 0x92, 0xff}
	slate   = color.RGBA{0x7c, 0x8a, 0x9a, 0xff} // bars of peers
	pale    = color.RGBA{0xc3, 0xcb, 0xd4, 0xff}
)

// look is how a line is drawn. Marker and dashes tell lines apart without colour.
type look struct {
	color  color.Color
	width  vg.Length
	dashes []vg.Length
	glyph  draw.GlyphDrawer
	radius vg.Length
}

const (
	up    = math.Pi / 2
	right = 0
)

var ownLook = look{strong, 3, nil, disc{}, 4}

var peerLooks = []look{
	{color.RGBA{0x2f, 0x7d, 0x5f, 0xff}, 1.6, nil, polygon{4, math.Pi / 4, false}, 3.6},
	{color.RGBA{0x3c, 0x6e, 0xa8, 0xff}, 1.6, []vg.Length{7, 3}, polygon{3, up, false}, 4},
	{color.RGBA{0x7d, 0x5b, 0xa6, 0xff}, 1.6, []vg.Length{2, 2.5}, disc{true}, 3.4},
	{color.RGBA{0x93, 0x74, 0x2a, 0xff}, 1.6, []vg.Length{9, 3, 2, 3}, polygon{4, right, true}, 4.2},
	{color.RGBA{0x5b, 0x62, 0x70, 0xff}, 1.6, []vg.Length{4, 2}, polygon{4, math.Pi / 4, true}, 4},
	{color.RGBA{0x1b, 0x7f, 0x8c, 0xff}, 1.6, []vg.Length{12, 3}, polygon{3, -up, true}, 4.2},
}

// looks gives each line its own; they repeat from the seventh peer on.
func looks(lines []Line) []look {
	list, peers := make([]look, len(lines)), 0
	for i, l := range lines {
		if l.Own {
			list[i] = ownLook
			continue
		}
		list[i] = peerLooks[peers%len(peerLooks)]
		peers++
	}
	return list
}

func (l look) line() draw.LineStyle {
	return draw.LineStyle{Color: l.color, Width: l.width, Dashes: l.dashes}
}

func (l look) marker() draw.GlyphStyle {
	return draw.GlyphStyle{Color: l.color, Radius: l.radius, Shape: l.glyph}
}

var handler = text.Plain{Fonts: gfont.NewCache(liberation.Collection())}

// sans is a style for text that is placed by its left end and the middle of its
// height; the callers change what they need.
func sans(size vg.Length, c color.Color) text.Style {
	return text.Style{
		Color:   c,
		Font:    gfont.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		XAlign:  text.XLeft,
		YAlign:  text.YCenter,
		Handler: handler,
	}
}

func bold(s text.Style) text.Style {
	s.Font.Weight = font.WeightBold
	return s
}

func aligned(s text.Style, x text.XAlignment) text.Style {
	s.XAlign = x
	return s
}

// write puts str beside at, which is where the middle of its small letters comes.
func write(c draw.Canvas, s text.Style, at vg.Point, str string) {
	at.Y += s.Font.Size * 0.14
	c.FillText(s, at, str)
}
