package plots

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

var origin = Origin{Commit: "c5f7663", Date: "2026-11-21", Machine: "2 cores, Linux 6.18"}

var density = DensityData{Origin: origin, Detail: "After 60 s idle", Bars: []Bar{
	{"weir", true, 9000, 848}, {"weir", true, 1000, 1210},
	{"HAProxy", false, 1000, 5100}, {"HAProxy", false, 9000, 4717},
	{"gnet relay", false, 1000, 2300}, {"gnet relay", false, 9000, 2011},
	{"nginx", false, 1000, 18400}, {"nginx", false, 9000, 18171},
	{"net/http/httputil", false, 1000, 41000},
	{"Caddy", false, 1000, 52300}, {"Caddy", false, 9000, 49800},
}}

func points(xs []float64, cpu ...float64) []Point {
	list := make([]Point, len(cpu))
	for i, v := range cpu {
		list[i] = Point{xs[i], v}
	}
	return list
}

var sizes = []float64{32, 125, 1 << 10, 16 << 10, 256 << 10}

var cost = CostData{Origin: origin, Detail: "Echo, 64 connections", Lines: []Line{
	{"weir", true, points(sizes, 12.2, 12.5, 12.9, 17.9, 168)},
	{"nginx", false, points(sizes, 12, 12.1, 13, 66, 640)},
	{"HAProxy", false, points(sizes, 17.1, 17.4, 18.1, 28, 260)},
	{"Caddy", false, points(sizes, 31, 31.5, 32, 47, 410)},
	{"net/http/httputil", false, points(sizes, 25.2, 25.9, 26.3, 39, 395)},
	{"gnet relay", false, points(sizes, 12.7, 12.9, 13.4, 17.8, 175)},
}}

var numbers = []float64{10, 100, 1000, 9000}

var growth = CostData{Origin: origin, Detail: "Echo of 125 B", Lines: []Line{
	{"weir", true, points(numbers, 12.2, 12.4, 13.1, 14.2)},
	{"nginx", false, points(numbers, 12, 12.1, 14, 16.6)},
	{"HAProxy", false, points(numbers, 17.1, 17.4, 19.1, 22)},
	{"Caddy", false, points(numbers, 31, 31.5, 34, 41)},
	{"net/http/httputil", false, points(numbers, 25.2, 25.9, 28.3, 33)},
	{"gnet relay", false, points(numbers[:3], 12.7, 12.9, 14)},
}}

var pictures = []struct {
	name string
	draw func(io.Writer) error
	has  []string
}{
	{"density", func(w io.Writer) error { return Density(w, density) },
		[]string{"weir", "848 B", "1,210 B", "49,800 B", "1,000 tunnels", "9,000 tunnels", "1 KiB", "64 KiB", "After 60 s idle"}},
	{"cost", func(w io.Writer) error { return CostBySize(w, cost) },
		[]string{"weir", "net/http/httputil", "32 B", "125 B", "1 KiB", "256 KiB", "10", "20", "500", "message size"}},
	{"growth", func(w io.Writer) error { return Growth(w, growth) },
		[]string{"weir", "gnet relay", "10", "100", "1,000", "9,000", "0", "tunnels"}},
}

// texts is every text of a picture, which must be well-formed XML.
func texts(t *testing.T, svg []byte) []string {
	t.Helper()
	var list []string
	d, inside := xml.NewDecoder(bytes.NewReader(svg)), false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inside = token.Name.Local == "text"
		case xml.EndElement:
			inside = false
		case xml.CharData:
			if inside {
				list = append(list, string(token))
			}
		}
	}
}

func TestPictures(t *testing.T) {
	for _, p := range pictures {
		t.Run(p.name, func(t *testing.T) {
			var a, b bytes.Buffer
			if err := errors.Join(p.draw(&a), p.draw(&b)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Error("the same data gave other bytes")
			}
			have := texts(t, a.Bytes())
			for _, want := range append(p.has, "weir at commit c5f7663, 2026-11-21, 2 cores, Linux 6.18") {
				if !slices.ContainsFunc(have, func(s string) bool { return s == want || strings.HasSuffix(s, ". "+want) }) {
					t.Errorf("%q is not in %q", want, have)
				}
			}
			if n := bytes.Count(a.Bytes(), []byte("font-family:")); n == 0 || n != bytes.Count(a.Bytes(), []byte(",sans-serif;")) {
				t.Errorf("%d texts name a font, not all with a fallback", n)
			}
			golden := filepath.Join("testdata", p.name+".svg")
			if *update {
				if err := os.WriteFile(golden, a.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(a.Bytes(), want) {
				t.Errorf("not as %s, %v; look at it and run with -update", golden, err)
			}
		})
	}
}

func TestOrderOfPointsDoesNotMatter(t *testing.T) {
	var a, b bytes.Buffer
	turned := cost
	turned.Lines = slices.Clone(cost.Lines)
	for i := range turned.Lines {
		turned.Lines[i].Points = slices.Clone(turned.Lines[i].Points)
		slices.Reverse(turned.Lines[i].Points)
	}
	if err := errors.Join(CostBySize(&a, cost), CostBySize(&b, turned)); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("points in another order gave another picture, or %v", err)
	}
	if turned.Lines[0].Points[0].X != sizes[len(sizes)-1] {
		t.Error("the caller's points were sorted")
	}
}

// One figure is a picture too, and so are thousands of kinds of them.
func TestExtremes(t *testing.T) {
	for _, v := range []float64{least, 1e-3, 0.5, 1, 7, 10, 999.5, 1e9, most} {
		one := CostData{Lines: []Line{{"weir", true, []Point{{v, v}}}}}
		if err := errors.Join(
			CostBySize(io.Discard, one), Growth(io.Discard, one),
			Density(io.Discard, DensityData{Bars: []Bar{{"weir", true, 10, v}}}),
		); err != nil {
			t.Errorf("%v: %v", v, err)
		}
	}
	var many CostData
	for i := range 20 {
		l := Line{Proxy: string(rune('a' + i))}
		for x := range 300 {
			l.Points = append(l.Points, Point{float64(x + 1), float64(i + x + 1)})
		}
		many.Lines = append(many.Lines, l)
	}
	if err := errors.Join(CostBySize(io.Discard, many), Growth(io.Discard, many)); err != nil {
		t.Error(err)
	}
}

func TestNamesAreEscaped(t *testing.T) {
	var b bytes.Buffer
	if err := Growth(&b, CostData{Lines: []Line{{`<a & "b">`, false, []Point{{1, 1}}}}}); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(texts(t, b.Bytes()), `<a & "b">`) {
		t.Error("the name did not come through")
	}
}

func TestRefused(t *testing.T) {
	bar := func(b ...Bar) error { return Density(io.Discard, DensityData{Bars: b}) }
	line := func(l ...Line) error {
		d := CostData{Lines: l}
		err := CostBySize(io.Discard, d)
		if (err == nil) != (Growth(io.Discard, d) == nil) {
			t.Error("CostBySize and Growth do not agree")
		}
		return err
	}
	nan, inf := math.NaN(), math.Inf(1)
	for name, err := range map[string]error{
		"no bars":           bar(),
		"bar of zero":       bar(Bar{"a", false, 1, 0}),
		"bar below zero":    bar(Bar{"a", false, 1, -1}),
		"bar of NaN":        bar(Bar{"a", false, 1, nan}),
		"bar without end":   bar(Bar{"a", false, 1, inf}),
		"bar too small":     bar(Bar{"a", false, 1, 5e-324}),
		"bar too large":     bar(Bar{"a", false, 1, math.MaxFloat64}),
		"no tunnels":        bar(Bar{"a", false, 0, 1}),
		"bar without proxy": bar(Bar{"", false, 1, 1}),
		"two bars":          bar(Bar{"a", false, 1, 1}, Bar{"a", false, 1, 2}),
		"no lines":          line(),
		"no points":         line(Line{"a", false, nil}),
		"line of no proxy":  line(Line{"", false, []Point{{1, 1}}}),
		"X zero":            line(Line{"a", false, []Point{{0, 1}}}),
		"X NaN":             line(Line{"a", false, []Point{{nan, 1}}}),
		"CPU zero":          line(Line{"a", false, []Point{{1, 0}}}),
		"CPU NaN":           line(Line{"a", false, []Point{{1, nan}}}),
		"CPU without end":   line(Line{"a", false, []Point{{1, inf}}}),
		"two points":        line(Line{"a", false, []Point{{1, 1}, {1, 2}}}),
		"two lines":         line(Line{"a", false, []Point{{1, 1}}}, Line{"a", false, []Point{{1, 1}}}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

type failing struct{}

var errFailing = errors.New("disk full")

func (failing) Write([]byte) (int, error) { return 0, errFailing }

func TestErrorOfTheWriter(t *testing.T) {
	if err := Growth(failing{}, growth); !errors.Is(err, errFailing) {
		t.Errorf("got %v", err)
	}
}
