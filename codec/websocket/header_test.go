package websocket

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// wire reads a frame header drawn as bits. Spaces are for the reader:
//
//	  FIN RSV opcode   MASK length    extended length, mask
//	"  1  000  0001      1  0000101   ...
func wire(t *testing.T, bits string) []byte {
	t.Helper()
	bits = strings.ReplaceAll(bits, " ", "")
	if len(bits)%8 != 0 {
		t.Fatalf("%d bits drawn", len(bits))
	}
	b := make([]byte, len(bits)/8)
	for i, c := range bits {
		b[i/8] |= byte(c-'0') << (7 - i%8)
	}
	return b
}

const (
	zeros8  = "00000000"
	maskBts = " 00010001 00100010 00110011 01000100"
)

var mask = [4]byte{0x11, 0x22, 0x33, 0x44}

// headerTable serves the reader and the writer: both must agree on every row.
var headerTable = []struct {
	name string
	bits string
	h    Header
}{
	//                  FIN RSV opcode MASK length
	{"empty text", "     1  000 0001    0   0000000", Header{Fin: true, OpCode: OpText}},
	{"masked text", "    1  000 0001    1   0000101" + maskBts, Header{Fin: true, OpCode: OpText, Masked: true, Mask: mask, Length: 5}},
	{"first fragment", " 0  000 0010    0   0000001", Header{OpCode: OpBinary, Length: 1}},
	{"continuation", "   0  000 0000    0   0000001", Header{OpCode: OpContinuation, Length: 1}},
	{"RSV1", "           1  100 0001    0   0000001", Header{Fin: true, Rsv: 4, OpCode: OpText, Length: 1}},
	{"RSV2 RSV3", "      1  011 0001    0   0000001", Header{Fin: true, Rsv: 3, OpCode: OpText, Length: 1}},
	{"longest of 7", "   1  000 0010    0   1111101", Header{Fin: true, OpCode: OpBinary, Length: 125}},
	{"shortest of 16", " 1  000 0010    0   1111110 00000000 01111110", Header{Fin: true, OpCode: OpBinary, Length: 126}},
	{"longest of 16", "  1  000 0010    1   1111110 11111111 11111111" + maskBts, Header{Fin: true, OpCode: OpBinary, Masked: true, Mask: mask, Length: 65535}},
	{"shortest of 64", " 1  000 0010    0   1111111 " + zeros8 + zeros8 + zeros8 + zeros8 + zeros8 + "00000001" + zeros8 + zeros8, Header{Fin: true, OpCode: OpBinary, Length: 65536}},
	{"longest of 64", "  1  000 0010    1   1111111 01111111" + strings.Repeat("11111111", 7) + maskBts, Header{Fin: true, OpCode: OpBinary, Masked: true, Mask: mask, Length: 1<<63 - 1}},
	{"close", "          1  000 1000    0   0000010", Header{Fin: true, OpCode: OpClose, Length: 2}},
	{"ping", "           1  000 1001    1   0000000" + maskBts, Header{Fin: true, OpCode: OpPing, Masked: true, Mask: mask}},
	{"longest pong", "   1  000 1010    0   1111101", Header{Fin: true, OpCode: OpPong, Length: 125}},
}

func TestHeader(t *testing.T) {
	for _, tt := range headerTable {
		t.Run(tt.name, func(t *testing.T) {
			in := wire(t, tt.bits)
			everyPrefix(t, in, len(in), 0, tt.h)
			if got := AppendHeader([]byte("x"), &tt.h); !bytes.Equal(got[1:], in) || got[0] != 'x' {
				t.Errorf("AppendHeader = %08b, want %08b", got[1:], in)
			}
		})
	}
}

// everyPrefix demands that each strict prefix of in is unfinished until the byte
// at which the answer is known, that from there on the answer stays the same, and
// that bytes after the header change nothing. known is that many bytes.
func everyPrefix(t *testing.T, in []byte, known int, code Code, want Header) {
	t.Helper()
	in = append(in[:len(in):len(in)], "\xff\x00payload"...)
	for i := range len(in) + 1 {
		var h Header
		n, got := ParseHeader(in[:i:i], &h) // cap-limited: reading on would panic
		switch {
		case i < known:
			if n != 0 || got != 0 {
				t.Fatalf("%d bytes of %x: n %d, %v; want need more", i, in, n, got)
			}
		case code != 0:
			if n != 0 || got != code {
				t.Fatalf("%d bytes of %x: n %d, %v; want %v", i, in, n, got, code)
			}
		case n != known || got != 0 || h != want:
			t.Fatalf("%d bytes of %x: n %d, %v, %+v; want %d, %+v", i, in, n, got, h, known, want)
		}
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	tests := []struct {
		name  string
		bits  string
		known int // bytes after which it must be refused
		code  Code
	}{
		//                            FIN RSV opcode MASK length
		{"opcode 3", "                 1  000 0011    0   0000000", 1, CodeReservedOpCode},
		{"opcode 7", "                 1  000 0111    0   0000000", 1, CodeReservedOpCode},
		{"opcode 11", "                1  000 1011    0   0000000", 1, CodeReservedOpCode},
		{"opcode 15, not final", "     0  000 1111    0   0000000", 1, CodeReservedOpCode},
		{"fragmented ping", "          0  000 1001    0   0000000", 1, CodeFragmentedControl},
		{"fragmented close", "         0  000 1000    1   0000000", 1, CodeFragmentedControl},
		{"ping of 126", "              1  000 1001    0   1111110 00000000 01111110", 2, CodeLongControl},
		{"close of 64-bit length", "   1  000 1000    1   1111111", 2, CodeLongControl},
		{"125 in 16 bits", "           1  000 0001    0   1111110 00000000 01111101", 4, CodeLengthForm},
		{"0 in 16 bits, masked", "     1  000 0001    1   1111110 00000000 00000000", 4, CodeLengthForm},
		{"65535 in 64 bits", "         1  000 0001    0   1111111" + strings.Repeat(zeros8, 6) + "1111111111111111", 10, CodeLengthForm},
		{"top bit of 64", "            1  000 0001    0   1111111 10000000", 3, CodeLengthSign},
		{"-1", "                       1  000 0001    1   1111111" + strings.Repeat("11111111", 8), 3, CodeLengthSign},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everyPrefix(t, wire(t, tt.bits), tt.known, tt.code, Header{})
		})
	}
}

// FuzzParseHeader holds ParseHeader against gobwas/ws: what it accepts they read
// alike and AppendHeader writes back; what it refuses is one of the rules
// gobwas/ws leaves to its caller. And the answer may not depend on the cut.
func FuzzParseHeader(f *testing.F) {
	for _, b := range []string{"\x81\x05", "\x82\xfe\x00\x7e\x01\x02\x03\x04", "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", "\x09\x00", "\x81\x7f\x80", "\x81\x7e\x00\x01"} {
		f.Add([]byte(b), uint8(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint8) {
		var h, early Header
		n, code := ParseHeader(in, &h)
		k := int(cut) % (len(in) + 1)
		if en, ec := ParseHeader(in[:k:k], &early); (en != 0 || ec != 0) && (en != n || ec != code) {
			t.Fatalf("%x cut at %d: %d, %v; whole: %d, %v", in, k, en, ec, n, code)
		}
		r := bytes.NewReader(in)
		want, err := ws.ReadHeader(r)
		switch {
		case n > 0:
			if err != nil || h != want {
				t.Fatalf("%x: %+v; gobwas/ws: %+v, %v", in, h, want, err)
			}
			if got := AppendHeader(nil, &h); !bytes.Equal(got, in[:n]) {
				t.Fatalf("%x read as %+v, written as %x", in[:n], h, got)
			}
		case code == 0 && err == nil:
			t.Fatalf("%x: need more; gobwas/ws: %+v", in, want)
		case code == CodeLengthSign:
			if err == nil {
				t.Fatalf("%x: %v; gobwas/ws: %+v", in, code, want)
			}
		case code == CodeLengthForm && err == nil:
			if ws.HeaderSize(want) >= len(in)-r.Len() {
				t.Fatalf("%x: %v, but there is no shorter form", in, code)
			}
		}
	})
}

func TestMask(t *testing.T) {
	for size := range 70 {
		plain := bytes.Repeat([]byte("weir!"), 14)[:size]
		want := make([]byte, size)
		for i := range want {
			want[i] = plain[i] ^ mask[i%4]
		}
		for cut := range size + 1 {
			got := bytes.Clone(plain)
			Mask(got[:cut], mask, 0)
			Mask(got[cut:], mask, cut)
			if !bytes.Equal(got, want) {
				t.Fatalf("%d bytes cut at %d: %x, want %x", size, cut, got, want)
			}
		}
	}
	// An offset counts bytes of a frame that may be 2^63 long; it must not matter
	// that it was cut down to an int or wrapped around.
	got := []byte{0, 0, 0, 0, 0}
	Mask(got, mask, -1)
	if want := []byte{0x44, 0x11, 0x22, 0x33, 0x44}; !bytes.Equal(got, want) {
		t.Errorf("offset -1: %x, want %x", got, want)
	}
}

func TestFrameAllocations(t *testing.T) {
	in, dst, payload := wire(t, headerTable[10].bits), make([]byte, 0, 256), make([]byte, 125)
	if n := testing.AllocsPerRun(100, func() {
		var h Header
		if n, code := ParseHeader(in, &h); n != MaxHeaderSize || code != 0 {
			t.Fatal(n, code)
		}
		Mask(payload, h.Mask, 3)
		AppendHeader(dst, &h)
		if f := AppendClose(dst, 1001, "going away"); len(f) != 14 {
			t.Fatal(len(f))
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
