package route

import (
	"errors"
	"strings"
)

// maxHost is the longest host name that can match a named host; DNS allows 253.
const maxHost = 255

// hostBuffer holds a host in normal form.
type hostBuffer [maxHost]byte

// normalHost writes the normal form of a Host field value to buf: lower case, no
// port, no trailing dot (one is taken off), brackets kept around an IPv6 address.
// It returns nil for what cannot name a host; such a request matches only routes
// for any host. It is no validator: the codec has refused malformed values.
func normalHost(buf *hostBuffer, host []byte) []byte {
	host = withoutPort(host)
	if n := len(host); n > 0 && host[n-1] == '.' {
		host = host[:n-1]
	}
	if len(host) == 0 || len(host) > maxHost {
		return nil
	}
	for i, c := range host {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return buf[:len(host)]
}

// withoutPort cuts the port, which is what follows the last colon, or the bracket.
func withoutPort(host []byte) []byte {
	for i := len(host) - 1; i >= 0; i-- {
		switch c := host[i]; {
		case c == ':':
			return host[:i]
		case c < '0' || c > '9':
			return host
		}
	}
	return host
}

var errHost = errors.New(`host must be a name without a port, "*.name", or empty for any`)

// parseHost splits the host of a route into its normal form and its kind.
func parseHost(s string) (name string, wildcard bool, err error) {
	if s == "" || s == "*" {
		return "", false, nil
	}
	name, wildcard = strings.CutPrefix(s, "*.")
	if strings.Count(name, ":") > 1 && name[0] != '[' {
		name = "[" + name + "]"
	}
	var buf hostBuffer
	normal := normalHost(&buf, []byte(name))
	whole := strings.TrimSuffix(strings.ToLower(name), ".")
	if string(normal) != whole || whole == "" || whole[0] == '.' || strings.ContainsAny(whole, "*/?#@\\ \t") {
		return "", false, errHost
	}
	return whole, wildcard, nil
}
