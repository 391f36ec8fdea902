package configs

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// path checks a path or prefix of a route.
func (ck *checker) path(p keyPath, s string) {
	if hint, message := pathMistake(s); message != "" {
		ck.problemf(p, hint, "%s %s %s", p.last(), quote(s), message)
	}
}

// pathMistake says why s cannot be a path on the wire (RFC 3986 section 3.3), or
// one that weir ever sees, since dot segments are resolved before routing.
func pathMistake(s string) (hint, message string) {
	if !strings.HasPrefix(s, "/") {
		return fmt.Sprintf("write %s", quote("/"+s)), `does not begin with "/"`
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '?':
			return `conditions on the query go to query = { name = "value" }`, "holds a query"
		case c == '#':
			return "browsers do not send it", "holds a fragment"
		case c == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2])):
			return `write "%25" for a percent sign`, "holds a broken percent-encoding"
		case c == '%' && (s[i+1] < '2' || strings.EqualFold(s[i+1:i+3], "7f")):
			return "such requests are refused", "holds an encoded control character"
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			_, n := utf8.DecodeRuneInString(s[i:])
			return fmt.Sprintf("write %q", escapeAll(s[i:i+n])), fmt.Sprintf("holds a %q that must be percent-encoded", s[i:i+n])
		}
	}
	if segment := dotSegment(s); segment != "" {
		return "leave it out: requests are matched after it is resolved", fmt.Sprintf("holds the segment %q", segment)
	}
	if plain, _ := url.PathUnescape(s); isOverlong(plain) {
		return "such requests are refused", "holds an overlong UTF-8 sequence"
	}
	return "", ""
}

func escapeAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

// dotSegment finds a segment of path that is "." or "..", to any reader: encoded,
// between encoded slashes, or before the parameters that some servers cut off.
func dotSegment(path string) string {
	plain := strings.NewReplacer("%2e", ".", "%2E", ".", "%2f", "/", "%2F", "/", "%5c", "/", "%5C", "/", "%3b", ";", "%3B", ";").Replace(path)
	for segment := range strings.SplitSeq(plain, "/") {
		if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
			return segment
		}
	}
	return ""
}

// isOverlong finds a UTF-8 sequence longer than its character needs (RFC 3629
// section 3), which careless decoders read as "/" or ".".
func isOverlong(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		next := s[i+1]
		switch {
		case next&0xc0 != 0x80:
		case s[i] == 0xc0, s[i] == 0xc1, s[i] == 0xe0 && next < 0xa0, s[i] == 0xf0 && next < 0x90:
			return true
		}
	}
	return false
}
