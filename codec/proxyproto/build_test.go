package proxyproto

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// What headers are built of, as strings of bytes.

func u16(n int) string { return string(binary.BigEndian.AppendUint16(nil, uint16(n))) }

// block is a header of version 2.
func block(command, family byte, rest string) string {
	return signatureV2 + string([]byte{0x20 | command, family}) + u16(len(rest)) + rest
}

const (
	addresses4    = "\xc0\x00\x02\x01" + "\xc6\x33\x64\x02" + "\x1f\x90" + "\x01\xbb"
	said4         = "v2 192.0.2.1:8080 198.51.100.2:443"
	addresses6    = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\x1f\x90" + "\x01\xbb"
	said6         = "v2 [2001:db8::1]:8080 [2001:db8::2]:443"
	addressesBoth = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\x1f\x90" + "\x01\xbb"
	saidNone      = "v2 - -"
)

// proxied is a header of version 2 for TCP over IPv4, with TLVs.
func proxied(tlvs ...string) string {
	return block(commandProxy, familyTCP4, addresses4+strings.Join(tlvs, ""))
}

func tlv(kind Type, value string) string { return string([]byte{byte(kind)}) + u16(len(value)) + value }

// withChecksum is proxied with a checksum between before and after, off by wrong.
func withChecksum(before, after string, wrong uint32) string {
	h := []byte(proxied(before, tlv(TypeCRC32C, "\x00\x00\x00\x00"), after))
	sum := crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli)) + wrong
	at := headerBytes + addressBytes4 + len(before) + tlvHeaderBytes
	binary.BigEndian.PutUint32(h[at:], sum)
	return string(h)
}

// feed gives pieces to Parse as a session does, each time in an array that ends where
// the bytes do: reading one too far panics. dump is what was found, "" if nothing.
func feed(pieces []string) (n int, dump string, code Code) {
	var h Header
	var buf []byte
	for _, piece := range pieces {
		buf = slices.Clip(append(slices.Clip(buf), piece...))
		n, code := Parse(buf, &h)
		if n > 0 && code == CodeOK {
			return n, dumpHeader(&h), CodeOK
		}
		if n != 0 || code != CodeOK {
			return n, "", code
		}
	}
	return 0, "", CodeOK
}

// dumpHeader writes h as "version source destination type=value ...", "local" for the
// addresses of LOCAL, and "-" for none.
func dumpHeader(h *Header) string {
	var b strings.Builder
	fmt.Fprintf(&b, "v%d", h.Version)
	if h.Local {
		b.WriteString(" local")
	}
	for _, a := range []netip.AddrPort{h.Source, h.Destination} {
		switch {
		case a.IsValid():
			fmt.Fprintf(&b, " %s", a)
		case !h.Local:
			b.WriteString(" -")
		}
	}
	for kind, value := range All(h.TLVs) {
		fmt.Fprintf(&b, " %#x=%s", uint8(kind), value)
	}
	return b.String()
}

// everySplit feeds s whole, byte by byte, cut in two at every offset, and with
// something glued on, and demands one answer.
func everySplit(t *testing.T, name, s, want string, code Code) {
	t.Helper()
	cuts := [][]string{{s}, strings.Split(s, "")}
	for i := 1; i < len(s); i++ {
		cuts = append(cuts, []string{s[:i], s[i:]})
	}
	if want != "" || code != CodeOK {
		cuts = append(cuts, []string{s + "GET / HTTP/1.1\r\n\r\n"}, []string{s + s})
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
