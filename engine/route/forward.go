package route

import (
	"fmt"
	"strings"

	"weir/configs"
)

// Forwards leads connections that carry no HTTP to clusters, by what is known of
// them before their first byte is read: the name and the protocols in a ClientHello,
// and the port. It is immutable, and may be read by all loops at once.
type Forwards struct {
	entries  []forward
	fallback int // cluster; -1: none
}

// forward is one entry. All of its conditions must hold.
type forward struct {
	exact    map[string]bool
	suffixes []string // of wildcards, with their leading "."
	alpn     []string
	lo, hi   uint16 // ports; 0, 65535: any
	cluster  int
}

// Offers is what a ClientHello offers by ALPN.
type Offers interface{ OffersALPN(protocol string) bool }

// CompileForwards compiles the entries of a listener; fallback is its own cluster, or
// "". clusters gives the index of a cluster by its name.
func CompileForwards(list []*configs.Forward, fallback string, clusters map[string]int) (*Forwards, error) {
	f := &Forwards{fallback: -1}
	var ok bool
	if fallback != "" {
		if f.fallback, ok = clusters[fallback]; !ok {
			return nil, fmt.Errorf("there is no cluster %q", fallback)
		}
	}
	for i, c := range list {
		e := forward{exact: map[string]bool{}, alpn: c.ALPN}
		if e.cluster, ok = clusters[c.Cluster]; !ok {
			return nil, fmt.Errorf("forward[%d]: there is no cluster %q", i, c.Cluster)
		}
		for _, name := range c.ServerNames {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			if below, wildcard := strings.CutPrefix(name, "*."); wildcard {
				e.suffixes = append(e.suffixes, "."+below)
			} else {
				e.exact[name] = true
			}
		}
		var err error
		if e.lo, e.hi, err = c.PortRange(); err != nil {
			return nil, fmt.Errorf("forward[%d]: ports %q %w", i, c.Ports, err)
		}
		f.entries = append(f.entries, e)
	}
	return f, nil
}

// Match gives the cluster of a connection: that of the first entry that takes it,
// else the listener's own; -1: nothing does. serverName is in lower case, or empty;
// offers may be nil; port is the one the client connected to. It costs a step an
// entry and does not allocate.
func (f *Forwards) Match(serverName []byte, offers Offers, port uint16) int {
	for i := range f.entries {
		if e := &f.entries[i]; e.hasPort(port) && e.hasName(serverName) && e.hasALPN(offers) {
			return e.cluster
		}
	}
	return f.fallback
}

// NeedsPort reports whether Match looks at the port at all.
func (f *Forwards) NeedsPort() bool {
	for i := range f.entries {
		if f.entries[i].lo != 0 {
			return true
		}
	}
	return false
}

func (e *forward) hasPort(port uint16) bool {
	return e.lo <= port && port <= e.hi
}

func (e *forward) hasName(name []byte) bool {
	if len(e.exact)+len(e.suffixes) == 0 || e.exact[string(name)] {
		return true
	}
	for _, s := range e.suffixes {
		if len(name) > len(s) && string(name[len(name)-len(s):]) == s {
			return true
		}
	}
	return false
}

func (e *forward) hasALPN(offers Offers) bool {
	if len(e.alpn) == 0 {
		return true
	}
	for _, protocol := range e.alpn {
		if offers != nil && offers.OffersALPN(protocol) {
			return true
		}
	}
	return false
}
