package route

import "bytes"

const upperHex = "0123456789ABCDEF"

// unescape reads the escape at the front of s, which begins with "%".
func unescape[T []byte | string](s T) (c byte, ok bool) {
	if len(s) < 3 {
		return 0, false
	}
	hi, lo := hexValue(s[1]), hexValue(s[2])
	return hi<<4 | lo, hi < 16 && lo < 16
}

// hexValue is the value of a hex digit, and 255 for any other byte.
func hexValue(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// matchForm gives the match form of a canonical path: path itself, or a copy in
// scratch, which is returned for the next call.
func matchForm(scratch, path []byte) (form, grown []byte) {
	if bytes.IndexByte(path, '%') < 0 && !bytes.Contains(path, []byte("//")) {
		return path, scratch
	}
	scratch = scratch[:0]
	for i := 0; i < len(path); {
		var c byte
		c, i = matchStep(path, i)
		scratch = append(scratch, c)
	}
	return scratch, scratch
}

// matchStep reads one byte of the match form from path[i:], and where the next
// one begins.
func matchStep(path []byte, i int) (c byte, next int) {
	switch c = path[i]; c {
	case '/':
		for next = i + 1; next < len(path) && path[next] == '/'; {
			next++
		}
		return c, next
	case '%':
		if d, ok := unescape(path[i:]); ok && pathClasses[d] == classReserved {
			return d, i + 3
		}
	}
	return c, i + 1
}

// decodeQuery gives the meaning of a name or value of a query: "+" is a space,
// escapes are decoded, and malformed ones mean themselves. The result is s, or a
// copy in scratch, which is returned for the next call.
func decodeQuery(scratch, s []byte) (text, grown []byte) {
	if bytes.IndexByte(s, '%') < 0 && bytes.IndexByte(s, '+') < 0 {
		return s, scratch
	}
	scratch = scratch[:0]
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if d, ok := unescape(s[i:]); ok {
				c = d
				i += 2
			}
		}
		scratch = append(scratch, c)
	}
	return scratch, scratch
}
