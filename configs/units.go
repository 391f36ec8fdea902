package configs

import (
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time, written as a string with a unit: "250ms", "30s", "1h".
type Duration time.Duration

// UnmarshalText reads a non-negative Go duration; a bare "0" needs no unit.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return &hinted{quote(string(text)) + " is not a duration", `write a number and a unit, like "250ms", "30s" or "1h"`}
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes the duration as time.Duration does, without units that are
// zero at its end: "1h", not "1h0m0s".
func (d Duration) MarshalText() ([]byte, error) {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return []byte(s), nil
}

// Nanoseconds is the duration in the unit of the loops' clock.
func (d Duration) Nanoseconds() int64 { return int64(d) }

// Size is a count of bytes, written as a string with a unit: "512B", "64KiB", "1MiB".
type Size int64

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"KB", 1000}, {"MB", 1000 * 1000}, {"GB", 1000 * 1000 * 1000},
	{"B", 1},
}

// UnmarshalText reads a non-negative count with a unit; a bare "0" needs none.
func (s *Size) UnmarshalText(text []byte) error {
	in := string(text)
	if in == "0" {
		*s = 0
		return nil
	}
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(in, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > (1<<62)/u.bytes {
			break
		}
		*s = Size(n * u.bytes)
		return nil
	}
	return &hinted{quote(in) + " is not a size", `write a number and a unit, like "512B", "64KiB" or "1MiB"`}
}

// MarshalText writes the largest binary unit that divides the size.
func (s Size) MarshalText() ([]byte, error) {
	n, suffix := int64(s), "B"
	for _, u := range sizeUnits[:3] {
		if n != 0 && n%u.bytes == 0 {
			suffix = strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	if suffix == "B" {
		suffix = strconv.FormatInt(n, 10) + "B"
	}
	return []byte(suffix), nil
}
