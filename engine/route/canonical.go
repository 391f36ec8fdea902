package route

import "bytes"

// PathCode says why a path is refused. The session answers 400.
type PathCode uint8

const (
	PathOK        PathCode = iota
	PathRelative           // does not begin with "/"
	PathByte               // a raw space, control, "?" or "#"
	PathEscape             // "%" without two hex digits
	PathControl            // an escaped control byte, "%00" among them
	PathSlash              // "%2F" or "%5C", unless kept; never next to dots
	PathBackslash          // a raw backslash
	PathDots               // ".." above the root
	PathParam              // "..;x" or ".;x": some endpoints see a dot segment
	PathOverlong           // an overlong UTF-8 form of an ASCII character
)

var pathCodeNames = [...]string{
	"ok", "relative path", "byte not allowed in path", "malformed escape", "escaped control byte",
	"escaped slash", "backslash", "dot segment above the root", "dot segment with parameter", "overlong utf-8",
}

// String is a constant for the access log.
func (c PathCode) String() string {
	if int(c) < len(pathCodeNames) {
		return pathCodeNames[c]
	}
	return "unknown"
}

// pathClass is what becomes of a raw byte of a path.
type pathClass uint8

const (
	classRefuse     pathClass = iota
	classUnreserved           // RFC 3986 2.3: its escape is decoded
	classReserved             // sub-delims, ":" and "@": kept as spelled
	classSlash
	classBackslash
	classPercent
	classEncode // not allowed raw, but sent by real clients: escaped
)

var pathClasses = func() (t [256]pathClass) {
	for c := 0x21; c < 256; c++ {
		t[c] = classEncode
	}
	for c := '0'; c <= 'z'; c++ {
		if c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c {
			t[c] = classUnreserved
		}
	}
	for _, c := range "-._~" {
		t[c] = classUnreserved
	}
	for _, c := range "!$&'()*+,;=:@" {
		t[c] = classReserved
	}
	t['/'], t['\\'], t['%'] = classSlash, classBackslash, classPercent
	t['?'], t['#'], t[0x7f] = classRefuse, classRefuse, classRefuse
	return t
}()

// Canonicalize gives the one form of a path that is matched and forwarded, so that
// weir and the endpoint agree on what was asked for (RFC 3986 6.2.2): escapes of
// unreserved characters are decoded, all others spelled in upper case, bytes that
// must not stand raw are escaped, and dot segments are taken out, however spelled.
// Runs of "/" stay. An empty path becomes "/".
//
// What cannot be given one meaning is refused, never repaired: see PathCode.
// keepEncodedSlash lets "%2F" and "%5C" through as they are, unless reading them
// as "/" would make a dot segment.
//
// out is the path alone. It is path itself when changed is false; otherwise it was
// appended to dst, and aliases it when dst had room for three times len(path).
// Idempotent. Cost: one pass, three when there is an escape or a leading dot.
func Canonicalize(dst, path []byte, keepEncodedSlash bool) (out []byte, changed bool, code PathCode) {
	if len(path) == 0 {
		return append(dst, '/')[len(dst):], true, PathOK
	}
	if path[0] != '/' {
		return nil, false, PathRelative
	}
	if isPlain(path) {
		return path, false, PathOK
	}
	buf, slashes, code := appendDecoded(dst, path, keepEncodedSlash)
	if code != PathOK {
		return nil, false, code
	}
	out, code = removeDots(buf[len(dst):], slashes)
	if code != PathOK {
		return nil, false, code
	}
	if bytes.Equal(out, path) {
		return path, false, PathOK
	}
	return out, true, PathOK
}

// isPlain reports whether path is in canonical form at first sight.
func isPlain(path []byte) bool {
	for i, c := range path {
		switch pathClasses[c] {
		case classUnreserved, classReserved:
		case classSlash:
			if i+1 < len(path) && path[i+1] == '.' {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// appendDecoded gives every character its one spelling. slashes: out holds kept
// escapes of a slash or backslash.
func appendDecoded(dst, path []byte, keep bool) (out []byte, slashes bool, code PathCode) {
	var last byte // the octet before, if it was not ASCII
	for i := 0; i < len(path); i++ {
		c := path[i]
		class := pathClasses[c]
		if class == classPercent {
			var ok bool
			if c, ok = unescape(path[i:]); !ok {
				return nil, false, PathEscape
			}
			i += 2
			switch class = pathClasses[c]; {
			case c < ' ' || c == 0x7f:
				return nil, false, PathControl
			case class == classSlash || class == classBackslash:
				if !keep {
					return nil, false, PathSlash
				}
				slashes = true
			}
			if class != classUnreserved {
				class = classEncode
			}
		}
		switch class {
		case classRefuse:
			return nil, false, PathByte
		case classBackslash:
			return nil, false, PathBackslash
		case classEncode:
			if isOverlong(last, c) {
				return nil, false, PathOverlong
			}
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		default:
			dst = append(dst, c)
		}
		if last = 0; c >= 0x80 {
			last = c
		}
	}
	return dst, slashes, PathOK
}

// isOverlong reports whether two neighbouring octets begin a UTF-8 sequence longer
// than its character needs (RFC 3629 3). Decoders that accept it read "%C0%AE" as
// "." and "%C0%AF" as "/".
func isOverlong(first, second byte) bool {
	continued := second&0xC0 == 0x80
	switch first {
	case 0xC0, 0xC1:
		return continued
	case 0xE0:
		return continued && second < 0xA0
	case 0xF0:
		return continued && second < 0x90
	}
	return false
}

// removeDots takes the dot segments out of path in place (RFC 3986 5.2.4), except
// that it refuses to climb above the root.
func removeDots(path []byte, slashes bool) ([]byte, PathCode) {
	w := 0
	for i := 0; i < len(path); {
		end := len(path)
		if n := bytes.IndexByte(path[i+1:], '/'); n >= 0 {
			end = i + 1 + n
		}
		seg := path[i+1 : end]
		if slashes && hidesDots(seg) {
			return nil, PathSlash
		}
		dots := dotsOf(seg)
		switch dots {
		case dotsNone:
			w += copy(path[w:], path[i:end])
		case dotsParam:
			return nil, PathParam
		case dotsTwo:
			if w == 0 {
				return nil, PathDots
			}
			w = bytes.LastIndexByte(path[:w], '/')
		}
		if dots != dotsNone && end == len(path) {
			path[w] = '/'
			w++
		}
		i = end
	}
	return path[:w], PathOK
}

// dots is what a segment means to those who resolve it.
type dots uint8

const (
	dotsNone dots = iota
	dotsOne
	dotsTwo
	dotsParam // dots once its parameters are cut, as servlet containers do
)

func dotsOf(seg []byte) dots {
	n := 0
	for n < len(seg) && n < 3 && seg[n] == '.' {
		n++
	}
	rest := seg[n:]
	switch {
	case n == 0 || n == 3:
		return dotsNone
	case len(rest) == 0:
		return dots(n)
	case rest[0] == ';' || bytes.HasPrefix(rest, []byte("%3B")):
		return dotsParam
	}
	return dotsNone
}

// hidesDots reports whether seg, cut at its escaped slashes, holds a dot segment.
func hidesDots(seg []byte) bool {
	start, cut := 0, false
	for i := 0; i+2 < len(seg); i++ {
		if seg[i] != '%' || !isEncodedSlash(seg[i:]) {
			continue
		}
		if dotsOf(seg[start:i]) != dotsNone {
			return true
		}
		start, cut = i+3, true
	}
	return cut && dotsOf(seg[start:]) != dotsNone
}

// isEncodedSlash reports whether s begins with the escape of "/" or "\", in the
// canonical spelling.
func isEncodedSlash(s []byte) bool {
	return bytes.HasPrefix(s, []byte("%2F")) || bytes.HasPrefix(s, []byte("%5C"))
}
