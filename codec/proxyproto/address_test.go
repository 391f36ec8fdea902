package proxyproto

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// checkAddress demands what netip.ParseAddr says of s, without zones.
func checkAddress(t *testing.T, s string) (valid bool) {
	t.Helper()
	want, err := netip.ParseAddr(s)
	is4 := err == nil && want.Is4()
	is6 := err == nil && want.Is6() && want.Zone() == ""
	if got, ok := parseIPv4([]byte(s)); ok != is4 || ok && got != want {
		t.Errorf("parseIPv4(%q) = %v, %v; netip has %v, %v", s, got, ok, want, err)
	}
	if got, ok := parseIPv6([]byte(s)); ok != is6 || ok && got != want.Unmap() {
		t.Errorf("parseIPv6(%q) = %v, %v; netip has %v, %v", s, got, ok, want, err)
	}
	return is4 || is6
}

func TestAddresses(t *testing.T) {
	seeds := []string{
		"", ".", ":", "::", ":::", "0", "1.2.3", "1.2.3.4", "1.2.3.4.", ".1.2.3.4", "1.2.3.4.5", "1..3.4", "01.2.3.4", "1.2.3.00", "0.0.0.0",
		"256.1.1.1", "255.255.255.255", "1.2.3.4x", "+1.2.3.4", "1234.1.1.1", "99999999999999999999.1.1.1", " 1.2.3.4",
		"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:", ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::8", "1::4::8", "1:::8", "::1", "1::", "1:", ":1", "12345::", "0001::", "00001::", "g::", "ABCD:ef01::",
		"::1.2.3.4", "::ffff:1.2.3.4", "::FFFF:102:304", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7::1.2.3.4", "1:2:3:4:5::1.2.3.4",
		"1:2:3:4:5:1.2.3.4", "::1.2.3", "::1.2.3.4:5", "::1.2.3.04", "1.2.3.4::", "fe80::1%eth0", "::%", "[::1]",
	}
	r := rand.New(rand.NewPCG(3, 4))
	const alphabet = "0123456789abcdefABCDEF::::....%xg "
	valid, rounds := 0, 200_000
	for i := range rounds {
		s := []byte(seeds[i%len(seeds)])
		for range min(i/len(seeds), r.IntN(3)) { // the first time as they are
			at := r.IntN(len(s) + 1)
			c := alphabet[r.IntN(len(alphabet))]
			switch {
			case r.IntN(2) == 0 || at == len(s):
				s = append(s[:at], append([]byte{c}, s[at:]...)...)
			case r.IntN(2) == 0:
				s[at] = c
			default:
				s = append(s[:at], s[at+1:]...)
			}
		}
		if checkAddress(t, string(s)) {
			valid++
		}
		if t.Failed() {
			return
		}
	}
	if valid < rounds/10 {
		t.Errorf("only %d of %d were addresses", valid, rounds)
	}
}
