package plots

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The page, in points.
const (
	pageWidth  = 720
	pageHeight = 400
	margin     = 18
	headHeight = 58
	footHeight = 26
)

// page is a sheet with a title, a line under it and a caption; body is the room for
// the picture.
type page struct {
	title  string
	canvas *vgsvg.Canvas
	body   draw.Canvas
}

func newPage(title, under string, from Origin) *page {
	p := &page{title: title, canvas: vgsvg.New(pageWidth, pageHeight)}
	c := draw.New(p.canvas)
	c.FillPolygon(color.White, []vg.Point{{}, {X: pageWidth}, {X: pageWidth, Y: pageHeight}, {Y: pageHeight}})
	c.FillText(bold(sans(15, ink)), vg.Point{X: margin, Y: pageHeight - 22}, title)
	c.FillText(sans(10.5, soft), vg.Point{X: margin, Y: pageHeight - 41}, under)
	caption := fmt.Sprintf("weir at commit %s, %s", from.Commit, from.Date)
	if from.Machine != "" {
		caption += ", " + from.Machine
	}
	c.FillText(sans(9, soft), vg.Point{X: margin, Y: 14}, caption)
	p.body = draw.Crop(c, margin, -margin, footHeight, -headHeight)
	return p
}

// newPlot is a plot without a title, a legend or the decoration of gonum's default.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.TextHandler = handler
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Padding = soft, 0
		a.Label.TextStyle = aligned(sans(10.5, soft), text.XCenter)
		a.Label.TextStyle.YAlign = text.YBottom
		a.Label.Padding = 4
		a.Tick.Color, a.Tick.Length = soft, 4
	}
	p.X.Tick.Label = aligned(sans(10.5, ink), text.XCenter)
	p.X.Tick.Label.YAlign = text.YTop
	p.Y.Tick.Label = aligned(sans(10.5, ink), text.XRight)
	return p
}

// fonts are of the widths the page was laid out for, and the last one is always
// there.
const fonts = "font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"

var errFonts = errors.New("plots: the fonts of the text are not where they were expected")

// writeTo writes the page as one SVG document.
func (p *page) writeTo(w io.Writer) error {
	var b bytes.Buffer
	if _, err := p.canvas.WriteTo(&b); err != nil {
		return err
	}
	svg := b.Bytes()
	const family, root = "font-family:Liberation Sans;", `xmlns:xlink="http://www.w3.org/1999/xlink">`
	if bytes.Count(svg, []byte(family)) != bytes.Count(svg, []byte("font-family:")) || !bytes.Contains(svg, []byte(root)) {
		return errFonts
	}
	svg = bytes.ReplaceAll(svg, []byte(family), []byte(fonts))
	svg = bytes.Replace(svg, []byte(root), []byte(root+"\n<title>"+html.EscapeString(p.title)+"</title>"), 1)
	_, err := w.Write(svg)
	return err
}
