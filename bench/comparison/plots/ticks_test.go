package plots

import (
	"strings"
	"testing"

	"gonum.org/v1/plot"
)

func TestTexts(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{bytesText(32), "32 B"}, {bytesText(1000), "1000 B"}, {bytesText(1023), "1023 B"},
		{bytesText(1 << 10), "1 KiB"}, {bytesText(1536), "1.5 KiB"}, {bytesText(256 << 10), "256 KiB"},
		{bytesText(1 << 20), "1 MiB"}, {bytesText(3 << 30), "3 GiB"}, {bytesText(5 << 40), "5120 GiB"},
		{countText(0), "0"}, {countText(999), "999"}, {countText(9000), "9,000"}, {countText(1234567), "1,234,567"},
		{plainText(0.05), "0.05"}, {plainText(2.5), "2.5"}, {plainText(5000), "5,000"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// labels is the ticks, those without a label as "-".
func labels(ticks []plot.Tick) string {
	var list []string
	for _, t := range ticks {
		if t.Label == "" {
			t.Label = "-"
		}
		list = append(list, t.Label)
	}
	return strings.Join(list, " ")
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		name, want string
		ticks      []plot.Tick
	}{
		{"log, inside", "10 20 50", logTicks(12, 30)},
		{"log, on ticks", "10 20 50 100", logTicks(10, 100)},
		{"log, one value", "10 20", logTicks(10, 10)},
		{"log, below one", "0.02 0.05", logTicks(0.03, 0.04)},
		{"log, decades", "- 10 - - 100 - - 1,000 -", logTicks(5, 2000)},
		{"linear", "0 10 20 30 40 50", linearTicks(0, 41)},
		{"linear, small", "0 0.2 0.4 0.6 0.8 1 1.2", linearTicks(0, 1.2)},
		{"linear, on a tick", "0 2 4 6 8 10 12 14", linearTicks(0, 14)},
		{"at", "10 - 40 80", ticksAt([]float64{10, 15, 40, 80}, 2, plainText)},
	} {
		if got := labels(c.ticks); got != c.want {
			t.Errorf("%s: %s; want %s", c.name, got, c.want)
		}
	}
}
