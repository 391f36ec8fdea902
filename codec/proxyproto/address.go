package proxyproto

import (
	"bytes"
	"net/netip"
)

// Addresses are parsed here because netip.ParseAddr takes a string, which would have
// to be allocated, and takes zones, which 2.1 does not.

// parseIPv4 parses four numbers with dots between them.
func parseIPv4(b []byte) (netip.Addr, bool) {
	a, ok := parseDotted(b)
	return netip.AddrFrom4(a), ok
}

func parseDotted(b []byte) (a [4]byte, ok bool) {
	for i := range a {
		end := bytes.IndexByte(b, '.')
		if last := i == len(a)-1; last != (end < 0) {
			return a, false
		}
		if end < 0 {
			end = len(b)
		}
		n, ok := parseDecimal(b[:end], 255)
		if !ok {
			return a, false
		}
		a[i] = byte(n)
		b = b[min(end+1, len(b)):]
	}
	return a, true
}

// parseIPv6 parses the forms of RFC 4291 2.2. The last 32 bits may be an IPv4 address:
// 2.1 does not say so, but inet_ntop writes a mapped address that way, and so do the
// proxies that use it. A mapped address comes out as IPv4.
func parseIPv6(b []byte) (addr netip.Addr, ok bool) {
	var a [16]byte
	at, gap := 0, -1 // how much of a is filled, and where "::" stands in it
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		gap, b = 0, b[2:]
	}
	for len(b) > 0 && at < len(a) {
		group, n := parseGroup(b)
		if n == 0 {
			return addr, false
		}
		if n < len(b) && b[n] == '.' {
			v4, ok := parseDotted(b)
			if !ok || at+len(v4) > len(a) {
				return addr, false
			}
			at += copy(a[at:], v4[:])
			b = nil
			break
		}
		a[at], a[at+1] = byte(group>>8), byte(group)
		at += 2
		if b = b[n:]; len(b) == 0 {
			break
		}
		if b[0] != ':' || len(b) == 1 {
			return addr, false
		}
		if b = b[1:]; b[0] == ':' {
			if gap >= 0 {
				return addr, false
			}
			gap, b = at, b[1:]
		}
	}
	if len(b) > 0 || (gap < 0) != (at == len(a)) { // "::" stands for one group or more
		return addr, false
	}
	if gap >= 0 {
		moved := len(a) - (at - gap)
		copy(a[moved:], a[gap:at])
		clear(a[gap:moved])
	}
	return netip.AddrFrom16(a).Unmap(), true
}

// parseGroup reads the hexadecimal digits at the front of b, at most four of them.
func parseGroup(b []byte) (group, n int) {
	for n < min(len(b), 4) {
		c := b[n]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return group, n
		}
		group = group<<4 | int(c)
		n++
	}
	return group, n
}

// parseDecimal parses a number of at most limit, without leading zeros, which some
// would take for octal (2.1).
func parseDecimal(b []byte, limit int) (n int, ok bool) {
	if len(b) == 0 || len(b) > 1 && b[0] == '0' {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int(c-'0'); n > limit {
			return 0, false
		}
	}
	return n, true
}
