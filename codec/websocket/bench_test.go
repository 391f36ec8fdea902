package websocket

import (
	"bytes"
	"testing"
)

// Scanning is what a tunnel that looks at frames would pay for: each header is
// parsed and its payload skipped.
func BenchmarkScan(b *testing.B) {
	for _, f := range []struct {
		name          string
		size, payload int
	}{
		{"125 B in 64 KiB", 64 << 10, 125},
		{"one of 16 KiB", 16<<10 + 8, 16 << 10},
	} {
		b.Run(f.name, func(b *testing.B) {
			h := Header{Fin: true, OpCode: OpBinary, Masked: true, Mask: mask, Length: int64(f.payload)}
			one := append(AppendHeader(nil, &h), make([]byte, f.payload)...)
			count := f.size / len(one)
			in := bytes.Repeat(one, count)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				frames := 0
				for rest := in; len(rest) > 0; frames++ {
					n, code := ParseHeader(rest, &h)
					if n == 0 {
						b.Fatal(code)
					}
					rest = rest[n+int(h.Length):]
				}
				if frames != count {
					b.Fatal(frames)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/frame")
		})
	}
}

func BenchmarkMask(b *testing.B) {
	for _, f := range []struct {
		name string
		size int
	}{{"125 B", 125}, {"16 KiB", 16 << 10}} {
		b.Run(f.name, func(b *testing.B) {
			payload := make([]byte, f.size)
			b.SetBytes(int64(f.size))
			b.ReportAllocs()
			for b.Loop() {
				Mask(payload, mask, 0)
			}
		})
	}
}
