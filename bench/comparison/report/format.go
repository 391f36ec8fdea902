package report

import (
	"fmt"
	"math"
	"strings"

	"weir/bench/comparison/results"
)

// table is markdown that grows row by row.
type table struct{ strings.Builder }

// newTable starts one; columns after the first left ones are numbers.
func newTable(left int, columns ...string) *table {
	t := new(table)
	t.row(columns...)
	line := make([]string, len(columns))
	for i := range line {
		line[i] = "---"
		if i >= left {
			line[i] = "--:"
		}
	}
	t.row(line...)
	return t
}

func (t *table) row(cells ...string) { t.WriteString("| " + strings.Join(cells, " | ") + " |\n") }

// number is v with the digits that a measurement has.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a < 0.1:
		return fmt.Sprintf("%.3f", v)
	case a < 10:
		return fmt.Sprintf("%.2f", v)
	case a < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return grouped(v)
}

// grouped is v, rounded to a whole, with a comma before each three digits.
func grouped(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// median is that of s, "" of none.
func median(s results.Spread, text func(float64) string) string {
	if s.N == 0 {
		return ""
	}
	return text(s.Median)
}

// spread is median (least–most); of one value it is that.
func spread(s results.Spread, text func(float64) string) string {
	if s.N < 2 {
		return median(s, text)
	}
	return fmt.Sprintf("%s (%s–%s)", text(s.Median), text(s.Least), text(s.Most))
}

// ratioDigits are those that ratios are shown, and compared, with.
const ratioDigits = 100

func rounded(v float64) float64 { return math.Round(v*ratioDigits) / ratioDigits }

func ratioNumber(v float64) string { return fmt.Sprintf("%.2f", v) }

// lower is a ratio of what should be low, marked where weir loses.
func lower(s results.Spread) string {
	text := spread(s, ratioNumber)
	if s.N > 0 && rounded(s.Median) > 1 {
		return "**" + text + " loses**"
	}
	return text
}
