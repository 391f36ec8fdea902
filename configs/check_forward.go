package configs

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// forwards checks the entries of a listener and lower-cases their names.
func (ck *checker) forwards(p keyPath, l *Listener) {
	seen := takers{}
	for i, f := range l.Forward {
		at := p.elem(i)
		if f == nil {
			f = &Forward{}
			l.Forward[i] = f
		}
		if f.Cluster == "" {
			ck.missingf(at, `add cluster = "NAME"`, "a forward entry has no cluster")
		} else {
			ck.clusterExists(at.child("cluster"), f.Cluster)
		}
		for j, name := range f.ServerNames {
			f.ServerNames[j] = ck.serverName(at.child("server_names").elem(j), name)
		}
		ck.alpn(at.child("alpn"), f.ALPN)
		if ck.forwardPorts(at.child("ports"), l, f) && !ck.broken[at] && !ck.partial[at] {
			ck.taken(p, i, f, seen)
		}
	}
}

// serverName returns a name of SNI in lower case, exact or "*.example.com".
func (ck *checker) serverName(p keyPath, s string) string {
	name, wild := strings.CutPrefix(strings.ToLower(s), "*.")
	if isHostName(name) && !looksLikeIP(name) {
		return strings.ToLower(s)
	}
	hint := `write a name like "example.com", or "*.example.com" for all below it`
	switch _, err := netip.ParseAddr(name); {
	case err == nil && !wild:
		hint = "clients that go to an address send no name: use ports, or an entry without server_names"
	case s == "*":
		hint = "leave server_names out to take any"
	}
	ck.problemf(p, hint, "server_names: %s is not a host name", quote(s))
	return s
}

// forwardPorts checks the ports of an entry, and that the listener has one of them.
// It says whether they can be understood.
func (ck *checker) forwardPorts(p keyPath, l *Listener, f *Forward) bool {
	if f.Ports == "" {
		return true
	}
	first, last, err := splitPorts(f.Ports)
	if err != nil {
		ck.problemf(p, `write "9000" or "9000-9099"`, "ports %s %s", quote(f.Ports), err)
		return false
	}
	_, low, high, err := splitRange(l.Address)
	// A PROXY header may tell of any port, and port 0 becomes any.
	if err == nil && low > 0 && l.ProxyProtocol == nil && (last < low || first > high) {
		ck.warnf(p, fmt.Sprintf("the listener has %s", quote(l.Address)), "ports %s: no connection comes to them", quote(f.Ports))
	}
	return true
}

// taker is an earlier entry that takes some name.
type taker struct {
	index int
	entry *Forward
}

// takers are the entries by each of their names; "" has those that take any.
type takers map[string][]taker

// maxTakers bounds the comparisons for one name. Entries that share a name differ
// in ports or ALPN, and a file with more of them goes without the warning.
const maxTakers = 64

// taken warns of what no connection reaches in entry i, because an earlier entry
// takes it.
func (ck *checker) taken(p keyPath, i int, f *Forward, seen takers) {
	at := p.elem(i)
	names := f.ServerNames
	if len(names) == 0 {
		names = []string{""}
	}
	for j, name := range names {
		switch other := seen.find(name, f); {
		case other < 0:
		case other == i:
			ck.warnf(at.child("server_names").elem(j), "leave it out", "%s is in this entry already", quote(name))
		case name == "":
			ck.warnf(at, "the first match wins", "no connection gets here: %s%s takes it", p.elem(other), ck.onLine(p.elem(other)))
		default:
			ck.warnf(at.child("server_names").elem(j), "the first match wins", "%s never gets here: %s%s takes it",
				quote(name), p.elem(other), ck.onLine(p.elem(other)))
		}
		if len(seen[name]) < maxTakers {
			seen[name] = append(seen[name], taker{i, f})
		}
	}
}

// find is the first entry that takes every connection with that name which f would
// take, or -1. The wildcard "*.a.b" is taken by itself and "*.b".
func (t takers) find(name string, f *Forward) int {
	best := -1
	try := func(key string) {
		for _, other := range t[key] {
			if other.entry.covers(f) && (best < 0 || other.index < best) {
				best = other.index
			}
		}
	}
	try(name)
	for rest := strings.TrimPrefix(name, "*."); strings.Contains(rest, "."); {
		_, rest, _ = strings.Cut(rest, ".")
		try("*." + rest)
	}
	try("")
	return best
}

// covers says whether f takes what g takes, names aside. A client that offers one
// of g's protocols offers one of f's if f has all of them.
func (f *Forward) covers(g *Forward) bool {
	first, last, _ := f.PortRange()
	gFirst, gLast, _ := g.PortRange()
	if gFirst < first || gLast > last {
		return false
	}
	missing := func(name string) bool { return !slices.Contains(f.ALPN, name) }
	return len(f.ALPN) == 0 || len(g.ALPN) > 0 && !slices.ContainsFunc(g.ALPN, missing)
}
