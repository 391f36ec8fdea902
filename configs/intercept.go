package configs

import (
	"fmt"
	"net/netip"
)

// PortRange is one port, or several in a row.
type PortRange struct{ First, Last uint16 }

// String is r as a file has it: "80", or "8000-8099".
func (r PortRange) String() string {
	if r.First == r.Last {
		return fmt.Sprint(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// Family is a version of IP.
type Family uint8

// The families. Zero is neither.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// FamilyOf is the family of ip; an IPv4 address in an IPv6 one counts as IPv6.
func FamilyOf(ip netip.Addr) Family {
	if ip.Is4() {
		return IPv4
	}
	return IPv6
}

// Families are the versions of IP that reach l: one for an address or for 0.0.0.0,
// both for [::] and for no host. None before Check has accepted the address.
func (l *Listener) Families() []Family {
	host, _, _, err := splitRange(l.Address)
	if err != nil {
		return nil
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && ip == netip.IPv6Unspecified():
		return []Family{IPv4, IPv6}
	case err != nil:
		return nil
	}
	return []Family{FamilyOf(ip.Unmap())}
}

// PortRanges are Ports as numbers, in their order. What Check refuses is left out, as
// in the other methods.
func (in *Intercept) PortRanges() []PortRange {
	var list []PortRange
	for _, s := range in.Ports {
		if first, last, err := splitPorts(s); err == nil {
			list = append(list, PortRange{first, last})
		}
	}
	return list
}

// Destinations is To, of one family. any is true if To is absent: then every
// destination is meant.
func (in *Intercept) Destinations(f Family) (list []netip.Prefix, any bool) {
	return prefixes(in.To, f), len(in.To) == 0
}

// Exceptions is Except, of one family.
func (in *Intercept) Exceptions(f Family) []netip.Prefix { return prefixes(in.Except, f) }

func prefixes(list []string, f Family) []netip.Prefix {
	var found []netip.Prefix
	for _, s := range list {
		if p, err := netip.ParsePrefix(s); err == nil && FamilyOf(p.Addr()) == f {
			found = append(found, p)
		}
	}
	return found
}

// takesLocal says whether a connection of this machine to that destination is
// intercepted, if its socket has no mark. An invalid address stands for one that is
// not known.
func (in *Intercept) takesLocal(ip netip.Addr, port uint16) bool {
	if !in.Local || !in.takesPort(port) {
		return false
	}
	if !ip.IsValid() {
		return true
	}
	f := FamilyOf(ip)
	to, any := in.Destinations(f)
	return (any && !ip.IsLoopback() || covers(to, ip)) && !covers(in.Exceptions(f), ip)
}

func (in *Intercept) takesPort(port uint16) bool {
	for _, r := range in.PortRanges() {
		if r.First <= port && port <= r.Last {
			return true
		}
	}
	return false
}

func covers(list []netip.Prefix, ip netip.Addr) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
