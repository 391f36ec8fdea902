package micro

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/gobwas/ws"

	"weir/codec/websocket"
)

// frames fills size bytes with whole masked frames of payload bytes each.
func frames(size, payload int) (in []byte, count int) {
	h := websocket.Header{Fin: true, OpCode: websocket.OpBinary, Masked: true, Mask: [4]byte{1, 2, 3, 4}, Length: int64(payload)}
	one := append(websocket.AppendHeader(nil, &h), bytes.Repeat([]byte{'x'}, payload)...)
	count = size / len(one)
	return bytes.Repeat(one, count), count
}

var errScan = errors.New("not a whole number of frames")

var source bytes.Reader

// scanners walk over the frames of a buffer, header by header. No payload is
// touched: a tunnel passes it on as it is.
var scanners = []struct {
	name string
	scan func(in []byte, size int) (frames int, payload int64, err error)
}{{
	"weir", func(in []byte, _ int) (frames int, payload int64, err error) {
		var h websocket.Header
		for len(in) > 0 {
			n, code := websocket.ParseHeader(in, &h)
			if n == 0 || h.Length > int64(len(in)-n) {
				return frames, payload, errors.Join(errScan, code)
			}
			in = in[n+int(h.Length):]
			frames++
			payload += h.Length
		}
		return frames, payload, nil
	},
}, {
	"gobwas", func(in []byte, _ int) (frames int, payload int64, err error) {
		source.Reset(in)
		for source.Len() > 0 {
			h, err := ws.ReadHeader(&source)
			if err != nil || h.Length > int64(source.Len()) {
				return frames, payload, errors.Join(errScan, err)
			}
			source.Seek(h.Length, io.SeekCurrent)
			frames++
			payload += h.Length
		}
		return frames, payload, nil
	},
}, {
	// The cost of the walk alone: it is told the size of all payloads, and looks at
	// one byte of each frame.
	"none", func(in []byte, size int) (frames int, payload int64, err error) {
		whole := ws.HeaderSize(ws.Header{Masked: true, Length: int64(size)}) + size
		for ; len(in) >= whole && in[0] != 0; in = in[whole:] {
			frames++
			payload += int64(size)
		}
		return frames, payload, nil
	},
}}

var frameInputs = []struct {
	name          string
	size, payload int
}{
	{"125B", 64 << 10, 125},
	{"16KiB", 16<<10 + 8, 16 << 10},
}

func TestFramesAgree(t *testing.T) {
	for _, f := range frameInputs {
		in, count := frames(f.size, f.payload)
		if count == 0 {
			t.Fatalf("%s: no frames", f.name)
		}
		for _, s := range scanners {
			if n, payload, err := s.scan(in, f.payload); n != count || payload != int64(count*f.payload) || err != nil {
				t.Errorf("%s of %s: %d frames, %d bytes, %v; want %d frames", s.name, f.name, n, payload, err, count)
			}
			if s.name == "none" {
				continue
			}
			if _, _, err := s.scan(in[:len(in)-1], f.payload); err == nil {
				t.Errorf("%s takes a frame that is cut short", s.name)
			}
		}
	}
}

func BenchmarkFrames(b *testing.B) {
	for _, f := range frameInputs {
		in, count := frames(f.size, f.payload)
		for _, s := range scanners {
			b.Run(f.name+"/"+s.name, func(b *testing.B) {
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					if n, _, err := s.scan(in, f.payload); n != count {
						b.Fatal(n, err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/frame")
			})
		}
	}
}
