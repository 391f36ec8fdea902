package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"weir/codec/http1"
)

// target is a parsed URL.
type target struct {
	scheme    string // ws or http, also where secure makes it wss or https
	secure    bool
	host      string // without a port
	address   string // host:port
	authority string // as it goes into Host
	path      []byte
	query     []byte
	hasQuery  bool
}

func parseTarget(raw string) (*target, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("url: %q cannot be read; give ws://host:port/path or http://host:port/path", raw)
	}
	scheme, secure := strings.CutSuffix(u.Scheme, "s")
	switch u.Scheme {
	case "ws":
		scheme, secure = u.Scheme, false
	case "wss", "http", "https":
	default:
		return nil, fmt.Errorf("url: %q has no scheme weir bench knows; give ws://host:port/path, http://host:port/path, or wss:// or https://", raw)
	}
	if u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("url: %q needs a host, and no user or fragment; put credentials in a header", raw)
	}
	port := u.Port()
	switch {
	case port != "":
	case secure:
		port = "443"
	default:
		port = "80"
	}
	t := &target{
		scheme: scheme, secure: secure, host: u.Hostname(), address: net.JoinHostPort(u.Hostname(), port), authority: u.Host,
		path: []byte(u.EscapedPath()), query: []byte(u.RawQuery), hasQuery: u.RawQuery != "" || u.ForceQuery,
	}
	return t, nil
}

// fits reports, as an error, that t is nothing for kind, which needs scheme. Either
// will do for an empty one, as long as it has TLS.
func (t *target) fits(kind, scheme string) error {
	switch {
	case scheme == "" && !t.secure:
		return fmt.Errorf("url: %s needs https:// or wss://, not %s://", kind, t.scheme)
	case scheme != "" && t.scheme != scheme:
		return fmt.Errorf("url: %s needs %s:// or %ss://, not %s://", kind, scheme, scheme, t.scheme)
	}
	return nil
}

// resolve turns the host into one address, so that no connect waits for DNS.
func (t *target) resolve(ctx context.Context) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(t.address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	n, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return netip.AddrPort{}, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if len(ips) == 0 {
		return netip.AddrPort{}, errors.New("no address for " + host)
	}
	return netip.AddrPortFrom(ips[0].Unmap(), uint16(n)), nil
}

// appendHead appends a request head without its blank line: request line, Host and
// the fields of header.
func (t *target) appendHead(dst []byte, method string, header []string) []byte {
	dst = http1.AppendRequestLine(dst, []byte(method), t.path, t.query, t.hasQuery)
	host := t.authority
	for _, line := range header {
		if name, value, _ := splitHeader(line); strings.EqualFold(name, "host") {
			host = value
		}
	}
	dst = http1.AppendFieldString(dst, "Host", host)
	for _, line := range header {
		if name, value, _ := splitHeader(line); !strings.EqualFold(name, "host") {
			dst = http1.AppendFieldString(dst, name, value)
		}
	}
	return dst
}

// offeredSubprotocols joins every Sec-WebSocket-Protocol of header.
func offeredSubprotocols(header []string) []byte {
	var all []string
	for _, line := range header {
		if name, value, _ := splitHeader(line); strings.EqualFold(name, "sec-websocket-protocol") {
			all = append(all, value)
		}
	}
	return []byte(strings.Join(all, ", "))
}
