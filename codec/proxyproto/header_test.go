package proxyproto

import (
	"strings"
	"testing"
)

// headerCase is a header and what it says.
type headerCase struct {
	name, in, want string
	code           Code
}

var v1Cases = []headerCase{
	{"TCP4", "PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r\n", "v1 192.0.2.1:8080 198.51.100.2:443", 0},
	{"TCP4, the longest", "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "v1 255.255.255.255:65535 255.255.255.255:65535", 0},
	{"TCP4, the shortest", "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "v1 0.0.0.0:0 0.0.0.0:0", 0},
	{"TCP6", "PROXY TCP6 2001:db8::1 2001:DB8:0:0::2 8080 443\r\n", "v1 [2001:db8::1]:8080 [2001:db8::2]:443", 0},
	{"TCP6, the longest", "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "v1 [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", 0},
	{"TCP6 of mapped addresses", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 1 2\r\n", "v1 192.0.2.1:1 198.51.100.2:2", 0},
	{"UNKNOWN", "PROXY UNKNOWN\r\n", "v1 - -", 0},
	{"UNKNOWN and anything", "PROXY UNKNOWN \x00 what? ever\r\n", "v1 - -", 0},
	{"UNKNOWN, the longest", "PROXY UNKNOWN " + strings.Repeat("f", 107-16) + "\r\n", "v1 - -", 0},
	{"unfinished", "PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r", "", 0},
	{"nothing", "P", "", 0},

	{"HTTP", "GET / HTTP/1.1\r\n", "", CodeSignature},
	{"HTTP that begins like it", "PROPFIND / HTTP/1.1\r\n", "", CodeSignature},
	{"lower case", "proxy TCP4 192.0.2.1 198.51.100.2 8080 443\r\n", "", CodeSignature},
	{"tab", "PROXY\tTCP4 192.0.2.1 198.51.100.2 8080 443\r\n", "", CodeSignature},
	{"LF alone", "PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\n", "", CodeLineEnd},
	{"CR alone", "PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\rG", "", CodeLineEnd},
	{"CR in the middle", "PROXY UNKNOWN a\rb\r\n", "", CodeLineEnd},
	{"CR CR LF", "PROXY UNKNOWN\r\r\n", "", CodeLineEnd},
	{"too long by one", "PROXY UNKNOWN " + strings.Repeat("f", 107-15) + "\r\n", "", CodeLineTooLong},
	{"too long by two", "PROXY UNKNOWN " + strings.Repeat("f", 107-14) + "\r\n", "", CodeLineTooLong},
	{"CR as the last byte", "PROXY UNKNOWN " + strings.Repeat("f", 107-15) + "\rx", "", CodeLineTooLong},
	{"no end", "PROXY UNKNOWN " + strings.Repeat("f", 107-14), "", CodeLineTooLong},
	{"no protocol", "PROXY \r\n", "", CodeLine},
	{"TCP5", "PROXY TCP5 192.0.2.1 198.51.100.2 8080 443\r\n", "", CodeLine},
	{"UDP4", "PROXY UDP4 192.0.2.1 198.51.100.2 8080 443\r\n", "", CodeLine},
	{"UNKNOWN and more of it", "PROXY UNKNOWNS\r\n", "", CodeLine},
	{"two spaces", "PROXY TCP4  192.0.2.1 198.51.100.2 8080 443\r\n", "", CodeLine},
	{"space before the protocol", "PROXY  TCP4 192.0.2.1 198.51.100.2 8080 443\r\n", "", CodeLine},
	{"space at the end", "PROXY TCP4 192.0.2.1 198.51.100.2 8080 443 \r\n", "", CodeLine},
	{"no port", "PROXY TCP4 192.0.2.1 198.51.100.2 8080\r\n", "", CodeLine},
	{"no address", "PROXY TCP4\r\n", "", CodeLine},
	{"a fifth word", "PROXY TCP4 192.0.2.1 198.51.100.2 8080 443 1\r\n", "", CodeLine},
	{"IPv6 as TCP4", "PROXY TCP4 2001:db8::1 2001:db8::2 8080 443\r\n", "", CodeAddress},
	{"mapped as TCP4", "PROXY TCP4 ::ffff:192.0.2.1 ::ffff:192.0.2.1 8080 443\r\n", "", CodeAddress},
	{"IPv4 as TCP6", "PROXY TCP6 192.0.2.1 198.51.100.2 8080 443\r\n", "", CodeAddress},
	{"source alone malformed", "PROXY TCP4 192.0.2 198.51.100.2 8080 443\r\n", "", CodeAddress},
	{"destination alone malformed", "PROXY TCP4 192.0.2.1 198.51.100.2.1 8080 443\r\n", "", CodeAddress},
	{"address with a port", "PROXY TCP4 192.0.2.1:80 198.51.100.2 8080 443\r\n", "", CodeAddress},
	{"zone", "PROXY TCP6 fe80::1%eth0 fe80::2 8080 443\r\n", "", CodeAddress},
	{"brackets", "PROXY TCP6 [2001:db8::1] [2001:db8::2] 8080 443\r\n", "", CodeAddress},
	{"port with a zero in front", "PROXY TCP4 192.0.2.1 198.51.100.2 08080 443\r\n", "", CodePort},
	{"port over 65535", "PROXY TCP4 192.0.2.1 198.51.100.2 8080 65536\r\n", "", CodePort},
	{"port with a sign", "PROXY TCP4 192.0.2.1 198.51.100.2 +80 443\r\n", "", CodePort},
	{"empty port", "PROXY TCP4 192.0.2.1 198.51.100.2  443\r\n", "", CodePort},
	{"last port empty", "PROXY TCP4 192.0.2.1 198.51.100.2 443 \r\n", "", CodePort},
	{"port in hexadecimal", "PROXY TCP4 192.0.2.1 198.51.100.2 0x50 443\r\n", "", CodePort},
}

var v2Cases = []headerCase{
	{"TCP4", proxied(), said4, 0},
	{"TCP6", block(1, familyTCP6, addresses6), said6, 0},
	{"TCP6 of one mapped address", block(1, familyTCP6, addressesBoth), "v2 192.0.2.1:8080 [2001:db8::2]:443", 0},
	{"Unix", block(1, familyUnix, strings.Repeat("/", 216)), saidNone, 0},
	{"Unix with TLV", block(1, familyUnix, strings.Repeat("/", 216)+tlv(0x02, "a")), saidNone + " 0x2=a", 0},
	{"UNSPEC", block(1, familyUnspec, ""), saidNone, 0},
	{"UNSPEC with TLV", block(1, familyUnspec, tlv(0xee, "x")), saidNone + " 0xee=x", 0},
	{"LOCAL", block(0, familyUnspec, ""), "v2 local", 0},
	{"LOCAL with addresses", block(0, familyTCP4, addresses4), "v2 local", 0},
	{"LOCAL without the addresses of its family", block(0, familyTCP4, ""), "v2 local", 0},
	{"LOCAL, all of it ignored", block(0, 0xff, "junk"), "v2 local", 0},
	{"TLVs", proxied(tlv(TypeAuthority, "a.example"), tlv(TypeALPN, "h2"), tlv(0xe0, "")), said4 + " 0x2=a.example 0x1=h2 0xe0=", 0},
	{"the most bytes", proxied(tlv(TypeNoop, strings.Repeat("n", MaxV2Bytes-16-12-3))), said4 + " 0x4=" + strings.Repeat("n", MaxV2Bytes-16-12-3), 0},
	{"padding twice", proxied(tlv(TypeNoop, ""), tlv(TypeNoop, "")), said4 + " 0x4= 0x4=", 0},
	{"custom type twice", proxied(tlv(0xe0, "a"), tlv(0xe0, "b")), said4 + " 0xe0=a 0xe0=b", 0},
	{"unique id", proxied(tlv(TypeUniqueID, strings.Repeat("i", 128))), said4 + " 0x5=" + strings.Repeat("i", 128), 0},
	{"unfinished", proxied(tlv(TypeALPN, "h2"))[:20], "", 0},

	{"signature broken", "\r\n\r\n\x00\r\nQUIX", "", CodeSignature},
	{"empty lines before HTTP", "\r\n\r\nGET", "", CodeSignature},
	{"version 1", signatureV2 + "\x11", "", CodeVersion},
	{"version 3", signatureV2 + "\x31\x11\x00\x0c" + addresses4, "", CodeVersion},
	{"command 2", signatureV2 + "\x22", "", CodeCommand},
	{"family 4", block(1, 0x41, addresses4), "", CodeFamily},
	{"protocol 3", block(1, 0x13, addresses4), "", CodeFamily},
	{"IPv4 of no protocol", block(1, 0x10, addresses4), "", CodeFamily},
	{"no family with a protocol", block(1, 0x01, ""), "", CodeFamily},
	{"UDP4", block(1, familyUDP4, addresses4), "", CodeDatagram},
	{"UDP6", block(1, familyUDP6, addresses6), "", CodeDatagram},
	{"Unix datagram", block(1, familyUnixgm, strings.Repeat("/", 216)), "", CodeDatagram},
	{"TCP4 short by one", block(1, familyTCP4, addresses4[1:]), "", CodeLength},
	{"TCP6 with the addresses of TCP4", block(1, familyTCP6, addresses4), "", CodeLength},
	{"Unix short by one", block(1, familyUnix, strings.Repeat("/", 215)), "", CodeLength},
	{"too large by one", proxied(tlv(TypeNoop, strings.Repeat("n", MaxV2Bytes-16-12-3+1))), "", CodeTooLarge},
	{"LOCAL too large", signatureV2 + "\x20\x00\xff\xff", "", CodeTooLarge},
	{"TLV without a length", proxied("\x02\x00"), "", CodeTLV},
	{"TLV longer than the header", proxied("\x02\x00\x05abcd"), "", CodeTLV},
	{"byte after the TLVs", proxied(tlv(TypeALPN, "h2"), "x"), "", CodeTLV},
	{"unique id of 129 bytes", proxied(tlv(TypeUniqueID, strings.Repeat("i", 129))), "", CodeTLV},
	{"checksum of 3 bytes", proxied(tlv(TypeCRC32C, "abc")), "", CodeTLV},
	{"SSL of 4 bytes", proxied(tlv(TypeSSL, "\x01\x00\x00\x00")), "", CodeTLV},
	{"TLV inside of SSL too long", proxied(tlv(TypeSSL, "\x01\x00\x00\x00\x00\x21\x00\x09TLSv1.3")), "", CodeTLV},
	{"byte after the TLVs of SSL", proxied(tlv(TypeSSL, "\x01\x00\x00\x00\x00\x21\x00\x01a\x00")), "", CodeTLV},
	{"authority twice", proxied(tlv(TypeAuthority, "a"), tlv(TypeAuthority, "b")), "", CodeDuplicateTLV},
	{"ALPN twice", proxied(tlv(TypeALPN, "a"), tlv(TypeNoop, ""), tlv(TypeALPN, "a")), "", CodeDuplicateTLV},
	{"checksum wrong", withChecksum("", "", 1), "", CodeChecksum},
	{"checksum wrong between others", withChecksum(tlv(TypeNoop, "a"), tlv(TypeNoop, "b"), 1<<31), "", CodeChecksum},
}

func TestParse(t *testing.T) {
	for _, tt := range v1Cases {
		everySplit(t, "v1 "+tt.name, tt.in, tt.want, tt.code)
	}
	for _, tt := range v2Cases {
		everySplit(t, "v2 "+tt.name, tt.in, tt.want, tt.code)
	}
	for _, around := range [][2]string{{"", ""}, {tlv(TypeALPN, "h2"), ""}, {"", tlv(TypeNoop, "abc")}} {
		in := withChecksum(around[0], around[1], 0)
		if n, _, code := feed([]string{in}); n != len(in) {
			t.Errorf("right checksum: %d, %v", n, code)
		}
		everySplit(t, "checksum twice", withChecksum(around[0], tlv(TypeCRC32C, "abcd"), 0), "", CodeDuplicateTLV)
	}
}

// One bit of a header with a checksum, changed, is never accepted with the checksum.
func TestChecksumSeesEveryBit(t *testing.T) {
	good := withChecksum(tlv(TypeAuthority, "a.example"), tlv(TypeNoop, ""), 0)
	for i := range len(good) * 8 {
		bad := []byte(good)
		bad[i/8] ^= 1 << (i % 8)
		var h Header
		if n, code := Parse(bad, &h); n > 0 && !h.Local {
			if _, checked := Find(h.TLVs, TypeCRC32C); checked {
				t.Errorf("bit %d changed: %d, %v", i, n, code)
			}
		}
	}
}

// A Header that is used again keeps nothing of the one before.
func TestHeaderIsReused(t *testing.T) {
	var h Header
	full := proxied(tlv(TypeALPN, "h2"))
	for _, in := range []string{full, "PROXY UNKNOWN\r\n", full, block(0, familyUnspec, ""), full, block(1, familyUnspec, "")} {
		_, want, _ := feed([]string{in})
		if Parse([]byte(in), &h); dumpHeader(&h) != want {
			t.Errorf("%q, want %q", dumpHeader(&h), want)
		}
	}
}

func TestPrefix(t *testing.T) {
	for _, signature := range []string{signatureV1, signatureV2} {
		for i := range len(signature) {
			if got := Prefix([]byte(signature[:i])); got != Maybe {
				t.Errorf("Prefix(%q) = %d", signature[:i], got)
			}
			bad := signature[:i] + "!" + signature[i+1:]
			for _, b := range []string{bad, bad[:i+1]} {
				if got := Prefix([]byte(b)); got != No {
					t.Errorf("Prefix(%q) = %d", b, got)
				}
			}
		}
		for _, s := range []string{signature, signature + "x"} {
			if got := Prefix([]byte(s)); got != Yes {
				t.Errorf("Prefix(%q) = %d", s, got)
			}
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
