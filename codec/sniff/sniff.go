// Package sniff tells from the first bytes of a stream what protocol it carries, for
// a port that takes TLS, HTTP/1 and anything else.
//
// It does no I/O, starts no goroutine, reads no clock, logs nothing, imports nothing
// of weir, and allocates nothing. A verdict is given at the first byte that allows one
// and never changes when more bytes come, so it does not depend on how they were cut.
//
// It is a guess, and the trade is this: what begins as TLS or HTTP does is taken for
// it, and a parser then has the last word; a protocol whose first bytes spell a request
// line needs a port of its own. So does one whose server speaks first: its client
// sends nothing to tell it by, and waits for the caller's deadline.
package sniff

// Verdict is what the first bytes of a stream say.
type Verdict uint8

// The verdicts. All but NeedMore are final.
const (
	// NeedMore: the bytes fit TLS or HTTP, and are too few to tell.
	NeedMore Verdict = iota
	// TLS: a handshake record (RFC 8446 5.1).
	TLS
	// HTTP: a request line as far as a target (RFC 9112 3), or the preface of HTTP/2
	// (RFC 9113 3.4), which HTTP/1 parsers know to refuse.
	HTTP
	// Opaque: anything else.
	Opaque
	numVerdicts
)

var verdictNames = [numVerdicts]string{"need more", "tls", "http", "opaque"}

// String returns the verdict in words.
func (v Verdict) String() string {
	if v >= numVerdicts {
		return "unknown"
	}
	return verdictNames[v]
}

const (
	// MaxBytes always lead to a verdict other than NeedMore.
	MaxBytes = maxMethodBytes + 1 + len("https://")
	// No registered method is longer than UPDATEREDIRECTREF, and none in use comes
	// near it. Many protocols begin with a word; few of them with one and a slash.
	maxMethodBytes = 17
)

// Sniff decides by buf, the first bytes of a stream. It looks at MaxBytes at most.
func Sniff(buf []byte) Verdict {
	if len(buf) > 0 && buf[0] == 22 {
		return sniffTLS(buf)
	}
	return sniffHTTP(buf)
}

// LooksLikeHTTP reports whether buf surely begins as HTTP does: for a port of TLS that
// wants to tell its peer the mistake. It needs MaxBytes at most, mostly five.
func LooksLikeHTTP(buf []byte) bool { return Sniff(buf) == HTTP }

// sniffTLS decides about a stream that begins with the type of a handshake record:
// the major version comes next, and is 3 in every version of TLS.
func sniffTLS(buf []byte) Verdict {
	switch {
	case len(buf) < 2:
		return NeedMore
	case buf[1] == 3:
		return TLS
	}
	return Opaque
}

func sniffHTTP(buf []byte) Verdict {
	n := 0
	for n < len(buf) && tchar[buf[n]] {
		if n++; n > maxMethodBytes {
			return Opaque
		}
	}
	switch {
	case n == len(buf):
		return NeedMore
	case n == 0 || buf[n] != ' ':
		return Opaque
	}
	return sniffTarget(string(buf[:n]), buf[n+1:])
}

// sniffTarget decides by the four forms of a target (RFC 9112 3.2). Asterisk and
// authority are for one method each, and protocols of words do begin like them.
func sniffTarget(method string, target []byte) Verdict {
	if len(target) == 0 {
		return NeedMore
	}
	c := target[0]
	switch {
	case c == '/':
		return HTTP
	case c == '*' && (method == "OPTIONS" || method == "PRI"):
		return HTTP
	case method == "CONNECT" && (alphanumeric(c) || c == '['):
		return HTTP
	}
	return sniffScheme(target)
}

// sniffScheme decides by "http://" or "https://", in any letter case (RFC 3986 3.1).
func sniffScheme(target []byte) Verdict {
	for _, scheme := range [...]string{"http://", "https://"} {
		n := 0
		for n < min(len(target), len(scheme)) && lower(target[n]) == scheme[n] {
			n++
		}
		if n == len(scheme) {
			return HTTP
		}
		if n == len(target) {
			return NeedMore
		}
	}
	return Opaque
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || lower(c) >= 'a' && lower(c) <= 'z'
}

// tchar is what a method is made of (RFC 9110 5.6.2).
var tchar = func() (t [256]bool) {
	for c := range t {
		t[c] = alphanumeric(byte(c))
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()
