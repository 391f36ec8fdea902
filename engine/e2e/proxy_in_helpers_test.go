package e2e

import (
	"hash/crc32"
	"net/netip"
	"testing"

	"weir/codec/proxyproto"
)

// proxyFrom is the table that takes PROXY headers from the CIDRs.
func proxyFrom(mode, cidrs string) string {
	return "[listeners.edge.proxy_protocol]\nmode = \"" + mode + "\"\nfrom = [" + cidrs + "]\n"
}

// The addresses that headers of these tests announce: of documentation (RFC 5737,
// RFC 3849), so that they are nobody's own.
const (
	announced4 = "192.0.2.7:4711"
	announced6 = "[2001:db8::7]:4711"
	v1of4      = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"
	v1of6      = "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n"
	v1Unknown  = "PROXY UNKNOWN\r\n"
)

// v2of is a header of version 2 from client to port 443, with TLVs behind it.
func v2of(client string, tlvs ...byte) string {
	to := netip.MustParseAddrPort("198.51.100.1:443")
	from := netip.MustParseAddrPort(client)
	if from.Addr().Is6() {
		to = netip.MustParseAddrPort("[2001:db8::1]:443")
	}
	return string(proxyproto.AppendV2(nil, from, to, tlvs))
}

func v2Local() string { return string(proxyproto.AppendV2Local(nil)) }

// proxyHeaders are good headers, and the client each announces; "": none.
func proxyHeaders(t *testing.T) []proxyCase {
	t.Helper()
	return []proxyCase{
		{"v1 IPv4", v1of4, announced4},
		{"v1 IPv6", v1of6, announced6},
		{"v1 UNKNOWN", v1Unknown, ""},
		{"v1 UNKNOWN with words", "PROXY UNKNOWN 192.0.2.7 whatever\r\n", ""},
		{"v1 mapped IPv4", "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 4711 443\r\n", announced4},
		{"v2 IPv4", v2of(announced4), announced4},
		{"v2 IPv6", v2of(announced6), announced6},
		{"v2 LOCAL", v2Local(), ""},
		{"v2 with TLVs", v2of(announced4, 4, 0, 3, 0, 0, 0, 0xe0, 0, 1, 'x'), announced4},
	}
}

type proxyCase struct{ name, header, client string }

// castagnoli is the checksum of a header (2.2.3).
func castagnoli(header []byte) uint32 {
	return crc32.Checksum(header, crc32.MakeTable(crc32.Castagnoli))
}
