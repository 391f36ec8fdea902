package http1

import "testing"

func TestAppend(t *testing.T) {
	b := func(s string) []byte { return []byte(s) }
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"request line", AppendRequestLine(nil, b("GET"), b("/p"), nil, false), "GET /p HTTP/1.1\r\n"},
		{"query", AppendRequestLine(nil, b("GET"), b("/p"), b("q"), true), "GET /p?q HTTP/1.1\r\n"},
		{"empty query", AppendRequestLine(nil, b("GET"), b("/p"), nil, true), "GET /p? HTTP/1.1\r\n"},
		{"empty path", AppendRequestLine(nil, b("GET"), nil, nil, false), "GET / HTTP/1.1\r\n"},
		{"empty path of OPTIONS", AppendRequestLine(nil, b("OPTIONS"), nil, nil, false), "OPTIONS * HTTP/1.1\r\n"},
		{"empty path of OPTIONS with a query", AppendRequestLine(nil, b("OPTIONS"), nil, b("q"), true), "OPTIONS /?q HTTP/1.1\r\n"},
		{"status line", AppendStatusLine(nil, 1, 404, nil), "HTTP/1.1 404 Not Found\r\n"},
		{"status line, own reason", AppendStatusLine(nil, 0, 200, b("Fine")), "HTTP/1.0 200 Fine\r\n"},
		{"status line, empty reason", AppendStatusLine(nil, 1, 200, b("")), "HTTP/1.1 200 \r\n"},
		{"status line, unknown status", AppendStatusLine(nil, 1, 599, nil), "HTTP/1.1 599 \r\n"},
		{"field", AppendField(b("x"), b("A"), b("b")), "xA: b\r\n"},
		{"field of strings", AppendFieldString(b("x"), "A", "b"), "xA: b\r\n"},
		{"length", AppendContentLength(nil, 1<<40), "Content-Length: 1099511627776\r\n"},
		{"chunk", AppendChunk(nil, b("0123456789abcdef")), "10\r\n0123456789abcdef\r\n"},
		{"empty chunk", AppendChunk(b("x"), nil), "x"},
		{"last chunk", AppendLastChunk(nil), "0\r\n\r\n"},
	}
	for _, tt := range tests {
		if string(tt.got) != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestAppendFieldsLeavesHopByHopOut(t *testing.T) {
	buf := []byte("GET / HTTP/1.1\r\nHost: a\r\nconnection: X-Hop, close\r\nx-hop: 1\r\nTE: trailers\r\nX-end: \t2 \r\n\r\n")
	var h RequestHead
	if n, code := ParseRequestHead(buf, 0, &DefaultLimits, &h); n == 0 {
		t.Fatal(code)
	}
	if got, want := string(AppendFields(nil, buf, h.Fields)), "Host: a\r\nX-end: 2\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestReasonPhraseOutOfRange(t *testing.T) {
	for _, status := range []int{-1, 0, 99, 306, 418, 512, 1 << 30} {
		if got := ReasonPhrase(status); got != "" {
			t.Errorf("ReasonPhrase(%d) = %q", status, got)
		}
	}
}
