package configs

import (
	"fmt"
	"net/netip"
	"slices"
)

// intercepts checks what transparent listeners take against each other, and against
// what weir itself connects to.
func (ck *checker) intercepts() {
	names := slices.DeleteFunc(ordered(ck.cfg.Listeners), func(name string) bool { return ck.cfg.Listeners[name].Intercept == nil })
	for i, name := range names {
		l := ck.cfg.Listeners[name]
		at := pathOf("listeners", name, "intercept")
		for _, other := range names[:i] {
			if what := overlap(l, ck.cfg.Listeners[other]); what != "" {
				ck.problemf(at, "tell them apart by interfaces, ports, to or except", "%s would be led to listener %q%s too",
					what, other, ck.onLine(pathOf("listeners", other, "intercept")))
			}
		}
		ck.selfIntercepts(at.child("local"), l.Intercept)
	}
}

// overlap is a connection that both listeners would take, in words, or "".
func overlap(a, b *Listener) string {
	origin := ""
	for _, name := range a.Intercept.Interfaces {
		if slices.Contains(b.Intercept.Interfaces, name) {
			origin = "by " + name
			break
		}
	}
	if origin == "" && a.Intercept.Local && b.Intercept.Local {
		origin = "of this machine"
	}
	port := commonPort(a.Intercept.PortRanges(), b.Intercept.PortRanges())
	if origin == "" || port == 0 {
		return ""
	}
	for _, f := range a.Families() {
		if slices.Contains(b.Families(), f) {
			if to, ok := commonDestination(a.Intercept, b.Intercept, f); ok {
				return fmt.Sprintf("a connection %s to %s, port %d,", origin, to, port)
			}
		}
	}
	return ""
}

func commonPort(a, b []PortRange) uint16 {
	for _, x := range a {
		for _, y := range b {
			if first := max(x.First, y.First); first <= min(x.Last, y.Last) {
				return first
			}
		}
	}
	return 0
}

// commonDestination is what both send to themselves, unless one of them excepts all
// of it.
func commonDestination(a, b *Intercept, f Family) (netip.Prefix, bool) {
	excepted := slices.Concat(a.Exceptions(f), b.Exceptions(f))
	for _, x := range destinations(a, f) {
		for _, y := range destinations(b, f) {
			if !x.Overlaps(y) {
				continue
			}
			if y.Bits() > x.Bits() {
				x = y // one of two prefixes that overlap holds the other
			}
			if !slices.ContainsFunc(excepted, func(e netip.Prefix) bool { return e.Bits() <= x.Bits() && e.Contains(x.Addr()) }) {
				return x, true
			}
		}
	}
	return netip.Prefix{}, false
}

// destinations are those of in, where any destination is a prefix as well.
func destinations(in *Intercept, f Family) []netip.Prefix {
	list, any := in.Destinations(f)
	switch {
	case any && f == IPv4:
		return []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0)}
	case any:
		return []netip.Prefix{netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
	}
	return list
}

// selfIntercepts reports clusters whose connections would come back to weir: nothing
// tells them from those of other processes.
func (ck *checker) selfIntercepts(p keyPath, in *Intercept) {
	for _, name := range ordered(ck.cfg.Clusters) {
		c := ck.cfg.Clusters[name]
		if c.Mark == 0 && in.meets(c) {
			ck.problemf(p, fmt.Sprintf("add mark = 2 (or another number) to [%s]", pathOf("clusters", name)),
				"weir would intercept its own connections to cluster %q, which has no mark", name)
		}
	}
}

// meets says whether connections to c may be among those of this machine that in
// takes. What is not known yet, an address behind a name or endpoints found later, is
// taken to be.
func (in *Intercept) meets(c *Cluster) bool {
	if len(c.Endpoints) == 0 {
		return in.Local
	}
	return slices.ContainsFunc(c.Endpoints, func(e Endpoint) bool {
		host, port, err := splitAddress(e.Address)
		ip, _ := netip.ParseAddr(host)
		return err == nil && in.takesLocal(ip.Unmap().WithZone(""), port)
	})
}
