package proxyproto

import (
	"bufio"
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	pires "github.com/pires/go-proxyproto"
)

// askPires parses in with another implementation. n is what it took.
func askPires(in []byte) (h *pires.Header, n int, err error) {
	source := bytes.NewReader(in)
	// At least as large as any header: it gives up when its buffer runs empty.
	r := bufio.NewReaderSize(source, 1<<17)
	h, err = pires.Read(r)
	return h, len(in) - source.Len() - r.Buffered(), err
}

// stricter are the refusals of what pires accepts. It looks into no TLV, knows
// datagrams, lets CR stand in an UNKNOWN line, and counts only what follows the first
// 16 bytes against its limit.
var stricter = []Code{CodeTLV, CodeDuplicateTLV, CodeChecksum, CodeDatagram, CodeLineEnd, CodeTooLarge}

// FuzzParseProxyHeader: any input has one answer, however it is cut; and both implementations
// find the same, but for the lists in stricter and laxer.
func FuzzParseProxyHeader(f *testing.F) {
	for _, tt := range slices.Concat(v1Cases, v2Cases) {
		f.Add([]byte(tt.in), uint16(15))
	}
	f.Add([]byte(withChecksum(tlv(TypeALPN, "h2"), tlv(TypeNoop, ""), 0)+"GET /"), uint16(30))
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		s := string(in)
		n, whole, code := feed([]string{s})
		at := min(int(cut), len(s))
		for _, pieces := range [][]string{{s[:at], s[at:]}, strings.Split(s, "")} {
			if len(s) > 512 && len(pieces) > 2 {
				continue
			}
			if n2, split, c := feed(pieces); n2 != n || split != whole || c != code {
				t.Fatalf("answer depends on the cut: %d %q %v, %d %q %v", n, whole, code, n2, split, c)
			}
		}
		if n > min(len(s), MaxV2Bytes) || n == 0 && code == CodeOK && len(s) >= MaxV2Bytes {
			t.Fatalf("n = %d of %d, %v", n, len(s), code)
		}
		if p := Prefix(in); (p == No) != (code == CodeSignature) || p == Maybe && (n != 0 || code != CodeOK) {
			t.Fatalf("Prefix says %d of %v", p, code)
		}
		comparePires(t, in, n, code)
	})
}

func comparePires(t *testing.T, in []byte, n int, code Code) {
	t.Helper()
	p, took, err := askPires(in)
	if n == 0 {
		if err == nil && !slices.Contains(stricter, code) {
			t.Fatalf("pires accepts what is refused: %v", code)
		}
		return
	}
	var h Header
	Parse(in, &h)
	if err != nil {
		// laxer: it wants a family of LOCAL headers, whose block is to be ignored, and
		// refuses UNSPEC, which it may (2.2).
		if h.Version == 1 || !h.Local && in[13] != familyUnspec {
			t.Fatalf("pires refuses what is accepted: %v", err)
		}
		return
	}
	if took != n || p.Version != h.Version {
		t.Fatalf("%d bytes, version %d; pires has %d, %d", n, h.Version, took, p.Version)
	}
	if h.Version == 2 && h.Local != p.Command.IsLocal() {
		t.Fatalf("local is %v, pires has %v", h.Local, p.Command)
	}
	var source, destination netip.AddrPort
	if s, d, ok := p.TCPAddrs(); ok && !h.Local {
		source, destination = unmap(s.AddrPort()), unmap(d.AddrPort())
	}
	if h.Source != source || h.Destination != destination {
		t.Fatalf("%v %v, pires has %v %v", h.Source, h.Destination, source, destination)
	}
	count := 0
	for kind, value := range All(h.TLVs) {
		theirs, err := p.TLVs()
		if err != nil || byte(theirs[count].Type) != byte(kind) || kind != TypeNoop && !bytes.Equal(theirs[count].Value, value) {
			t.Fatalf("TLV %d is %#x %q, pires has %v, %v", count, kind, value, theirs, err)
		}
		count++
	}
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// FuzzAppendProxyHeader: what is written is what pires writes, stays under the limits, and is
// read back as it was meant.
func FuzzAppendProxyHeader(f *testing.F) {
	f.Add([]byte("1234"), []byte("5678"), uint16(1), uint16(65535), "a.example", "name", uint8(7))
	f.Add([]byte("123456789abcdef0"), []byte("5678"), uint16(0), uint16(443), "", "", uint8(1))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff1234"), []byte("5678"), uint16(0), uint16(443), "a", "", uint8(0))
	f.Add([]byte(""), []byte("5678"), uint16(0), uint16(443), strings.Repeat("a", 5000), strings.Repeat("n", 300), uint8(3))
	f.Fuzz(func(t *testing.T, sourceIP, destinationIP []byte, sourcePort, destinationPort uint16, authority, name string, client uint8) {
		s, ok1 := netip.AddrFromSlice(sourceIP)
		d, ok2 := netip.AddrFromSlice(destinationIP)
		source, destination := netip.AddrPortFrom(s, sourcePort), netip.AddrPortFrom(d, destinationPort)
		line, plain := AppendV1(nil, source, destination), AppendV2(nil, source, destination, nil)

		tls := TLS{Client: Client(client), Verified: client > 100, Version: "TLSv1.3", CommonName: name}
		tlvs := AppendSSL(AppendTLV(AppendTLV(nil, TypeAuthority, authority), TypeALPN, "h2"), &tls)
		full := AppendV2(nil, source, destination, tlvs)

		want := Header{Source: unmap(source), Destination: unmap(destination)}
		if !ok1 || !ok2 {
			want = Header{}
		}
		for version, out := range map[uint8][]byte{1: line, 2: plain, 3: full} {
			var h Header
			n, code := Parse(out, &h)
			if n != len(out) || h.Version != min(version, 2) || h.Local || h.Source != want.Source || h.Destination != want.Destination {
				t.Fatalf("%q parses as %+v, %d, %v", out, h, n, code)
			}
		}
		if len(line) > MaxV1Bytes || len(full) > MaxV2Bytes {
			t.Fatalf("%d and %d bytes", len(line), len(full))
		}
		if len(tlvs) < 3000 && !bytes.HasSuffix(full, tlvs) {
			t.Fatalf("TLVs %q are not in %q", tlvs, full)
		}
		if !ok1 || !ok2 {
			return
		}
		for version, out := range map[byte][]byte{1: line, 2: plain} {
			theirs := pires.HeaderProxyFromAddrs(version, net.TCPAddrFromAddrPort(source), net.TCPAddrFromAddrPort(destination))
			if b, err := theirs.Format(); err != nil || !bytes.Equal(b, out) {
				t.Fatalf("version %d: %q, pires writes %q, %v", version, out, b, err)
			}
		}
	})
}
