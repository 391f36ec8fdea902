package e2e

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"weir/codec/proxyproto"
	"weir/engine/fault"
)

// A header that is missing or malformed ends the connection, counted, with a line that
// says what is wrong, and nothing is answered.
func TestProxyHeaderRefused(t *testing.T) {
	edit := func(header string, at int, with byte) string {
		b := []byte(header)
		b[at] = with
		return string(b)
	}
	v2 := v2of(announced4)
	tests := []struct {
		name, in string
		code     proxyproto.Code
	}{
		{"a request instead", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", proxyproto.CodeSignature},
		{"TLS instead", "\x16\x03\x01\x00\x05", proxyproto.CodeSignature},
		{"other case", "proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n", proxyproto.CodeSignature},
		{"bare LF", strings.Replace(v1of4, "\r", "", 1), proxyproto.CodeLineEnd},
		{"bare CR", strings.Replace(v1of4, "\n", " ", 1), proxyproto.CodeLineEnd},
		{"endless line", "PROXY TCP4 " + strings.Repeat("1", 200), proxyproto.CodeLineTooLong},
		{"two spaces", strings.Replace(v1of4, "7 1", "7  1", 1), proxyproto.CodeLine},
		{"too few words", "PROXY TCP4 192.0.2.7 198.51.100.1 4711\r\n", proxyproto.CodeLine},
		{"a name", "PROXY TCP4 localhost 198.51.100.1 4711 443\r\n", proxyproto.CodeAddress},
		{"IPv6 as TCP4", "PROXY TCP4 ::1 ::1 4711 443\r\n", proxyproto.CodeAddress},
		{"port 65536", "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n", proxyproto.CodePort},
		{"UDP4", "PROXY UDP4 192.0.2.7 198.51.100.1 4711 443\r\n", proxyproto.CodeLine},
		{"version 3", edit(v2, 12, 0x31), proxyproto.CodeVersion},
		{"command 2", edit(v2, 12, 0x22), proxyproto.CodeCommand},
		{"datagrams", edit(v2, 13, 0x12), proxyproto.CodeDatagram},
		{"unknown family", edit(v2, 13, 0x41), proxyproto.CodeFamily},
		{"too short for its addresses", edit(v2, 15, 4), proxyproto.CodeLength},
		{"a TLV that does not fit", v2With(4, 1, 0, 9, 'h'), proxyproto.CodeTLV},
		{"a wrong checksum", v2With(7, 3, 0, 4, 1, 2, 3, 4), proxyproto.CodeChecksum},
		{"60 KiB", edit(v2, 14, 0xf0) + strings.Repeat("x", 60<<10), proxyproto.CodeTooLarge},
		{"4 KiB and a byte", v2With(0)[:14] + "\x0f\xf1", proxyproto.CodeTooLarge},
	}
	addr, seen := untouched(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, proxyFrom("required", `"127.0.0.1"`)+oneCluster(addr))
			c := w.dial()
			_, _ = io.WriteString(c, tt.in) // it may be cut off inside
			requireCut(t, c)
			line := w.opaqueLines(1)[0]
			if line.Kind != "refused" || line.Fault != "proxy_header" || line.Detail != tt.code.String() || line.ClosedBy != "weir" || line.BytesOut != 0 {
				t.Errorf("log line %+v, want detail %q", line, tt.code)
			}
			if n := w.stats().Faults[fault.ProxyHeader]; n != 1 || seen() != 0 {
				t.Errorf("counted %d times; %d connections reached the endpoint", n, seen())
			}
		})
	}
}

// v2With is a header with n bytes behind the addresses, well formed or not.
func v2With(n byte, tlvs ...byte) string {
	h := []byte(v2of(announced4))
	h[15] += n
	return string(append(h, tlvs...))
}

// After the signature no peer can say that it meant something else: also where the
// header is optional, a bad one is refused.
func TestProxyHeaderBadThoughOptional(t *testing.T) {
	addr, seen := untouched(t)
	w := start(t, proxyFrom("optional", `"127.0.0.1"`)+mainCluster(addr), opaqueEdge)
	for i, bad := range []string{"PROXY TCP4 x\r\n", v2With(1, 1)} {
		c := w.dial()
		_, _ = io.WriteString(c, bad)
		requireCut(t, c)
		w.requireFault(fault.ProxyHeader, int64(i+1))
	}
	if seen() != 0 {
		t.Error("it reached the endpoint")
	}
}

// A header has a deadline, and may not end in the middle.
func TestProxyHeaderIsNeverWhole(t *testing.T) {
	for _, header := range []string{v1of4, v2of(announced4), ""} {
		for _, end := range []bool{false, true} {
			addr, seen := untouched(t)
			sniff := map[bool]string{false: "60ms", true: "1h"}[end]
			w := start(t, "[listeners.edge.timeouts]\nsniff = \""+sniff+"\"\n"+proxyFrom("required", `"127.0.0.1"`)+mainCluster(addr), opaqueEdge)
			c := w.dial()
			if _, err := io.WriteString(c, header[:len(header)/2]); err != nil {
				t.Fatal(err)
			}
			if end {
				_ = c.CloseWrite()
			}
			requireCut(t, c)
			lines := 1
			if header == "" && end {
				lines = 0 // a look whether the port is open
			}
			for _, line := range w.opaqueLines(lines) {
				by := map[bool]string{false: "weir", true: "client"}[end]
				if line.Fault != "proxy_header" || line.Kind != "refused" || line.ClosedBy != by || line.Detail == "" {
					t.Errorf("%q, end %v: log line %+v", header, end, line)
				}
			}
			if seen() != 0 {
				t.Error("it reached the endpoint")
			}
		}
	}
}

// A connection that a proxy opens ahead of need must not find a 408 when its client
// uses it at last: that nothing came behind the header is no fault.
func TestProxyHeaderAndNoRequest(t *testing.T) {
	w := start(t, "[listeners.edge.timeouts]\nrequest_head = \"60ms\"\n"+proxyFrom("required", `"127.0.0.1"`)+oneCluster(deadAddr(t)))
	c := w.dial()
	if _, err := io.WriteString(c, v1of4); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || len(got) > 0 {
		t.Errorf("instead of an end: %q, %v", got, err)
	}
	if n := w.stats().Faults[fault.HeadTimeout]; n != 0 {
		t.Errorf("%d of fault head_timeout", n)
	}
	_ = w.opaqueLines(0)
}

// The largest header that is accepted, in front of a request.
func TestProxyHeaderOf4KiB(t *testing.T) {
	n := proxyproto.MaxV2Bytes - len(v2of(announced4)) - 3
	tlvs := append([]byte{0xe0, byte(n >> 8), byte(n)}, bytes.Repeat([]byte{'x'}, n)...)
	header := v2of(announced4, tlvs...)
	if len(header) != proxyproto.MaxV2Bytes {
		t.Fatalf("the header has %d bytes", len(header))
	}
	backend, heads := heard(t)
	w := start(t, proxyFrom("required", `"127.0.0.1"`)+oneCluster(backend))
	c := w.dial()
	if _, err := io.WriteString(c, header); err != nil {
		t.Fatal(err)
	}
	requireHTTP(t, c, "/", "heard")
	if got := field(receive(t, heads), "X-Forwarded-For"); got != "192.0.2.7" {
		t.Errorf("X-Forwarded-For: %s", got)
	}
	_ = c.Close()
}
