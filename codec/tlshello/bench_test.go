package tlshello

import (
	"testing"
	"unsafe"
)

func TestParseDoesNotAllocate(t *testing.T) {
	var h Hello
	for name, in := range map[string]string{
		"browser":    likeChrome,
		"fragmented": records(payloads(likeChrome), 50),
		"unfinished": records(payloads(likeChrome), 50)[:300],
		"refused":    hello(sni("a."), alpn("h2")),
	} {
		buf := []byte(in)
		want, _ := Parse(buf, &h) // grows the memory of h
		run := func() {
			n, code := Parse(buf, &h)
			if n != want || n > 0 && (!h.OffersALPN("http/1.1") || h.OffersALPN("http/1.0")) || code.Error() == "" {
				t.Fatal(n, code)
			}
		}
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// A Hello is one a loop, or on the stack of who parses.
func TestSizes(t *testing.T) {
	const want = 104
	got := unsafe.Sizeof(Hello{})
	t.Logf("%-20s %4d bytes", "tlshello.Hello", got)
	if got > want {
		t.Errorf("Hello has %d bytes, want at most %d", got, want)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, f := range []struct{ name, in string }{
		{"browser", likeChrome},
		{"browser in records of 50", records(payloads(likeChrome), 50)},
		{"unfinished, 512 records", records(helloMessage(extension(21, string(make([]byte, 4000)))), 2)[:MaxRecords*7]},
	} {
		b.Run(f.name, func(b *testing.B) {
			var h Hello
			in := []byte(f.in)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				Parse(in, &h)
			}
		})
	}
}

func BenchmarkStd(b *testing.B) {
	in := []byte(likeChrome)
	b.ReportAllocs()
	for b.Loop() {
		if askStd(in) == nil {
			b.Fatal("refused")
		}
	}
}
