package configs

import (
	"net"
	"strconv"
	"strings"
)

// maxPorts bounds the range of one listener: each port is a socket in each loop.
const maxPorts = 1024

// Addresses are the single addresses, "host:port", that l listens on: one, or one
// for each port of a range, in order. Before Check has accepted the address it is
// given back as it is.
func (l *Listener) Addresses() []string {
	host, first, last, err := splitRange(l.Address)
	if err != nil || !isRange(l.Address) {
		return []string{l.Address}
	}
	list := make([]string, 0, int(last)-int(first)+1)
	for port := int(first); port <= int(last); port++ {
		list = append(list, net.JoinHostPort(host, strconv.Itoa(port)))
	}
	return list
}

// PortRange is the first and the last port that the entry takes: all of them if it
// has no condition. Check has reported what is an error here.
func (f *Forward) PortRange() (first, last uint16, err error) {
	if f.Ports == "" {
		return 0, 65535, nil
	}
	return splitPorts(f.Ports)
}

// splitRange cuts "host:port" or "host:first-last", where a range has at least one
// port and at most maxPorts. The host is checked no further.
func splitRange(s string) (host string, first, last uint16, err error) {
	colon := strings.LastIndexByte(s, ':')
	low, high, ranged := strings.Cut(s[colon+1:], "-")
	if colon < 0 || !ranged {
		host, first, err = splitAddress(s)
		return host, first, first, err
	}
	if host, _, err = splitAddress(s[:colon] + ":" + low); err != nil {
		return "", 0, 0, err
	}
	if first, last, err = splitPorts(low + "-" + high); err != nil {
		return "", 0, 0, err
	}
	if int(last)-int(first) >= maxPorts {
		return "", 0, 0, addressError("has more than " + strconv.Itoa(maxPorts) + " ports")
	}
	return host, first, last, nil
}

// isRange says whether an address names more than one port, or tries to.
func isRange(address string) bool {
	return strings.Contains(address[strings.LastIndexByte(address, ':')+1:], "-")
}

// splitPorts cuts "9000" or "9000-9099". The error goes after "ports X".
func splitPorts(s string) (first, last uint16, err error) {
	low, high, ranged := strings.Cut(s, "-")
	if !ranged {
		high = low
	}
	first, okFirst := parsePort(low)
	last, okLast := parsePort(high)
	switch {
	case !okFirst || !okLast:
		return 0, 0, addressError("has no port, or range of ports, from 1 to 65535")
	case first > last:
		return 0, 0, addressError("has its range backwards")
	}
	return first, last, nil
}

// parsePort reads a port from 1 to 65535 in its only spelling.
func parsePort(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && s[0] >= '1' && s[0] <= '9'
}
