package configs

import (
	"testing"
	"time"
)

func TestSizeText(t *testing.T) {
	tests := []struct {
		in   string
		want Size // -1: refused
		out  string
	}{
		{"0", 0, "0B"}, {"0B", 0, "0B"}, {"1B", 1, "1B"}, {"64KiB", 64 << 10, "64KiB"}, {"1 MiB", 1 << 20, "1MiB"},
		{"1GiB", 1 << 30, "1GiB"}, {"1KB", 1000, "1000B"}, {"2MB", 2e6, "2000000B"}, {"3GB", 3e9, "3000000000B"},
		{"1536B", 1536, "1536B"},
		{"", -1, ""}, {"64", -1, ""}, {"B", -1, ""}, {"-1B", -1, ""}, {"1.5MiB", -1, ""}, {"64kib", -1, ""},
		{"9223372036854775807GiB", -1, ""}, {"4294967297GiB", -1, ""},
	}
	for _, tt := range tests {
		s := Size(-7)
		err := s.UnmarshalText([]byte(tt.in))
		if tt.want < 0 {
			if err == nil || s != -7 {
				t.Errorf("%q: accepted as %d", tt.in, s)
			}
			continue
		}
		if err != nil || s != tt.want {
			t.Errorf("%q = %d, %v; want %d", tt.in, s, err, tt.want)
		}
		if out := show(s); out != tt.out {
			t.Errorf("%q is written %q, want %q", tt.in, out, tt.out)
		}
	}
}

func TestDurationText(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration // -1: refused
		out  string
	}{
		{"0", 0, "0s"}, {"30s", 30 * time.Second, "30s"}, {"1h", time.Hour, "1h"}, {"90m", 90 * time.Minute, "1h30m"},
		{"250ms", 250 * time.Millisecond, "250ms"}, {"10m", 10 * time.Minute, "10m"}, {"1h0m10s", time.Hour + 10*time.Second, "1h0m10s"},
		{"", -1, ""}, {"30", -1, ""}, {"-1s", -1, ""}, {"1d", -1, ""}, {"9999999999h", -1, ""},
	}
	for _, tt := range tests {
		d := Duration(-7)
		err := d.UnmarshalText([]byte(tt.in))
		if tt.want < 0 {
			if err == nil || d != -7 {
				t.Errorf("%q: accepted as %d", tt.in, d)
			}
			continue
		}
		if err != nil || d.Nanoseconds() != int64(tt.want) {
			t.Errorf("%q = %d, %v; want %d", tt.in, d, err, tt.want)
		}
		if out := show(d); out != tt.out {
			t.Errorf("%q is written %q, want %q", tt.in, out, tt.out)
		}
	}
}
