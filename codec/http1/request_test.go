package http1

import (
	"strings"
	"testing"
)

func TestParseRequestHead(t *testing.T) {
	const host = "Host: a\r\n"
	tests := []struct{ name, in, want string }{
		{"simple", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 a none:0 keep|Host=a"},
		{"one empty line before it", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 a none:0 keep|Host=a"},
		{"query", "GET /p?a=b?c HTTP/1.1\r\nHost: a:80\r\n\r\n", "GET /p?a=b?c 1.1 a:80 none:0 keep|Host=a:80"},
		{"empty query", "GET /p? HTTP/1.1\r\n" + host + "\r\n", "GET /p? 1.1 a none:0 keep|Host=a"},
		{"percent-encoding stays", "GET /%2e%2E/ HTTP/1.1\r\n" + host + "\r\n", "GET /%2e%2E/ 1.1 a none:0 keep|Host=a"},
		{"any token is a method", "M-SEARCH / HTTP/1.1\r\n" + host + "\r\n", "M-SEARCH / 1.1 a none:0 keep|Host=a"},
		{"asterisk-form", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", "OPTIONS * 1.1 a none:0 keep|Host=a"},
		{"absolute-form", "GET http://A.b/p?q HTTP/1.1\r\nHost: a.B\r\n\r\n", "GET /p?q 1.1 A.b none:0 keep|Host=a.B"},
		{"absolute-form without path", "GET HTTPS://a?q HTTP/1.1\r\n" + host + "\r\n", "GET ?q 1.1 a none:0 keep|Host=a"},
		{"absolute-form, HTTP/1.0, no Host", "GET http://a:1/ HTTP/1.0\r\n\r\n", "GET / 1.0 a:1 none:0"},
		{"authority-form", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "CONNECT  1.1 a:443 none:0 keep|Host=a:443"},
		{"IPv6 host", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n", "GET / 1.1 [2001:db8::1]:8080 none:0 keep|Host=[2001:db8::1]:8080"},
		{"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0  none:0"},
		{"HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1.0  none:0 keep|!Connection=Keep-Alive"},
		{"close wins over keep-alive", "GET / HTTP/1.1\r\n" + host + "Connection: keep-alive, ,Close\r\n\r\n", "GET / 1.1 a none:0|Host=a|!Connection=keep-alive, ,Close"},
		{"close in a second field", "GET / HTTP/1.1\r\n" + host + "Connection: x\r\nConnection: close\r\n\r\n", "GET / 1.1 a none:0|Host=a|!Connection=x|!Connection=close"},
		{"value trimmed, inner white space and obs-text kept", "GET / HTTP/1.1\r\n" + host + "A: \t b\t c\xff \t\r\nB:\r\nC: \r\n\r\n", "GET / 1.1 a none:0 keep|Host=a|A=b\t c\xff|B=|C="},
		{"length", "POST / HTTP/1.1\r\n" + host + "Content-Length: 12\r\n\r\n", "POST / 1.1 a length:12 keep|Host=a|Content-Length=12"},
		{"length of 18 digits", "POST / HTTP/1.1\r\n" + host + "content-length: 000000000000000007\r\n\r\n", "POST / 1.1 a length:7 keep|Host=a|content-length=000000000000000007"},
		{"chunked", "POST / HTTP/1.1\r\n" + host + "TRANSFER-ENCODING: Chunked\r\n\r\n", "POST / 1.1 a chunked:-1 keep|Host=a|!TRANSFER-ENCODING=Chunked"},
		{"100-continue", "PUT / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nExpect: 100-Continue\r\n\r\n", "PUT / 1.1 a length:1 keep|Host=a|Content-Length=1|Expect=100-Continue|expect"},
		{"100-continue without a body", "PUT / HTTP/1.1\r\n" + host + "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n", "PUT / 1.1 a length:0 keep|Host=a|Content-Length=0|Expect=100-continue"},
		{"100-continue from HTTP/1.0", "PUT / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", "PUT / 1.0  length:1|Content-Length=1|Expect=100-continue"},
		{"upgrade", "GET / HTTP/1.1\r\n" + host + "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n", "GET / 1.1 a none:0 keep upgrade|Host=a|!Upgrade=websocket|!Connection=keep-alive, Upgrade"},
		{"upgrade without the option", "GET / HTTP/1.1\r\n" + host + "Upgrade: websocket\r\n\r\n", "GET / 1.1 a none:0 keep|Host=a|!Upgrade=websocket"},
		{"upgrade option alone", "GET / HTTP/1.1\r\n" + host + "Connection: upgrade\r\n\r\n", "GET / 1.1 a none:0 keep|Host=a|!Connection=upgrade"},
		{"upgrade from HTTP/1.0", "GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", "GET / 1.0  none:0|!Upgrade=websocket|!Connection=upgrade"},
		{"hop-by-hop set", "GET / HTTP/1.1\r\n" + host + "Keep-Alive: 1\r\nProxy-Connection: x\r\nTE: trailers\r\nTrailer: x\r\nHTTP2-Settings: x\r\nProxy-Authorization: x\r\nAuthorization: y\r\n\r\n", "GET / 1.1 a none:0 keep|Host=a|!Keep-Alive=1|!Proxy-Connection=x|!TE=trailers|!Trailer=x|!HTTP2-Settings=x|!Proxy-Authorization=x|Authorization=y"},
		{"named by Connection, before and after it", "GET / HTTP/1.1\r\nX-A: 1\r\n" + host + "Connection: x-a,\tX-B, User-Agent,x-none\r\nx-b: 2\r\nX-C: 3\r\nuser-agent: u\r\n\r\n", "GET / 1.1 a none:0 keep|!X-A=1|Host=a|!Connection=x-a,\tX-B, User-Agent,x-none|!x-b=2|X-C=3|!user-agent=u"},

		{"unfinished: nothing", "", ""},
		{"unfinished: half an empty line", "\r", ""},
		{"unfinished: empty line", "\r\n", ""},
		{"unfinished: version", "GET / HTTP/1.", ""},
		{"unfinished: field", "GET / HTTP/1.1\r\nHost: a\r\nX", ""},
		{"unfinished: blank line", "GET / HTTP/1.1\r\nHost: a\r\n\r", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everySplit(t, tt.in, tt.want != "", func(t *testing.T, pieces []string) {
				got, code := feedRequest(pieces, &DefaultLimits)
				if got != tt.want || code != CodeOK {
					t.Errorf("%q\n got %q, %v\nwant %q", pieces, got, code, tt.want)
				}
			})
		})
	}
}

func TestParseRequestHeadRefuses(t *testing.T) {
	const get, host, end = "GET / HTTP/1.1\r\n", "Host: a\r\n", "\r\n"
	tests := []struct {
		name, in string
		code     Code
	}{
		{"TLS record", "\x16\x03\x01", CodeMethod},
		{"NUL first", "\x00", CodeNUL},
		{"bare LF first", "\n", CodeBareLF},
		{"bare CR first", "\rG", CodeBareCR},
		{"two empty lines", "\r\n\r\n", CodeMethod},
		{"space first", " GET / HTTP/1.1\r\n", CodeMethod},
		{"bare LF ends the request line", "GET / HTTP/1.1\n", CodeBareLF},
		{"bare LF ends a field", get + "Host: a\n", CodeBareLF},
		{"bare LF as blank line", get + host + "\n", CodeBareLF},
		{"bare LF beats an earlier fault", "G(T / HTTP/1.1\r\nHost: a\n", CodeBareLF},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", CodeVersionUnsupported},
		{"HTTP/1.2", "GET / HTTP/1.2\r\n\r\n", CodeVersionUnsupported},
		{"HTTP/0.9 with version", "GET / HTTP/0.9\r\n\r\n", CodeVersionUnsupported},
		{"HTTP/0.9", "GET /\r\n\r\n", CodeVersion},
		{"version in lower case", "GET / http/1.1\r\n\r\n", CodeVersion},
		{"version with more digits", "GET / HTTP/1.10\r\n\r\n", CodeVersion},
		{"space after version", "GET / HTTP/1.1 \r\n\r\n", CodeVersion},
		{"two spaces before version", "GET /  HTTP/1.1\r\n\r\n", CodeVersion},
		{"two spaces before target", "GET  / HTTP/1.1\r\n\r\n", CodeTarget},
		{"tab after method", "GET\t/ HTTP/1.1\r\n\r\n", CodeMethod},
		{"bad method token", "G(T / HTTP/1.1\r\n\r\n", CodeMethod},
		{"method too long", strings.Repeat("M", 33) + " / HTTP/1.1\r\n\r\n", CodeMethod},
		{"NUL in method", "GE\x00 / HTTP/1.1\r\n\r\n", CodeNUL},
		{"bare CR in method", "GE\rT / HTTP/1.1\r\n\r\n", CodeBareCR},
		{"NUL in target", "GET /\x00 HTTP/1.1\r\n\r\n", CodeTarget},
		{"CR in target", "GET /\r HTTP/1.1\r\n\r\n", CodeTarget},
		{"obs-text in target", "GET /\xe4 HTTP/1.1\r\n\r\n", CodeTarget},
		{"fragment in target", "GET /#f HTTP/1.1\r\n\r\n", CodeTarget},
		{"backslash in target", "GET /a\\b HTTP/1.1\r\n\r\n", CodeTarget},
		{"bad percent-encoding", "GET /%2 HTTP/1.1\r\n\r\n", CodeTarget},
		{"bad percent-encoding in query", "GET /?%zz HTTP/1.1\r\n\r\n", CodeTarget},
		{"neither form of target", "GET x HTTP/1.1\r\n\r\n", CodeTarget},
		{"asterisk with GET", "GET * HTTP/1.1\r\n\r\n", CodeTarget},
		{"asterisk and more", "OPTIONS *x HTTP/1.1\r\n\r\n", CodeTarget},
		{"absolute-form of another scheme", "GET ftp://a/ HTTP/1.1\r\n\r\n", CodeTarget},
		{"absolute-form with user information", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", CodeTarget},
		{"absolute-form without authority", "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", CodeTarget},
		{"absolute-form, scheme alone", "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", CodeTarget},
		{"CONNECT in origin-form", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", CodeTarget},
		{"CONNECT without port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", CodeTarget},
		{"white space before first field", get + " Host: a\r\n\r\n", CodeObsFold},
		{"obs-fold", get + host + "A: b\r\n c\r\n\r\n", CodeObsFold},
		{"line of white space", get + host + " \r\n\r\n", CodeObsFold},
		{"space before colon", get + "Host : a\r\n\r\n", CodeSpaceBeforeColon},
		{"tab before colon", get + "Host\t: a\r\n\r\n", CodeSpaceBeforeColon},
		{"space in field name", get + "X Y: a\r\n\r\n", CodeSpaceBeforeColon},
		{"empty field name", get + host + ": x\r\n\r\n", CodeFieldName},
		{"field without colon", get + host + "X\r\n\r\n", CodeFieldName},
		{"field name not a token", get + "H@st: a\r\n\r\n", CodeFieldName},
		{"obs-text in field name", get + "H\xf6st: a\r\n\r\n", CodeFieldName},
		{"NUL in field name", get + "Ho\x00st: a\r\n\r\n", CodeNUL},
		{"bare CR in field name", get + "Ho\rst: a\r\n\r\n", CodeBareCR},
		{"bare CR as line", get + host + "\rX: y\r\n\r\n", CodeBareCR},
		{"NUL in value", get + host + "A: 1234567\x00\r\n\r\n", CodeNUL},
		{"bare CR in value", get + host + "A: b\rX: c\r\n\r\n", CodeBareCR},
		{"CR CR LF", get + host + "A: b\r\r\n\r\n", CodeBareCR},
		{"escape in value", get + host + "A: \x1b[31m\r\n\r\n", CodeFieldValue},
		{"DEL in value", get + host + "A: \x7f\r\n\r\n", CodeFieldValue},
		{"no Host", get + end, CodeHostMissing},
		{"absolute-form does not replace Host", "GET http://a/ HTTP/1.1\r\n\r\n", CodeHostMissing},
		{"two Hosts", get + host + host + end, CodeHostDuplicate},
		{"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\n" + host + "host: b\r\n\r\n", CodeHostDuplicate},
		{"empty Host", get + "Host:\r\n\r\n", CodeHostMalformed},
		{"bad Host in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", CodeHostMalformed},
		{"absolute-form differs from Host", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", CodeAuthorityMismatch},
		{"absolute-form differs in port", "GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", CodeAuthorityMismatch},
		{"CONNECT differs from Host", "CONNECT a:1 HTTP/1.1\r\nHost: a:2\r\n\r\n", CodeAuthorityMismatch},
		{"unknown expectation", get + host + "Expect: tea\r\n\r\n", CodeExpectation},
		{"expectation twice", get + host + "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", CodeExpectation},
		{"Connection option is no token", get + host + "Connection: a b\r\n\r\n", CodeConnection},
		{"Connection names Host", get + host + "Connection: close, hOst\r\n\r\n", CodeConnection},
		{"Connection names Content-Length", get + host + "Content-Length: 1\r\nConnection: content-length\r\n\r\n", CodeConnection},
		{"Connection names Transfer-Encoding", get + host + "Connection: transfer-encoding\r\n\r\n", CodeConnection},
		{"Connection names X-Forwarded-For", get + host + "Connection: x-forwarded-for\r\n\r\n", CodeConnection},
		{"Connection names a field that is absent", get + host + "Connection: cookie\r\n\r\n", CodeConnection},
		{"33 Connection options over two fields", get + host + "Connection: " + strings.Repeat("x,", 32) + "\r\nConnection: y\r\n\r\n", CodeConnection},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everySplit(t, tt.in, true, func(t *testing.T, pieces []string) {
				got, code := feedRequest(pieces, &DefaultLimits)
				if got != "" || code != tt.code {
					t.Errorf("%q\n got %q, %v\nwant %v", pieces, got, code, tt.code)
				}
			})
		})
	}
}

func TestRequestLimits(t *testing.T) {
	lim := Limits{HeadBytes: 200, TargetBytes: 20, Fields: 3}
	line := func(target int) string { return "GET /" + strings.Repeat("t", target-1) + " HTTP/1.1\r\n" }
	pad := func(total int) string {
		const start, end = "GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n"
		return start + strings.Repeat("x", total-len(start)-len(end)) + end
	}
	tests := []struct {
		name, in string
		answered bool
		code     Code
	}{
		{"head of exactly the limit", pad(200), true, CodeOK},
		{"head one byte over", pad(201), true, CodeHeadTooLarge},
		{"head without end", pad(300)[:250], true, CodeHeadTooLarge},
		{"head without end, of exactly the limit", pad(300)[:200], true, CodeHeadTooLarge},
		{"head without end, one byte below", pad(300)[:199], false, CodeOK},
		{"bare LF behind the limit", pad(220)[:216] + "\n", true, CodeHeadTooLarge},
		{"target of exactly the limit", line(20) + "Host: a\r\n\r\n", true, CodeOK},
		{"target one byte over", line(21) + "Host: a\r\n\r\n", true, CodeTargetTooLong},
		{"target without end", line(90)[:80], true, CodeTargetTooLong},
		{"target without end after an empty line", "\r\n" + line(90)[:80], true, CodeTargetTooLong},
		{"method without end", strings.Repeat("M", 80), true, CodeMethod},
		{"version without end", "GET / HTTP/1." + strings.Repeat("1", 80), true, CodeVersion},
		{"as many fields as allowed", line(1) + "Host: a\r\nA:\r\nB:\r\n\r\n", true, CodeOK},
		{"one field too many", line(1) + "Host: a\r\nA:\r\nB:\r\nC:\r\n\r\n", true, CodeTooManyFields},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everySplit(t, tt.in, tt.answered, func(t *testing.T, pieces []string) {
				got, code := feedRequest(pieces, &lim)
				if code != tt.code || (got != "") != (tt.answered && code == CodeOK) {
					t.Errorf("%d pieces: got %q, %v; want %v", len(pieces), got, code, tt.code)
				}
			})
		})
	}

	t.Run("HeadBytes beyond what a Span reaches", func(t *testing.T) {
		huge := Limits{HeadBytes: 1 << 20, TargetBytes: 1 << 20, Fields: 10}
		if _, code := feedRequest([]string{pad(MaxHeadBytes)}, &huge); code != CodeOK {
			t.Errorf("head of MaxHeadBytes: %v", code)
		}
		if _, code := feedRequest([]string{pad(MaxHeadBytes + 1)}, &huge); code != CodeHeadTooLarge {
			t.Errorf("head over MaxHeadBytes: %v", code)
		}
	})
}

// A sender of single bytes must not make weir read the whole head again for each.
// The test has bytes it was already given changed behind the parser's back: had it
// looked at them again, it would refuse them.
func TestScannedBytesAreNotReadAgain(t *testing.T) {
	buf := []byte("GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 100))
	var h RequestHead
	if n, code := ParseRequestHead(buf, 0, &DefaultLimits, &h); n != 0 || code != CodeOK {
		t.Fatalf("prefix: %d, %v", n, code)
	}
	changed := append([]byte(strings.Replace(string(buf), "xx", "x\n", 1)), 'x')
	if n, code := ParseRequestHead(changed, len(buf), &DefaultLimits, &h); n != 0 || code != CodeOK {
		t.Errorf("resumed: %d, %v; scanned bytes were read again", n, code)
	}
	if _, code := ParseRequestHead(changed, 0, &DefaultLimits, &h); code != CodeBareLF {
		t.Errorf("from the start: %v; this test proves nothing", code)
	}
}

func TestRequestHeadReset(t *testing.T) {
	var h RequestHead
	first := []byte("POST /long/path?q HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	second := []byte("OPTIONS * HTTP/1.0\r\n\r\n")
	for _, in := range [][]byte{first, second} {
		if n, code := ParseRequestHead(in, 0, &DefaultLimits, &h); n != len(in) || code != CodeOK {
			t.Fatalf("%q: %d, %v", in, n, code)
		}
	}
	var fresh RequestHead
	ParseRequestHead(second, 0, &DefaultLimits, &fresh)
	if got, want := dumpRequest(second, 0, &h), dumpRequest(second, 0, &fresh); got != want || h.Method != MethodOPTIONS {
		t.Errorf("a reused head is %q, a fresh one %q", got, want)
	}
}
