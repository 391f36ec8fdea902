package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func BenchmarkParseRequestHead(b *testing.B) {
	heads := []struct{ name, in string }{
		{"small", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"browser", browserHead},
		{"worst options", "GET / HTTP/1.1\r\nHost: a\r\nConnection: " + strings.Repeat("x-yyyy,", 32) + "\r\n" + strings.Repeat("x-yyyz: 1\r\n", 120) + "\r\n"},
	}
	for _, head := range heads {
		b.Run(head.name, func(b *testing.B) {
			in := []byte(head.in)
			var h RequestHead
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if n, code := ParseRequestHead(in, 0, &DefaultLimits, &h); n == 0 {
					b.Fatal(code)
				}
			}
		})
	}
	b.Run("browser, net/http", func(b *testing.B) {
		in := bytes.NewReader([]byte(browserHead))
		r := bufio.NewReader(in)
		b.SetBytes(int64(len(browserHead)))
		b.ReportAllocs()
		for b.Loop() {
			in.Seek(0, 0)
			r.Reset(in)
			if _, err := http.ReadRequest(r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParseResponseHead(b *testing.B) {
	in := []byte(backendHead)
	var h ResponseHead
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if n, code := ParseResponseHead(in, 0, &DefaultLimits, MethodGET, &h); n == 0 {
			b.Fatal(code)
		}
	}
}

func BenchmarkChunked(b *testing.B) {
	in := AppendLastChunk(AppendChunk(AppendChunk(nil, make([]byte, 4096)), make([]byte, 128)))
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		var d BodyDecoder
		d.Init(BodyChunked, 0)
		for rest := in; !d.Done(); {
			_, used, _, _ := d.Next(rest)
			rest = rest[used:]
		}
	}
}
