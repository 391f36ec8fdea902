package proxyproto

import "net/netip"

const (
	// MaxV1Bytes is the length of the longest line of version 1, CRLF included (2.1).
	MaxV1Bytes = 107
	// MaxV2Bytes bounds a header of version 2, TLVs included. The format allows 64
	// KiB; what proxies send is some hundred bytes, or two KiB if it holds the
	// client's certificate.
	MaxV2Bytes = 4096
)

const (
	signatureV1 = "PROXY "
	signatureV2 = "\r\n\r\n\x00\r\nQUIT\n"
)

// Header is what a header says. The zero value is ready.
type Header struct {
	// Version is 1 or 2.
	Version uint8
	// Local means that the proxy itself is the client, as for a health check (2.2,
	// LOCAL). It has no addresses and no TLVs then.
	Local bool
	// Source and Destination are the client's address and the one it connected to.
	// Both are valid or neither: without them (LOCAL, UNKNOWN, UNSPEC, and Unix
	// sockets, whose names are dropped) the connection's own addresses hold. An IPv4
	// address that was mapped into IPv6 comes out as IPv4: one client, one spelling,
	// so that no list of networks is passed by. There are no zones.
	Source, Destination netip.AddrPort
	// TLVs holds the checked TLVs of version 2, for All, Find and ParseSSL. It
	// aliases the parsed buffer.
	TLVs []byte
}

// Verdict is what the first bytes of a stream say.
type Verdict uint8

// The verdicts. No and Yes are final: more bytes never change them.
const (
	No Verdict = iota
	Maybe
	Yes
)

// Prefix reports whether buf, the first bytes of a stream, begins a PROXY header:
// Yes once the whole signature is there, which no HTTP request and no TLS handshake
// has (5). After Yes, what Parse refuses is a malformed header and nothing else.
func Prefix(buf []byte) Verdict {
	signature := signatureOf(buf)
	n := min(len(buf), len(signature))
	switch {
	case string(buf[:n]) != signature[:n]:
		return No
	case n < len(signature):
		return Maybe
	}
	return Yes
}

// signatureOf is the only signature that buf can begin with.
func signatureOf(buf []byte) string {
	if len(buf) > 0 && buf[0] == signatureV2[0] {
		return signatureV2
	}
	return signatureV1
}

// Parse parses the PROXY header at the front of buf into h.
//
// n is the size of the header in bytes: what the client sent begins there. n == 0 with
// CodeOK means that buf is an unfinished prefix: call again with the same bytes and
// more. MaxV2Bytes always lead to an answer. Every call begins anew, which is cheap:
// nothing is parsed before all of a header is there, and a line has MaxV1Bytes.
//
// h is unspecified unless n > 0. h.TLVs aliases buf.
func Parse(buf []byte, h *Header) (n int, code Code) {
	switch Prefix(buf) {
	case No:
		return 0, CodeSignature
	case Maybe:
		return 0, CodeOK
	}
	*h = Header{}
	if buf[0] == signatureV2[0] {
		return parseV2(buf, h)
	}
	return parseV1(buf, h)
}
