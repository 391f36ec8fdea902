package http1

// Classes of bytes, as bits of class.
const (
	isToken  = 1 << iota // tchar, RFC 9110 5.6.2
	isValue              // field-vchar, SP, HTAB: RFC 9110 5.5
	isTarget             // allowed in a request target
	isName               // unreserved, RFC 3986 2.3: what a host name is made of
	isHex
)

// class holds the classes of each byte.
var class = func() (t [256]uint8) {
	for c := range 256 {
		b := byte(c)
		alnum := b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z'
		if alnum || inString(b, "!#$%&'*+-.^_`|~") {
			t[c] |= isToken
		}
		if b >= 0x20 && b != 0x7f || b == '\t' {
			t[c] |= isValue
		}
		if b > 0x20 && b < 0x7f && b != '#' && b != '\\' {
			t[c] |= isTarget
		}
		if alnum || inString(b, "-._~") {
			t[c] |= isName
		}
		if b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'f' {
			t[c] |= isHex
		}
	}
	return t
}()

func inString(b byte, s string) bool {
	for i := range len(s) {
		if s[i] == b {
			return true
		}
	}
	return false
}

// lower maps an ASCII letter to lower case and leaves every other byte alone.
func lower(c byte) byte {
	if c-'A' < 26 {
		return c | 0x20
	}
	return c
}

// EqualFold reports whether a equals want, ASCII letter case ignored. want must be
// in lower case.
func EqualFold(a []byte, want string) bool {
	if len(a) != len(want) {
		return false
	}
	for i, c := range a {
		if lower(c) != want[i] {
			return false
		}
	}
	return true
}

// equalFoldString is EqualFold for a string in any letter case.
func equalFoldString(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if lower(c) != lower(b[i]) {
			return false
		}
	}
	return true
}

// equalFold is EqualFold for two byte slices in any letter case.
func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if lower(c) != lower(b[i]) {
			return false
		}
	}
	return true
}

// nextElement cuts the first element off list and trims it. Elements may be empty.
func nextElement(list []byte) (element, rest []byte) {
	for i, c := range list {
		if c == ',' {
			return trim(list[:i]), list[i+1:]
		}
	}
	return trim(list), nil
}

// trim removes SP and HTAB from both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// ValidFieldName reports whether name is a token, as RFC 9110 5.1 asks.
func ValidFieldName[T []byte | string](name T) bool {
	for i := range len(name) {
		if class[name[i]]&isToken == 0 {
			return false
		}
	}
	return len(name) > 0
}

// ValidFieldValue reports whether value can be written as a field value: no
// control byte but HTAB, and no white space at the ends (RFC 9110 5.5).
func ValidFieldValue[T []byte | string](value T) bool {
	for i := range len(value) {
		if class[value[i]]&isValue == 0 {
			return false
		}
	}
	n := len(value)
	return n == 0 || !isBlank(value[0]) && !isBlank(value[n-1])
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
