package tlsconn

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func record(kind byte, size int) []byte {
	return append([]byte{kind, 3, 3, byte(size >> 8), byte(size)}, bytes.Repeat([]byte{'x'}, size)...)
}

// Whole at every split: what is whole at a cut is every record that ends before it, and
// from an impossible header on all there is.
func TestWholeAtEverySplit(t *testing.T) {
	impossible := func(b []byte, change func(b []byte)) []byte { change(b); return b }
	for _, tt := range []struct {
		name    string
		records [][]byte
		junk    []byte // begins with a header that cannot be one
	}{
		{"one", [][]byte{record(23, 10)}, nil},
		{"empty records", [][]byte{record(23, 0), record(22, 0)}, nil},
		{"several", [][]byte{record(22, 1), record(20, 1), record(23, 700)}, nil},
		{"the longest", [][]byte{record(23, maxCiphertext), record(23, 1)}, nil},
		{"too long", [][]byte{record(23, 3)}, record(23, maxCiphertext+1)},
		{"the length of all", nil, record(23, 0xffff)},
		{"another major version", [][]byte{record(23, 3)}, impossible(record(23, 9), func(b []byte) { b[1] = 0x10 })},
		{"HTTP", nil, []byte("HTTP/1.1 400 Bad Request\r\n\r\n")},
		{"SSH", nil, []byte("SSH-2.0-none\r\n")},
		{"SMTP", nil, []byte("220 mail.test\r\n")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			good := slices.Concat(tt.records...)
			all := slices.Concat(good, tt.junk)
			for cut := range len(all) + 1 {
				want, end := 0, 0
				for _, r := range tt.records {
					if end += len(r); end <= cut {
						want = end
					}
				}
				if tt.junk != nil && cut >= len(good)+recordHeaderBytes {
					want = cut
				}
				if got := Whole(all[:cut:cut]); got != want {
					t.Fatalf("%d of %d bytes: %d whole, want %d", cut, len(all), got, want)
				}
			}
		})
	}
	if got := Whole(impossible(record(23, 9), func(b []byte) { b[1] = 0x0f })[:8]); got != 0 {
		t.Errorf("the last version that may be one: %d whole", got)
	}
}

// OnlyProtected at every split that leaves whole records, and at all others without a
// panic.
func TestOnlyProtected(t *testing.T) {
	for _, tt := range []struct {
		kinds string
		want  bool
	}{
		{"", true},
		{"\x17", true},
		{"\x14\x17\x17", true},
		{"\x16", false},
		{"\x14\x16", false},
		{"\x17\x17\x15", false},
		{"\x18", false},
		{"\x00", false},
	} {
		var all []byte
		seen := true
		for _, kind := range []byte(tt.kinds) {
			all = append(all, record(kind, 5)...)
			seen = seen && strings.IndexByte("\x14\x17", kind) >= 0
			if got := OnlyProtected(all); got != seen {
				t.Errorf("%q up to %d: %v", tt.kinds, kind, got)
			}
		}
		if got := OnlyProtected(all); got != tt.want {
			t.Errorf("%q: %v, want %v", tt.kinds, got, tt.want)
		}
		for cut := range len(all) {
			OnlyProtected(all[:cut:cut])
		}
	}
}
