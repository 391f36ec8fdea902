package tlsconn

import "testing"

// discard takes ciphertext and keeps the last record.
type discard struct{ b []byte }

func (d *discard) Ciphertext(b []byte) { d.b = append(d.b[:0], b...) }

func TestSealAndOpenDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	for _, version := range versions {
		for _, size := range []int{1, 125, 16 << 10} {
			server, client := open(t, version)
			message, out := pattern(size), &discard{}
			run := func() {
				if err := client.c.Seal(message, out); err != nil {
					t.Fatal(err)
				}
				if n, err := server.c.Open(out.b, out.b, out); n != size || err != nil {
					t.Fatal(n, err)
				}
			}
			run()
			if n := testing.AllocsPerRun(200, run); n != 0 {
				t.Errorf("TLS %s, %d bytes: %v allocations a record", VersionName(version), size, n)
			}
		}
	}
}

// A relay opens a record and seals it again.
func BenchmarkRelay(b *testing.B) {
	for _, tt := range []struct {
		name   string
		size   int
		copied bool
	}{{"16KiB", 16 << 10, false}, {"125B", 125, false}, {"16KiB/copied", 16 << 10, true}, {"125B/copied", 125, true}} {
		b.Run(tt.name, func(b *testing.B) {
			downServer, downClient := open(b, versions[1])
			_, upClient := open(b, versions[1])
			message, out, onward := pattern(tt.size), &discard{}, &discard{}
			b.SetBytes(int64(tt.size))
			b.ReportAllocs()
			for b.Loop() {
				// The sender's share is counted by BenchmarkSeal.
				if err := downClient.c.Seal(message, out); err != nil {
					b.Fatal(err)
				}
				var n int
				var err error
				if p := out.b; tt.copied {
					n, err = downServer.c.openCopied(p, out.b)
				} else {
					n, err = downServer.c.Open(p, out.b, out)
				}
				if err != nil || n != tt.size {
					b.Fatal(n, err)
				}
				if err := upClient.c.Seal(out.b[:n], onward); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, size := range []int{125, 16 << 10} {
		b.Run(map[int]string{125: "125B", 16 << 10: "16KiB"}[size], func(b *testing.B) {
			_, client := open(b, versions[1])
			message, out := pattern(size), &discard{}
			b.SetBytes(int64(size))
			for b.Loop() {
				if err := client.c.Seal(message, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHandshake(b *testing.B) {
	for b.Loop() {
		open(b, versions[1])
	}
}
