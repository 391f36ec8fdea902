package tlshello

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// everySplit feeds s whole, byte by byte, cut in two at every offset, and with
// something glued on, and demands one answer.
func everySplit(t *testing.T, name, s, want string, code Code) {
	t.Helper()
	cuts := [][]string{{s}}
	if len(s) < 10_000 {
		cuts = append(cuts, strings.Split(s, ""))
		for i := 1; i < len(s); i++ {
			cuts = append(cuts, []string{s[:i], s[i:]})
		}
	}
	if want != "" || code != CodeOK {
		cuts = append(cuts, []string{s + "\x17\x03\x03\x00\x01e"}, []string{s + s})
	}
	for _, pieces := range cuts {
		n, got, c := feed(pieces)
		if got != want || c != code || want != "" && n != len(s) {
			t.Errorf("%s in %d pieces, the first of %d bytes: %q, %v, %d bytes; want %q, %v, %d bytes",
				name, len(pieces), len(pieces[0]), got, c, n, want, code, len(s))
			return
		}
	}
}

// feed gives pieces to Parse as a session does, each time in an array that ends where
// the bytes do: reading one too far panics. dump is what was found, "" if nothing.
func feed(pieces []string) (n int, dump string, code Code) {
	var h Hello
	var buf []byte
	for _, piece := range pieces {
		buf = slices.Clip(append(slices.Clip(buf), piece...))
		n, code := Parse(buf, &h)
		if n > 0 && code == CodeOK {
			return n, dumpHello(&h), CodeOK
		}
		if d := dumpHello(&h); d != " 0x0" {
			return n, "not cleared: " + d, code
		}
		if code != CodeOK || n != 0 {
			return n, "", code
		}
	}
	return 0, "", CodeOK
}

// dumpHello writes h as "name version protocol ...".
func dumpHello(h *Hello) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %#x", h.ServerName, h.Version)
	for p := range h.Protocols() {
		fmt.Fprintf(&b, " %s", p)
	}
	return b.String()
}

// helloCases are what hellos may hold, and what comes of it.
var helloCases = []struct {
	name, in, want string
	code           Code
}{
	{"name", hello(sni("a.example")), "a.example 0x303", 0},
	{"upper case", hello(sni("WWW.Example-1_x.COM")), "www.example-1_x.com 0x303", 0},
	{"browser", likeChrome, "shop.example.com 0x304 h2 http/1.1", 0},
	{"no extension", hello(), " 0x303", 0},
	{"no list of extensions", records(message(start), 100), " 0x303", 0},
	{"legacy version above 1.2", records(message("\x03\x04"+start[2:]), 100), " 0x303", 0},
	{"legacy version 4.0", records(message("\x04\x00"+start[2:]), 100), " 0x303", 0},
	{"legacy version 1.0", records(message("\x03\x01"+start[2:]), 100), " 0x301", 0},
	{"legacy version of SSL 2", records(message("\x00\x02"+start[2:]), 100), " 0x0", 0},
	{"only unknown versions", hello(versions(0x7a7a, 0x7f1c)), " 0x0", 0},
	{"IPv4 address", hello(sni("192.0.2.1")), "192.0.2.1 0x303", 0},
	{"name of 255 bytes", hello(sni(strings.Repeat("a", 255))), strings.Repeat("a", 255) + " 0x303", 0},
	{"name of another type", hello(extension(0, vector16("\x01"+vector16("x")))), " 0x303", 0},
	{"name after one of another type", hello(extension(0, vector16("\x01"+vector16("x")+"\x00"+vector16("b")))), "b 0x303", 0},
	{"protocol with any bytes", hello(alpn("\x00 \xff")), " 0x303 \x00 \xff", 0},
	{"malformed encrypted hello", hello(sni("a"), extension(0xfe0d, "\x07"), alpn("h2")), "a 0x303 h2", 0},
	{"malformed key shares", hello(extension(51, "\xff\xff"), sni("a")), "a 0x303", 0},
	{"extensions, the most", hello(many(MaxExtensions)...), " 0x303", 0},

	{"empty name", hello(sni("")), "", CodeServerName},
	{"final dot", hello(sni("a.example.")), "", CodeServerName},
	{"dot", hello(sni(".")), "", CodeServerName},
	{"first label empty", hello(sni(".example")), "", CodeServerName},
	{"label empty", hello(sni("a..example")), "", CodeServerName},
	{"NUL", hello(sni("a.example\x00.evil")), "", CodeServerName},
	{"wildcard", hello(sni("*.example")), "", CodeServerName},
	{"line break", hello(sni("a\r\nb")), "", CodeServerName},
	{"not ASCII", hello(sni("b\u00fccher.example")), "", CodeServerName},
	{"IPv6 address", hello(sni("2001:db8::1")), "", CodeServerName},
	{"name of 256 bytes", hello(sni(strings.Repeat("a", 256))), "", CodeServerName},
	{"two names", hello(extension(0, vector16("\x00"+vector16("a")+"\x00"+vector16("b")))), "", CodeServerName},
	{"no name in the list", hello(extension(0, vector16(""))), "", CodeServerName},
	{"empty server_name, which only servers send", hello(extension(0, "")), "", CodeServerName},
	{"bytes after the names", hello(extension(0, vector16("\x00"+vector16("a"))+"x")), "", CodeServerName},
	{"name longer than its list", hello(extension(0, vector16("\x00\x00\x05a"))), "", CodeServerName},
	{"list of names longer than its extension", hello(extension(0, "\x00\x09\x00"+vector16("a"))), "", CodeServerName},
	{"half an entry", hello(extension(0, vector16("\x00"+vector16("a")+"\x00\x00"))), "", CodeServerName},
	{"no protocol", hello(alpn()), "", CodeALPN},
	{"empty protocol", hello(alpn("h2", "")), "", CodeALPN},
	{"protocol longer than its list", hello(extension(16, vector16("\x05h2"))), "", CodeALPN},
	{"bytes after the protocols", hello(extension(16, vector16("\x02h2")+"x")), "", CodeALPN},
	{"no version", hello(versions()), "", CodeVersions},
	{"half a version", hello(extension(43, vector8("\x03\x04\x03"))), "", CodeVersions},
	{"bytes after the versions", hello(extension(43, vector8("\x03\x04")+"x")), "", CodeVersions},
	{"server_name twice", hello(sni("a"), sni("a")), "", CodeDuplicateExtension},
	{"unknown extension twice", hello(extension(0x7a7a, ""), sni("a"), extension(0x7a7a, "")), "", CodeDuplicateExtension},
	{"too many extensions", hello(many(MaxExtensions + 1)...), "", CodeTooManyExtensions},
	{"extension longer than the list", hello("\x00\x05\x00\x09x"), "", CodeLength},
	{"half an extension header", hello("\x00\x05\x00"), "", CodeLength},
	{"list of extensions too short", records(message(start+"\x00\x01"+sni("a")), 100), "", CodeLength},
	{"list of extensions too long", records(message(start+"\xff\xff"+sni("a")), 100), "", CodeLength},
	{"message ends in the random", records(message(start[:20]), 100), "", CodeLength},
	{"empty message", records(message(""), 100), "", CodeLength},
	{"session id of 33 bytes", records(message(start[:34]+vector8(strings.Repeat("s", 33))+"\x00\x02\x13\x01\x01\x00"), 200), "", CodeSessionID},
	{"no suite", records(message(start[:34]+"\x00\x00\x00\x01\x00"), 100), "", CodeCipherSuites},
	{"half a suite", records(message(start[:34]+"\x00\x00\x03abc\x01\x00"), 100), "", CodeCipherSuites},
	{"no compression", records(message(start[:34]+"\x00\x00\x02\x13\x01\x00"), 100), "", CodeCompression},
}

func many(n int) (list []string) {
	for i := range n {
		list = append(list, extension(1000+i, ""))
	}
	return list
}

func TestParse(t *testing.T) {
	for _, tt := range helloCases {
		everySplit(t, tt.name, tt.in, tt.want, tt.code)
		everySplit(t, tt.name+", in records of 7", records(payloads(tt.in), 7), tt.want, tt.code)
	}
}

func TestOffersALPN(t *testing.T) {
	var h Hello
	Parse([]byte(likeChrome), &h)
	for protocol, want := range map[string]bool{"h2": true, "http/1.1": true, "h": false, "h22": false, "": false, "http/1.0": false} {
		if got := h.OffersALPN(protocol); got != want {
			t.Errorf("OffersALPN(%q) = %v", protocol, got)
		}
	}
	for p := range h.Protocols() {
		if string(p) != "h2" {
			t.Errorf("first protocol %q", p)
		}
		break
	}
}

// A Hello that is used again keeps nothing of the one before.
func TestHelloIsReused(t *testing.T) {
	var h Hello
	for _, in := range []string{likeChrome, records(payloads(likeChrome), 5), hello(sni("b")), hello(), likeChrome[:50], hello(sni("bad."))} {
		_, want, _ := feed([]string{in})
		Parse([]byte(in), &h)
		if want == "" {
			want = " 0x0"
		}
		if got := dumpHello(&h); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCodeText(t *testing.T) {
	seen := map[string]bool{}
	for c := range numCodes + 1 {
		if text := c.String(); text == "" || seen[text] {
			t.Errorf("code %d has the text %q", c, text)
		}
		seen[c.String()] = true
	}
}
