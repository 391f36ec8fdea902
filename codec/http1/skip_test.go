package http1

import (
	"fmt"
	"math"
	"testing"
)

// moves ends a body of in, split into Next and Skip as mask says: bit i is set where
// byte i passes unseen, if it may. It returns the state at the end.
func moves(t *testing.T, f Framing, length int64, in string, mask uint) BodyDecoder {
	t.Helper()
	var d BodyDecoder
	d.Init(f, length)
	for i := 0; i < len(in); {
		n := 1 // a run of bytes that go the same way
		for i+n < len(in) && mask>>(i+n)&1 == mask>>i&1 {
			n++
		}
		if mask>>i&1 == 1 && d.Opaque() > 0 {
			n = int(min(int64(n), d.Opaque()))
			d.Skip(int64(n))
			i += n
			continue
		}
		data, used, done, code := d.Next([]byte(in[i : i+n]))
		if code != CodeOK {
			t.Fatalf("mask %b: %v at byte %d", mask, code, i)
		}
		if f != BodyChunked && string(data) != in[i:i+used] {
			t.Fatalf("mask %b: data %q of %q", mask, data, in[i:i+n])
		}
		if i += used; done {
			break
		}
	}
	return d
}

// Any mix of Next and Skip comes to the same end.
func TestAnyMixOfNextAndSkipEndsTheSame(t *testing.T) {
	tests := []struct {
		name    string
		framing Framing
		length  int64
		in      string
	}{
		{"none", BodyNone, 0, "behind"},
		{"length 0", BodyLength, 0, "behind"},
		{"length", BodyLength, 8, "abcdefgh"},
		{"length, with more behind", BodyLength, 6, "abcdefGET"},
		{"length, unfinished", BodyLength, 12, "abcdefghij"},
		{"until close", BodyUntilClose, 0, "abcdefgh"},
		{"chunked", BodyChunked, 0, "2\r\nab\r\n0\r\n\r\n"},
		{"chunked, inside data", BodyChunked, 0, "9\r\nabcdefg"},
		{"chunked, inside a size", BodyChunked, 0, "1\r\na\r\n12"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := moves(t, tt.framing, tt.length, tt.in, 0)
			for mask := uint(1); mask < 1<<len(tt.in); mask++ {
				if got := moves(t, tt.framing, tt.length, tt.in, mask); got != want {
					t.Fatalf("mask %b: %+v; all by Next: %+v", mask, got, want)
				}
				if tt.framing == BodyChunked && mask == 1 {
					break // nothing passes unseen, whatever the mask: moves has tried it
				}
			}
		})
	}
}

// Opaque is what may pass unseen: the length that is left, everything where the end
// of the connection is the end, and never a byte that has a meaning.
func TestOpaque(t *testing.T) {
	tests := []struct {
		name    string
		framing Framing
		length  int64
		in      string
		want    int64
	}{
		{"none", BodyNone, 0, "", 0},
		{"length 0", BodyLength, 0, "", 0},
		{"length, nothing yet", BodyLength, 5, "", 5},
		{"length, some", BodyLength, 5, "abc", 2},
		{"length, all", BodyLength, 5, "abcde", 0},
		{"huge length", BodyLength, math.MaxInt64, "a", math.MaxInt64 - 1},
		{"until close", BodyUntilClose, 0, "", math.MaxInt64},
		{"until close, some", BodyUntilClose, 0, "abc", math.MaxInt64},
		{"chunked, nothing yet", BodyChunked, 0, "", 0},
		{"chunked, before data", BodyChunked, 0, "5\r\n", 0},
		{"chunked, inside data", BodyChunked, 0, "5\r\nab", 0},
		{"chunked, behind data", BodyChunked, 0, "5\r\nabcde", 0},
		{"chunked, done", BodyChunked, 0, "0\r\n\r\n", 0},
		{"chunked, refused", BodyChunked, 0, "z", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d BodyDecoder
			d.Init(tt.framing, tt.length)
			for in := tt.in; in != ""; {
				_, used, _, _ := d.Next([]byte(in))
				if used == 0 {
					break
				}
				in = in[used:]
			}
			if got := d.Opaque(); got != tt.want {
				t.Errorf("Opaque = %d, want %d", got, tt.want)
			}
		})
	}
	var zero BodyDecoder
	if zero.Opaque() != 0 {
		t.Error("the zero BodyDecoder has bytes to pass")
	}
}

// A body that passed unseen to its end is done, and what follows is not its own;
// one that was cut is not complete.
func TestSkipToTheEnd(t *testing.T) {
	for skipped := int64(1); skipped <= 3; skipped++ {
		t.Run(fmt.Sprint(skipped, " of 3"), func(t *testing.T) {
			var d BodyDecoder
			d.Init(BodyLength, 3)
			d.Skip(skipped)
			whole := skipped == 3
			if d.Done() != whole || d.Remaining() != 3-skipped || d.Opaque() != 3-skipped {
				t.Errorf("done %v, %d remain, %d opaque", d.Done(), d.Remaining(), d.Opaque())
			}
			data, used, done, code := d.Next([]byte("GET /"))
			if rest := int(3 - skipped); len(data) != rest || used != rest || !done || code != CodeOK {
				t.Errorf("Next = %q, %d, %v, %v", data, used, done, code)
			}
		})
		t.Run(fmt.Sprint("cut behind ", skipped, " of 4"), func(t *testing.T) {
			var d BodyDecoder
			d.Init(BodyLength, 4)
			d.Skip(skipped)
			if d.Finish() {
				t.Error("a body that was cut short is complete")
			}
		})
	}
	var d BodyDecoder
	d.Init(BodyUntilClose, 0)
	d.Skip(1 << 40)
	if d.Done() || d.Remaining() != -1 || !d.Finish() || !d.Done() || d.Opaque() != 0 {
		t.Errorf("until close: %+v", d)
	}
}
