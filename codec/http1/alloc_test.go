package http1

import "testing"

const browserHead = "GET /assets/app/main.3f2a9c.js?v=20261121 HTTP/1.1\r\n" +
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

const backendHead = "HTTP/1.1 200 OK\r\n" +
	"Date: Sat, 21 Nov 2026 05:00:00 GMT\r\n" +
	"Server: demo\r\n" +
	"Content-Type: application/json\r\n" +
	"Content-Length: 128\r\n" +
	"Cache-Control: no-store\r\n" +
	"Connection: keep-alive\r\n" +
	"\r\n"

func TestNothingAllocates(t *testing.T) {
	request, response := []byte(browserHead), []byte(backendHead)
	refused := []byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
	body := []byte("5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n")
	var req RequestHead
	var resp ResponseHead
	out := make([]byte, 0, 4096)
	steps := []struct {
		name string
		run  func()
	}{
		{"request", func() {
			if n, _ := ParseRequestHead(request, 0, &DefaultLimits, &req); n != len(request) {
				t.Fatal(n)
			}
		}},
		{"response", func() {
			if n, _ := ParseResponseHead(response, 0, &DefaultLimits, MethodGET, &resp); n != len(response) {
				t.Fatal(n)
			}
		}},
		{"refusal", func() {
			if _, code := ParseRequestHead(refused, 0, &DefaultLimits, &req); code != CodeLengthWithTE || code.Error() == "" {
				t.Fatal(code)
			}
		}},
		{"body", func() {
			var d BodyDecoder
			d.Init(BodyChunked, 0)
			for in := body; !d.Done(); {
				_, used, _, code := d.Next(in)
				if in = in[used:]; code != CodeOK || used == 0 {
					t.Fatal(code)
				}
			}
		}},
		{"append", func() {
			ParseRequestHead(request, 0, &DefaultLimits, &req)
			out = AppendRequestLine(out[:0], req.MethodName.Of(request), req.Path.Of(request), req.Query.Of(request), req.HasQuery)
			out = AppendFields(out, request, req.Fields)
			out = AppendFieldString(out, "Via", "1.1 weir")
			out = AppendContentLength(out, 5)
			out = AppendStatusLine(out, 1, 200, nil)
			out = AppendLastChunk(AppendChunk(out, body))
			if FindName(request, req.Fields, "Accept") < 0 || !ValidFieldName(request[:3]) {
				t.Fatal("append")
			}
		}},
	}
	for _, s := range steps {
		s.run() // grows Fields
		if n := testing.AllocsPerRun(100, s.run); n != 0 {
			t.Errorf("%s: %v allocations", s.name, n)
		}
	}
}
