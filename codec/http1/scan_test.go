package http1

import "testing"

// valueEnd against a loop over bytes, for each byte at each place of two words.
func TestValueEnd(t *testing.T) {
	for _, filler := range []byte{'a', '\t', 0x80, 0xff, ' '} {
		for at := range 19 {
			for c := range 256 {
				b := make([]byte, 19)
				for i := range b {
					b[i] = filler
				}
				b[at] = byte(c)
				want := len(b)
				if c < 0x20 && c != '\t' || c == 0x7f {
					want = at
				}
				if got := valueEnd(b, 0); got != want {
					t.Fatalf("valueEnd(%q) = %d, want %d", b, got, want)
				}
				if got := valueEnd(b, at); got != want {
					t.Fatalf("valueEnd(%q, %d) = %d, want %d", b, at, got, want)
				}
			}
		}
	}
}
