package proxyproto

import (
	"net/netip"
	"testing"
	"unsafe"
)

var (
	benchSource      = netip.MustParseAddrPort("[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1]:54321")
	benchDestination = netip.MustParseAddrPort("192.0.2.1:443")
	benchTLS         = TLS{Client: ClientSSL, Version: "TLSv1.3", Cipher: "TLS_AES_128_GCM_SHA256"}
)

func appendAll(dst []byte, scratch []byte) []byte {
	tlvs := AppendTLV(scratch[:0], TypeAuthority, "www.example.com")
	tlvs = AppendTLV(tlvs, TypeALPN, "http/1.1")
	tlvs = AppendSSL(tlvs, &benchTLS)
	return AppendV2(dst, benchSource, benchDestination, tlvs)
}

func TestCodecDoesNotAllocate(t *testing.T) {
	line := AppendV1(nil, benchSource, benchDestination)
	binary := appendAll(nil, make([]byte, 0, 512))
	checked := []byte(withChecksum(tlv(TypeALPN, "h2"), "", 0))
	refused := []byte("PROXY TCP6 fe80::1%eth0 fe80::2 8080 443\r\n")
	out, scratch := make([]byte, 0, 512), make([]byte, 0, 512)
	var h Header
	for name, run := range map[string]func() bool{
		"v1":       func() bool { n, _ := Parse(line, &h); return n == len(line) },
		"v2":       func() bool { n, _ := Parse(binary, &h); return n == len(binary) },
		"checksum": func() bool { n, _ := Parse(checked, &h); return n == len(checked) },
		"refused":  func() bool { n, code := Parse(refused, &h); return n == 0 && code.Error() != "" },
		"prefix":   func() bool { return Prefix(line) == Yes },
		"TLVs": func() bool {
			Parse(binary, &h)
			value, ok := Find(h.TLVs, TypeSSL)
			var s SSL
			return ok && ParseSSL(value, &s)
		},
		"append v1": func() bool { return len(AppendV1(out, benchSource, benchDestination)) > 0 },
		"append v2": func() bool { return len(appendAll(out, scratch)) > 0 },
	} {
		if n := testing.AllocsPerRun(100, func() {
			if !run() {
				t.Fatal(name)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// A Header is on the stack of who parses.
func TestSizes(t *testing.T) {
	const want = 96
	got := unsafe.Sizeof(Header{})
	t.Logf("%-20s %4d bytes", "proxyproto.Header", got)
	if got > want {
		t.Errorf("Header has %d bytes, want at most %d", got, want)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, f := range []struct {
		name string
		in   []byte
	}{
		{"v1", AppendV1(nil, benchSource, benchDestination)},
		{"v2", AppendV2(nil, benchSource, benchDestination, nil)},
		{"v2 with TLVs", appendAll(nil, nil)},
	} {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			var h Header
			for b.Loop() {
				if n, code := Parse(f.in, &h); n == 0 {
					b.Fatal(code)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	out, scratch := make([]byte, 0, 512), make([]byte, 0, 512)
	b.Run("v1", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			AppendV1(out, benchSource, benchDestination)
		}
	})
	b.Run("v2 with TLVs", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			appendAll(out, scratch)
		}
	})
}
