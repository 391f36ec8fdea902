package plots

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// bytesText is a number of bytes as people write it: 32 B, 1 KiB, 1.5 MiB.
func bytesText(v float64) string {
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if v < 1024 {
			return short(v) + " " + unit
		}
		v /= 1024
	}
	return short(v) + " GiB"
}

// short has no more than one digit behind the point, and none from 100 on.
func short(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// countText is a whole number with its thousands apart: 9,000.
func countText(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plainText is a number of microseconds.
func plainText(v float64) string {
	if v >= 1 && v == math.Trunc(v) {
		return countText(v)
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

// ticksAt puts a tick at each of the sorted values, and leaves out a label that
// would come closer to the one before than apart, a factor.
func ticksAt(values []float64, apart float64, label func(float64) string) []plot.Tick {
	ticks, last := make([]plot.Tick, len(values)), 0.0
	for i, v := range values {
		ticks[i].Value = v
		if v >= last*apart {
			ticks[i].Label, last = label(v), v
		}
	}
	return ticks
}

// logTicks covers min to max with ticks at 1, 2 and 5 times the powers of ten, the
// first at or below min, the last at or above max. Over more than two decades only
// the powers have labels.
func logTicks(min, max float64) []plot.Tick {
	var ticks []plot.Tick
	for power := math.Floor(math.Log10(min)); ; power++ {
		for _, digit := range []float64{1, 2, 5} {
			v := digit * math.Pow(10, power)
			if v <= min {
				ticks = ticks[:0]
			}
			t := plot.Tick{Value: v, Label: plainText(v)}
			if digit != 1 && max/min > 100 {
				t.Label = ""
			}
			if ticks = append(ticks, t); v >= max && len(ticks) > 1 {
				return ticks
			}
		}
	}
}

// linearTicks goes from 0 to max or above in at most seven even steps of 1, 2 or 5
// times a power of ten.
func linearTicks(_, max float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10(max))-1)
	for _, factor := range []float64{1, 2, 5, 10, 20} {
		if max/(step*factor) <= 7 {
			step *= factor
			break
		}
	}
	var ticks []plot.Tick
	for i := 0; ; i++ {
		v := float64(i) * step
		ticks = append(ticks, plot.Tick{Value: v, Label: plainText(v)})
		if v >= max {
			return ticks
		}
	}
}
