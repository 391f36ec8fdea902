package sniff

import (
	"regexp"
	"strings"
	"testing"
)

// cases say at which byte a stream is decided, and how. "|" stands before that byte.
var cases = []struct {
	name, in string
	want     Verdict
}{
	{"TLS 1.3", "\x16|\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", TLS},
	{"TLS of any minor version", "\x16|\x03\xff", TLS},
	{"handshake of version 2", "\x16|\x02\x00", Opaque},
	{"handshake of HTTP", "\x16|GET / HTTP/1.1", Opaque},
	{"alert", "|\x15\x03\x01\x00\x02", Opaque},
	{"SSL 2", "|\x80\x2e\x01\x03\x01", Opaque},

	{"GET", "GET |/ HTTP/1.1\r\n", HTTP},
	{"unknown method", "x-any.method~1 |/x", HTTP},
	{"method, the longest", "UPDATEREDIRECTREF |/x", HTTP},
	{"lower case", "get |/", HTTP},
	{"absolute form", "GET http:/|/a/ HTTP/1.1", HTTP},
	{"absolute form, secure, method and scheme the longest", "UPDATEREDIRECTREF hTTPS:/|/", HTTP},
	{"asterisk", "OPTIONS |* HTTP/1.1", HTTP},
	{"HTTP/2", "PRI |* HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP},
	{"CONNECT", "CONNECT |a.example:443 HTTP/1.1", HTTP},
	{"CONNECT to IPv6", "CONNECT |[::1]:443", HTTP},
	{"CONNECT to a name like a scheme", "CONNECT |http.example:443", HTTP},
	{"CONNECT with a path", "CONNECT |/x", HTTP},
	{"unfinished method", "GET", NeedMore},
	{"unfinished scheme", "GET https:", NeedMore},
	{"nothing", "", NeedMore},

	{"method too long", "UPDATEREDIRECTREF|S / HTTP/1.1", Opaque},
	{"no method", "| / HTTP/1.1", Opaque},
	{"empty line first", "|\r\nGET / HTTP/1.1", Opaque},
	{"two spaces", "GET | / HTTP/1.1", Opaque},
	{"tab", "GET|\t/ HTTP/1.1", Opaque},
	{"HTTP/0.9 without a slash", "GET |x", Opaque},
	{"another scheme", "GET |ftp://a/", Opaque},
	{"almost a scheme", "SET h|ello 1", Opaque},
	{"scheme with one slash", "GET http:/|x", Opaque},
	{"asterisk of another method", "KEYS |*", Opaque},
	{"CONNECT of NATS", "CONNECT |{\"verbose\":false}", Opaque},
	{"a response", "HTTP|/1.1 200 OK", Opaque},

	{"SSH", "SSH-2.0-OpenSSH_9|.6p1\r\n", Opaque},
	{"SSH, short", "SSH-2.0-Go|\r\n", Opaque},
	{"SMTP", "EHLO |mail.example", Opaque},
	{"SMTP of a host that begins with h", "EHLO h|ost.example", Opaque},
	{"PROXY line", "PROXY |TCP4 192.0.2.1 198.51.100.2 1 2\r\n", Opaque},
	{"PROXY block", "|\r\n\r\n\x00\r\nQUIT\n", Opaque},
	{"Redis", "*1|\r\n$4\r\nPING\r\n", Opaque},
	{"PostgreSQL", "|\x00\x00\x00\x08\x04\xd2\x16\x2f", Opaque},
	{"MQTT", "|\x10\x0c\x00\x04MQTT", Opaque},
	{"not ASCII", "G|\xc3\x89T /", Opaque},
}

// Every prefix is NeedMore up to the byte that decides, and then as decided.
func TestSniff(t *testing.T) {
	for _, tt := range cases {
		before, after, _ := strings.Cut(tt.in, "|")
		in := before + after
		decided := len(before) + 1
		if tt.want == NeedMore {
			decided = len(in) + 1
		}
		for i := range len(in) + 1 {
			want := NeedMore
			if i >= decided {
				want = tt.want
			}
			prefix := []byte(in[:i])
			if got := Sniff(prefix[:i:i]); got != want {
				t.Errorf("%s: Sniff(%q) = %v, want %v", tt.name, prefix, got, want)
				break
			}
			if got := LooksLikeHTTP(prefix); got != (want == HTTP) {
				t.Errorf("%s: LooksLikeHTTP(%q) = %v", tt.name, prefix, got)
			}
		}
	}
}

// MaxBytes is enough for all, and needed for one.
func TestMaxBytes(t *testing.T) {
	longest := "UPDATEREDIRECTREF https://"
	if len(longest) != MaxBytes || Sniff([]byte(longest[:MaxBytes-1])) != NeedMore {
		t.Errorf("%d bytes, MaxBytes is %d", len(longest), MaxBytes)
	}
}

func TestString(t *testing.T) {
	for v, want := range map[Verdict]string{NeedMore: "need more", TLS: "tls", HTTP: "http", Opaque: "opaque", 9: "unknown"} {
		if got := v.String(); got != want {
			t.Errorf("%d: %q", v, got)
		}
	}
}

func TestSniffDoesNotAllocate(t *testing.T) {
	for _, tt := range cases {
		in := []byte(strings.Replace(tt.in, "|", "", 1))
		if n := testing.AllocsPerRun(10, func() { Sniff(in) }); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}

// request is what is HTTP, written another way.
var request = regexp.MustCompile("^(?:[-!#$%&'*+.^_`|~0-9A-Za-z]{1,17} (?:/|[hH][tT][tT][pP][sS]?://)|(?:OPTIONS|PRI) \\*|CONNECT [0-9A-Za-z\\[])")

// FuzzSniff: a verdict is final, MaxBytes lead to one, and HTTP is what request says.
func FuzzSniff(f *testing.F) {
	for _, tt := range cases {
		f.Add([]byte(strings.Replace(tt.in, "|", "", 1)))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		before := NeedMore
		for i := range min(len(in), 2*MaxBytes) + 1 {
			got := Sniff(in[:i:i])
			if before != NeedMore && got != before || i >= MaxBytes && got == NeedMore {
				t.Fatalf("%v became %v at byte %d of %q", before, got, i, in)
			}
			before = got
		}
		if want := request.Match(in); LooksLikeHTTP(in) != want {
			t.Fatalf("%v of %q", Sniff(in), in)
		}
	})
}

func BenchmarkSniff(b *testing.B) {
	in := []byte("UPDATEREDIRECTREF https://a.example/ HTTP/1.1\r\n")
	b.ReportAllocs()
	for b.Loop() {
		Sniff(in)
	}
}
