package http1

import (
	"net/netip"
	"strings"
	"testing"
)

func TestValidAuthority(t *testing.T) {
	valid := []string{
		"a", "example.com", "example.com.", "EXAMPLE.com:80", "a_b-c.d~e", "127.0.0.1", "127.0.0.1:65535", "a:0",
		"[::]", "[::1]:443", "[2001:db8:0:0:0:0:0:1]", "[1::]", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]",
		strings.Repeat("a", 254),
	}
	for _, s := range valid {
		if !validAuthority([]byte(s), false) {
			t.Errorf("%q is refused", s)
		}
		if hasPort := strings.LastIndexByte(s, ':') > strings.LastIndexByte(s, ']') && s[len(s)-1] != ']'; validAuthority([]byte(s), true) != hasPort {
			t.Errorf("%q with a port required: %v", s, !hasPort)
		}
	}
	invalid := []string{
		"", ":80", "a:", "a:65536", "a:000080", "a:-1", "a:+1", "a:8 0", "a:80:80", "a b", "a,b", "a/b", "a@b", "u:p@b",
		"a%41", "a?b", "a#b", "a\\b", "ä", ".", ".a", "a..b", "a\x00", "a\t", "::1", "a[::1]", "[::1]a", "[::1]80", "[::1]x80", "[::1]:", "[::1",
		"[]", "[:]", "[:::]", "[1:2]", "[1::2::3]", "[::1%25eth0]", "[12345::]", "[g::]", "[::1.2.3]", "[::1.2.3.256]",
		"[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:1.2.3.4]", "[v1.a]", strings.Repeat("a", 255),
	}
	for _, s := range invalid {
		if validAuthority([]byte(s), false) {
			t.Errorf("%q is accepted", s)
		}
	}
}

// FuzzIPv6: the same addresses as net/netip, zones aside.
func FuzzIPv6(f *testing.F) {
	for _, s := range []string{"::", "1::", "::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "::1.2.3.4", "1::01.2.3.4", "1:::2", "1:", ":1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		addr, err := netip.ParseAddr(s)
		want := err == nil && addr.Is6() && addr.Zone() == ""
		if got := validIPv6([]byte(s)); got != want {
			t.Errorf("validIPv6(%q) = %v, netip says %v", s, got, want)
		}
	})
}
