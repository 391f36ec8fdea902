package proxyproto

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAppendV1(t *testing.T) {
	for _, tt := range []struct{ source, destination, want string }{
		{"192.0.2.1:8080", "198.51.100.2:443", "TCP4 192.0.2.1 198.51.100.2 8080 443"},
		{"[::ffff:192.0.2.1]:8080", "198.51.100.2:443", "TCP4 192.0.2.1 198.51.100.2 8080 443"},
		{"[2001:db8::1]:0", "[2001:db8::2]:65535", "TCP6 2001:db8::1 2001:db8::2 0 65535"},
		{"192.0.2.1:1", "[2001:db8::2]:2", "TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2"},
		{"[2001:db8::2]:2", "[::ffff:192.0.2.1]:1", "TCP6 2001:db8::2 ::ffff:192.0.2.1 2 1"},
		{"[fe80::1%eth0]:1", "[fe80::2%eth0]:2", "TCP6 fe80::1 fe80::2 1 2"},
		{"", "198.51.100.2:443", "UNKNOWN"},
		{"198.51.100.2:443", "", "UNKNOWN"},
	} {
		source, _ := netip.ParseAddrPort(tt.source)
		destination, _ := netip.ParseAddrPort(tt.destination)
		if got, want := string(AppendV1([]byte("x"), source, destination)), "xPROXY "+tt.want+"\r\n"; got != want {
			t.Errorf("AppendV1(%s, %s) = %q, want %q", tt.source, tt.destination, got, want)
		}
	}
}

func TestAppendV2(t *testing.T) {
	tlvs := tlv(TypeAuthority, "a.example")
	for _, tt := range []struct{ source, destination, tlvs, want string }{
		{"192.0.2.1:8080", "198.51.100.2:443", "", proxied()},
		{"[::ffff:192.0.2.1]:8080", "198.51.100.2:443", tlvs, proxied(tlvs)},
		{"[2001:db8::1]:8080", "[2001:db8::2]:443", tlvs, block(1, familyTCP6, addresses6+tlvs)},
		{"192.0.2.1:8080", "[2001:db8::2]:443", "", block(1, familyTCP6, addressesBoth)},
		{"", "198.51.100.2:443", tlvs, block(1, familyUnspec, tlvs)},
		{"192.0.2.1:8080", "198.51.100.2:443", tlvs + "\x02\x00\x05a", proxied(tlvs)},
	} {
		source, _ := netip.ParseAddrPort(tt.source)
		destination, _ := netip.ParseAddrPort(tt.destination)
		if got, want := string(AppendV2([]byte("x"), source, destination, []byte(tt.tlvs))), "x"+tt.want; got != want {
			t.Errorf("AppendV2(%s, %s, %q) = %q, want %q", tt.source, tt.destination, tt.tlvs, got, want)
		}
	}
	if got, want := string(AppendV2Local(nil)), block(0, familyUnspec, ""); got != want {
		t.Errorf("AppendV2Local = %q, want %q", got, want)
	}
}

// TLVs that do not fit are left out, the first of them and all after it.
func TestAppendV2StaysUnderItsLimit(t *testing.T) {
	source, destination := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:2")
	room := MaxV2Bytes - headerBytes - addressBytes4
	small := AppendTLV(nil, TypeALPN, "h2")
	for _, tt := range []struct{ padding, want int }{
		{room - len(small) - tlvHeaderBytes, MaxV2Bytes},
		{room - len(small) - tlvHeaderBytes + 1, MaxV2Bytes - len(small) + 1},
		{room - tlvHeaderBytes, MaxV2Bytes},
		{room - tlvHeaderBytes + 1, MaxV2Bytes - room},
		{MaxV2Bytes + 1, MaxV2Bytes - room + len(small)}, // AppendTLV leaves it out
	} {
		tlvs := append(AppendTLV(nil, TypeNoop, strings.Repeat("p", tt.padding)), small...)
		got := AppendV2(nil, source, destination, tlvs)
		var h Header
		if n, code := Parse(got, &h); len(got) != tt.want || n != len(got) {
			t.Errorf("padding of %d: %d bytes, want %d; parsed %d, %v", tt.padding, len(got), tt.want, n, code)
		}
	}
}

func TestAppendSSL(t *testing.T) {
	long := strings.Repeat("n", maxTextBytes)
	for _, tt := range []struct {
		tls  TLS
		want string
	}{
		{TLS{Client: ClientSSL, Version: "TLSv1.3"}, "\x01\x00\x00\x00\x01" + tlv(SubtypeVersion, "TLSv1.3")},
		{TLS{Client: 7, Verified: true, Version: "TLSv1.2", Cipher: "c", CommonName: "n"},
			"\x07\x00\x00\x00\x00" + tlv(SubtypeVersion, "TLSv1.2") + tlv(SubtypeCipher, "c") + tlv(SubtypeCN, "n")},
		{TLS{CommonName: long}, "\x00\x00\x00\x00\x01" + tlv(SubtypeCN, long)},
		{TLS{CommonName: long + "n"}, "\x00\x00\x00\x00\x01"},
	} {
		got := string(AppendSSL([]byte("x"), &tt.tls))
		if want := "x" + tlv(TypeSSL, tt.want); got != want {
			t.Errorf("AppendSSL(%+v) = %q, want %q", tt.tls, got, want)
		}
		var s SSL
		if !ParseSSL([]byte(got[1+tlvHeaderBytes:]), &s) || s.Client != tt.tls.Client || (s.Verify == 0) != tt.tls.Verified {
			t.Errorf("parsed %+v", s)
		}
		for kind, text := range map[Type]string{SubtypeVersion: tt.tls.Version, SubtypeCipher: tt.tls.Cipher} {
			if v, ok := Find(s.TLVs, kind); string(v) != text || ok != (text != "") {
				t.Errorf("subtype %#x = %q, %v", kind, v, ok)
			}
		}
	}
}
