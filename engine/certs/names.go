package certs

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// entry is what a server name selects. Names with the same choice of certificates
// share one, so that two names can be compared by pointer.
type entry struct {
	pairs []*tls.Certificate // the preferred first
	host  string             // of a certificate that comes by itself; "": none
}

// index finds the entry of a name. It does not change once built.
type index struct {
	exact    map[string]*entry
	wildcard map[string]*entry // by what follows "*."
	def      *entry            // nil: no certificate at all
	strict   bool              // names that nothing covers have no entry
}

// newIndex sorts the pairs by the DNS names in their leaves. hosts come besides:
// each has an entry of its own where no pair has exactly that name, since the
// operator asked for a certificate of its own.
func newIndex(pairs []*tls.Certificate, hosts []string, strict bool) *index {
	byName := map[string][]int{}
	for i, p := range pairs {
		for _, name := range leafNames(p.Leaf) {
			byName[name] = append(byName[name], i)
		}
	}
	x := &index{exact: map[string]*entry{}, wildcard: map[string]*entry{}, strict: strict}
	shared := map[string]*entry{}
	share := func(choice []int) *entry {
		key := fmt.Sprint(choice)
		if shared[key] == nil {
			shared[key] = &entry{pairs: prefer(pairs, choice)}
		}
		return shared[key]
	}
	for name, choice := range byName {
		if below, is := strings.CutPrefix(name, "*."); is {
			x.wildcard[below] = share(choice)
		} else {
			x.exact[name] = share(choice)
		}
	}
	for _, host := range hosts {
		host = strings.ToLower(host)
		if x.exact[host] == nil {
			x.exact[host] = &entry{host: host}
		}
	}
	switch {
	case len(pairs) > 0:
		x.def = share(siblings(pairs))
	case len(hosts) > 0:
		x.def = x.exact[strings.ToLower(hosts[0])]
	}
	return x
}

// leafNames are the DNS names of a certificate that can be asked for, lower case,
// each once. A wildcard is a whole leftmost label (RFC 6125 6.4.3).
func leafNames(leaf *x509.Certificate) []string {
	var names []string
	for _, name := range leaf.DNSNames {
		name = strings.ToLower(name)
		if name == "" || strings.Contains(strings.TrimPrefix(name, "*."), "*") {
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// siblings are the pairs for just the names of the first: its other kinds of key.
func siblings(pairs []*tls.Certificate) []int {
	var list []int
	first := leafNames(pairs[0].Leaf)
	for i, p := range pairs {
		if i == 0 || slices.Equal(leafNames(p.Leaf), first) {
			list = append(list, i)
		}
	}
	return list
}

// prefer puts ECDSA before RSA, which costs a server eight times the time, and
// keeps the order of the configuration otherwise.
func prefer(pairs []*tls.Certificate, choice []int) []*tls.Certificate {
	list := make([]*tls.Certificate, len(choice))
	for i, n := range choice {
		list[i] = pairs[n]
	}
	slices.SortStableFunc(list, func(a, b *tls.Certificate) int {
		return cmp.Compare(rank(a.Leaf.PublicKey), rank(b.Leaf.PublicKey))
	})
	return list
}

func rank(key crypto.PublicKey) int {
	switch key.(type) {
	case *ecdsa.PublicKey:
		return 0
	case ed25519.PublicKey:
		return 1
	}
	return 2
}

// find is the entry of a name as name returned it; nil: none, the client is
// refused.
func (x *index) find(name []byte) *entry {
	if e := x.exact[string(name)]; e != nil {
		return e
	}
	for i, c := range name {
		if c == '.' && i > 0 {
			if e := x.wildcard[string(name[i+1:])]; e != nil {
				return e
			}
			break
		}
	}
	if x.strict {
		return nil
	}
	return x.def
}

// maxName is the longest name in the DNS (RFC 1035 2.3.4), as text.
const maxName = 253

// name makes a server name, or the value of a Host field (RFC 9110 7.2), comparable
// in buf: no port, no trailing dot, lower case. What cannot be a DNS name comes out
// empty; an address in brackets does so too, since an SNI never holds one.
func name[T string | []byte](buf *[maxName]byte, host T) []byte {
	end := len(host)
	for i := end - 1; i >= 0; i-- {
		if host[i] == ':' {
			end = i
			break
		}
	}
	if end > 0 && host[end-1] == '.' {
		end--
	}
	if end > maxName || end > 0 && host[0] == '[' {
		return nil
	}
	for i := range end {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return buf[:end]
}
