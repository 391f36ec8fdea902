package plots

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

var errEmpty = errors.New("plots: no data")

// What a scale can be made for. No work of a proxy is free, so a zero is a failed
// measurement.
const (
	least = 1e-6
	most  = 1e15
)

func drawable(what string, v float64) error {
	if !(v >= least && v <= most) { // NaN is neither
		return fmt.Errorf("plots: %s is %v, want a number from %v to %v", what, v, least, most)
	}
	return nil
}

// row is the bars of one proxy.
type row struct {
	name string
	own  bool
	bars []Bar // by number of tunnels
}

func groupBars(bars []Bar) ([]row, error) {
	var rows []row
	for _, b := range bars {
		if b.Proxy == "" {
			return nil, errors.New("plots: a bar without a proxy")
		}
		if err := drawable(fmt.Sprintf("%s at %d tunnels", b.Proxy, b.Tunnels), b.Bytes); err != nil {
			return nil, err
		}
		if err := drawable("the number of tunnels of "+b.Proxy, float64(b.Tunnels)); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(rows, func(r row) bool { return r.name == b.Proxy })
		if i < 0 {
			i = len(rows)
			rows = append(rows, row{name: b.Proxy, own: b.Own})
		}
		if slices.ContainsFunc(rows[i].bars, func(o Bar) bool { return o.Tunnels == b.Tunnels }) {
			return nil, fmt.Errorf("plots: two bars of %s at %d tunnels", b.Proxy, b.Tunnels)
		}
		rows[i].bars = append(rows[i].bars, b)
	}
	if len(rows) == 0 {
		return nil, errEmpty
	}
	for _, r := range rows {
		slices.SortFunc(r.bars, func(a, b Bar) int { return cmp.Compare(a.Tunnels, b.Tunnels) })
	}
	return rows, nil
}

// checkLines returns a copy of lines with their points in order.
func checkLines(lines []Line) ([]Line, error) {
	if len(lines) == 0 {
		return nil, errEmpty
	}
	sorted := slices.Clone(lines)
	for i := range sorted {
		l := &sorted[i]
		if l.Proxy == "" {
			return nil, errors.New("plots: a line without a proxy")
		}
		if slices.ContainsFunc(sorted[:i], func(o Line) bool { return o.Proxy == l.Proxy }) {
			return nil, fmt.Errorf("plots: two lines of %s", l.Proxy)
		}
		if len(l.Points) == 0 {
			return nil, fmt.Errorf("plots: %s has no points", l.Proxy)
		}
		l.Points = slices.Clone(l.Points)
		slices.SortFunc(l.Points, func(a, b Point) int { return cmp.Compare(a.X, b.X) })
		for k, p := range l.Points {
			if err := drawable("an X of "+l.Proxy, p.X); err != nil {
				return nil, err
			}
			if err := drawable(fmt.Sprintf("%s at %v", l.Proxy, p.X), p.CPU); err != nil {
				return nil, err
			}
			if k > 0 && l.Points[k-1].X == p.X {
				return nil, fmt.Errorf("plots: two points of %s at %v", l.Proxy, p.X)
			}
		}
	}
	return sorted, nil
}
