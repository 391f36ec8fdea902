package micro

import (
	"bufio"
	"bytes"
	"net/http"
	"strconv"
	"testing"

	"github.com/valyala/fasthttp"

	"weir/codec/http1"
)

const minimalRequest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

const browserRequest = "GET /assets/app/main.3f2a9c.js?v=20261121 HTTP/1.1\r\n" +
	"Host: chat.example.com\r\n" +
	"Connection: keep-alive\r\n" +
	"Cache-Control: no-cache\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
	"Sec-Fetch-Mode: no-cors\r\n" +
	"Referer: https://chat.example.com/rooms/lobby\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; lang=en\r\n" +
	"\r\n"

const minimalResponse = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

const backendResponse = "HTTP/1.1 200 OK\r\n" +
	"Date: Sat, 21 Nov 2026 05:00:00 GMT\r\n" +
	"Server: demo\r\n" +
	"Content-Type: application/json; charset=utf-8\r\n" +
	"Content-Length: 128\r\n" +
	"Cache-Control: no-store\r\n" +
	"Vary: Accept-Encoding, Origin\r\n" +
	"ETag: \"3f2a9c-80\"\r\n" +
	"X-Content-Type-Options: nosniff\r\n" +
	"X-Request-Id: 0123456789abcdef0123456789abcdef\r\n" +
	"Connection: keep-alive\r\n" +
	"\r\n"

// head is a parsed head, as far as every implementation can tell it.
type head struct {
	method, target string // of a request
	status         int    // of a response
	field          func(name string) string
	fields         []string // names; only weir's parser keeps them as they were
}

// parser parses one head after the other with what it may reuse; parse does what is
// measured, and got tells what the last parse found.
type parser struct {
	name  string
	parse func(in []byte) error
	got   func() head
}

// refill starts r over on in, as if it had just been read.
func refill(in []byte, source *bytes.Reader, r *bufio.Reader) *bufio.Reader {
	source.Reset(in)
	r.Reset(source)
	return r
}

func requestParsers() []parser {
	var (
		buf    = make([]byte, 0, 4096)
		own    http1.RequestHead
		std    *http.Request
		fast   fasthttp.RequestHeader
		source bytes.Reader
		reader = bufio.NewReaderSize(nil, 4096)
	)
	return []parser{{
		"weir", func(in []byte) error {
			buf = append(buf[:0], in...)
			return parsed(http1.ParseRequestHead(buf, 0, &http1.DefaultLimits, &own))
		}, func() head {
			h := fieldsOf(buf, own.Fields)
			h.method, h.target = string(own.MethodName.Of(buf)), string(own.Target.Of(buf))
			return h
		},
	}, {
		"fasthttp", func(in []byte) error {
			return fast.Read(refill(in, &source, reader))
		}, func() head {
			return head{method: string(fast.Method()), target: string(fast.RequestURI()), field: func(name string) string {
				return string(fast.Peek(name))
			}}
		},
	}, {
		"net-http", func(in []byte) (err error) {
			std, err = http.ReadRequest(refill(in, &source, reader))
			return err
		}, func() head {
			return head{method: std.Method, target: std.RequestURI, field: func(name string) string {
				if name == "Host" {
					return std.Host
				}
				return std.Header.Get(name)
			}}
		},
	}}
}

func responseParsers() []parser {
	var (
		buf    = make([]byte, 0, 4096)
		own    http1.ResponseHead
		std    *http.Response
		fast   fasthttp.ResponseHeader
		source bytes.Reader
		reader = bufio.NewReaderSize(nil, 4096)
		get    = &http.Request{Method: http.MethodGet}
	)
	return []parser{{
		"weir", func(in []byte) error {
			buf = append(buf[:0], in...)
			return parsed(http1.ParseResponseHead(buf, 0, &http1.DefaultLimits, http1.MethodGET, &own))
		}, func() head {
			h := fieldsOf(buf, own.Fields)
			h.status = own.Status
			return h
		},
	}, {
		"fasthttp", func(in []byte) error {
			return fast.Read(refill(in, &source, reader))
		}, func() head {
			return head{status: fast.StatusCode(), field: func(name string) string { return string(fast.Peek(name)) }}
		},
	}, {
		"net-http", func(in []byte) (err error) {
			std, err = http.ReadResponse(refill(in, &source, reader), get)
			return err
		}, func() head {
			return head{status: std.StatusCode, field: std.Header.Get}
		},
	}}
}

// parsed makes the answer of weir's parsers an error.
func parsed(n int, code http1.Code) error {
	switch {
	case code != http1.CodeOK:
		return code
	case n == 0:
		return http1.CodeVersion // the inputs are whole
	}
	return nil
}

func fieldsOf(buf []byte, fields []http1.Field) (h head) {
	for _, f := range fields {
		h.fields = append(h.fields, string(f.Name.Of(buf)))
	}
	h.field = func(name string) string {
		if i := http1.FindName(buf, fields, name); i >= 0 {
			return string(fields[i].Value.Of(buf))
		}
		return ""
	}
	return h
}

var heads = []struct {
	name, in string
	parsers  func() []parser
	fields   int
}{
	{"request-minimal", minimalRequest, requestParsers, 1},
	{"request-browser", browserRequest, requestParsers, 10},
	{"response-minimal", minimalResponse, responseParsers, 1},
	{"response-backend", backendResponse, responseParsers, 10},
}

// Every implementation finds the same in what the benchmarks parse.
func TestHeadsAgree(t *testing.T) {
	for _, h := range heads {
		t.Run(h.name, func(t *testing.T) {
			var want head
			for i, p := range h.parsers() {
				for range 2 { // what is reused must not change the answer
					if err := p.parse([]byte(h.in)); err != nil {
						t.Fatalf("%s: %v", p.name, err)
					}
				}
				got := p.got()
				if i == 0 {
					want = got
					if len(want.fields) != h.fields {
						t.Fatalf("%d fields, want %d", len(want.fields), h.fields)
					}
				}
				if got.method != want.method || got.target != want.target || got.status != want.status {
					t.Errorf("%s: %q %q %d; %q %q %d", p.name, got.method, got.target, got.status, want.method, want.target, want.status)
				}
				for _, name := range want.fields {
					if a, b := got.field(name), want.field(name); a != b || a == "" {
						t.Errorf("%s: %s: %s; %s", p.name, name, strconv.Quote(a), strconv.Quote(b))
					}
				}
			}
		})
	}
}

// Broken heads are refused by all of them, so none is fast for want of checks that
// the others make. What else weir refuses is in its own tests.
func TestHeadsRefused(t *testing.T) {
	for _, in := range []string{"GET\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n"} {
		for _, p := range requestParsers() {
			if p.parse([]byte(in)) == nil {
				t.Errorf("%s takes %q", p.name, in)
			}
		}
	}
}

func BenchmarkHead(b *testing.B) {
	for _, h := range heads {
		for _, p := range h.parsers() {
			b.Run(h.name+"/"+p.name, func(b *testing.B) {
				in := []byte(h.in)
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					if err := p.parse(in); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
