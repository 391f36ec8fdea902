package route

import (
	"bytes"
	"slices"
	"strings"
)

// paths are the routes of one host: a tree of path segments for exact paths and
// prefixes, and lists for the rest.
type paths struct {
	root  node
	regex []*Route // in the order of the file, more conditions first for equal text
	any   []*Route
}

// node is the place in the tree that a run of segments leads to. Each list holds
// routes of equal host and path, more conditions first.
type node struct {
	parent   *node
	children map[string]*node // by segment, without slashes

	exact      []*Route // "/a/b"
	exactSlash []*Route // "/a/b/"
	prefix     []*Route // prefix "/a/b"
	below      []*Route // prefix "/a/b/"
}

// insert files r under its path.
func (p *paths) insert(r *Route) {
	switch r.path.kind {
	case pathRegex:
		p.insertRegex(r)
		return
	case pathAny:
		p.any = insertRoute(p.any, r)
		return
	}
	text := r.path.text
	n := &p.root
	for seg := range strings.SplitSeq(strings.Trim(text, "/"), "/") {
		if seg != "" {
			n = n.child(seg)
		}
	}
	slash := text[len(text)-1] == '/'
	switch {
	case r.path.kind == pathExact && slash:
		n.exactSlash = insertRoute(n.exactSlash, r)
	case r.path.kind == pathExact:
		n.exact = insertRoute(n.exact, r)
	case slash:
		n.below = insertRoute(n.below, r)
	default:
		n.prefix = insertRoute(n.prefix, r)
	}
}

// insertRegex keeps the order of the file, except that routes of equal expression
// stand together at the place of the first, more conditions first.
func (p *paths) insertRegex(r *Route) {
	same := func(o *Route) bool { return o.path.text == r.path.text }
	first := slices.IndexFunc(p.regex, same)
	if first < 0 {
		p.regex = append(p.regex, r)
		return
	}
	end := first
	for end < len(p.regex) && same(p.regex[end]) {
		end++
	}
	group := insertRoute(slices.Clone(p.regex[first:end]), r)
	p.regex = slices.Replace(p.regex, first, end, group...)
}

// insertRoute puts r behind those of as many or more conditions.
func insertRoute(list []*Route, r *Route) []*Route {
	i := len(list)
	for i > 0 && list[i-1].conds.count < r.conds.count {
		i--
	}
	return slices.Insert(list, i, r)
}

func (n *node) child(seg string) *node {
	c := n.children[seg]
	if c == nil {
		if n.children == nil {
			n.children = map[string]*node{}
		}
		c = &node{parent: n}
		n.children[seg] = c
	}
	return c
}

// match returns the best route of this host for r, or nil.
func (p *paths) match(r *Request) *Route {
	if m := p.matchTree(r); m != nil {
		return m
	}
	for _, o := range p.regex {
		if o.path.regex.Match(r.path) && o.conds.hold(r) {
			return o
		}
	}
	return firstHolding(p.any, r)
}

// matchTree goes down as far as the path and the tree agree, and back up to the
// first node with a route that takes r. In the match form only the last segment
// can be empty.
func (p *paths) matchTree(r *Request) *Route {
	n, rest := &p.root, r.path
	for len(rest) > 1 {
		seg := rest[1:]
		if i := bytes.IndexByte(seg, '/'); i >= 0 {
			seg = seg[:i]
		}
		c := n.children[string(seg)]
		if c == nil {
			break
		}
		n, rest = c, rest[1+len(seg):]
	}
	var m *Route
	switch len(rest) {
	case 0:
		if m = firstHolding(n.exact, r); m == nil {
			m = firstHolding(n.prefix, r)
		}
		n = n.parent
	case 1:
		m = firstHolding(n.exactSlash, r)
	}
	for m == nil && n != nil {
		if m = firstHolding(n.below, r); m == nil {
			m = firstHolding(n.prefix, r)
		}
		n = n.parent
	}
	return m
}

func firstHolding(list []*Route, r *Request) *Route {
	for _, o := range list {
		if o.conds.hold(r) {
			return o
		}
	}
	return nil
}
