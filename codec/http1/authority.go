package http1

// maxHostBytes is the longest host name in an authority: that of DNS, and a dot.
const maxHostBytes = 254

// validAuthority reports whether b is host [":" port] (RFC 9110 4.2, RFC 3986 3.2)
// without user information. port says that a port must be there.
//
// The host is an IPv6 address in brackets, or a name of dot-separated labels of
// letters, digits, "-", "_" and "~". The rest of what RFC 3986 calls a reg-name
// (percent-encoding and sub-delims such as the comma) names no host on any network
// and lets two readers disagree, so it is refused; so is an empty port.
func validAuthority(b []byte, port bool) bool {
	end := 0
	if len(b) > 0 && b[0] == '[' {
		for end < len(b) && b[end] != ']' {
			end++
		}
		if end == len(b) || !validIPv6(b[1:end]) {
			return false
		}
		end++
	} else {
		for end < len(b) && b[end] != ':' {
			end++
		}
		if !validHostName(b[:end]) {
			return false
		}
	}
	if end == len(b) {
		return !port
	}
	return b[end] == ':' && validPort(b[end+1:])
}

func validHostName(b []byte) bool {
	if len(b) == 0 || len(b) > maxHostBytes {
		return false
	}
	label := 0
	for _, c := range b {
		switch {
		case c != '.':
			if class[c]&isName == 0 {
				return false
			}
			label++
		case label == 0:
			return false
		default:
			label = 0
		}
	}
	return true
}

// validPort accepts 0 to 65535 in at most five digits.
func validPort(b []byte) bool {
	if len(b) == 0 || len(b) > 5 {
		return false
	}
	n := parseLength(b)
	return n >= 0 && n <= 65535
}

// validIPv6 accepts the text forms of RFC 4291 2.2, without a zone.
func validIPv6(b []byte) bool {
	groups, elided := 0, false
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		elided, b = true, b[2:]
		if len(b) == 0 {
			return true
		}
	}
	for {
		n := 0
		for n < len(b) && class[b[n]]&isHex != 0 {
			n++
		}
		if n < len(b) && b[n] == '.' {
			groups += 2
			return validIPv4(b) && (groups == 8 || elided && groups < 8)
		}
		if n == 0 || n > 4 || groups == 8 {
			return false
		}
		groups++
		b = b[n:]
		if len(b) == 0 {
			return groups == 8 && !elided || groups < 8 && elided
		}
		if b[0] != ':' || len(b) == 1 {
			return false
		}
		b = b[1:]
		if b[0] == ':' {
			if elided {
				return false
			}
			elided, b = true, b[1:]
			if len(b) == 0 {
				return groups < 8
			}
		}
	}
}

// validIPv4 accepts four decimal numbers up to 255 without leading zeros.
func validIPv4(b []byte) bool {
	for part := range 4 {
		n, v := 0, 0
		for n < len(b) && b[n]-'0' <= 9 && n < 4 {
			v = v*10 + int(b[n]-'0')
			n++
		}
		if n == 0 || n > 3 || v > 255 || n > 1 && b[0] == '0' {
			return false
		}
		b = b[n:]
		if part == 3 {
			break
		}
		if len(b) == 0 || b[0] != '.' {
			return false
		}
		b = b[1:]
	}
	return len(b) == 0
}
