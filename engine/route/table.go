package route

import "weir/configs"

// Table is a compiled set of routes. It is immutable and safe for any number of
// goroutines.
type Table struct {
	routes []*Route

	exact     map[string]*paths // by host in normal form
	wildcards map[string]*paths // by what follows "*."
	any       *paths            // nil: no route for any host
	// Lengths of the keys of wildcards: a host of many labels costs no more
	// look-ups than the configuration calls for.
	shortest, longest int

	pages [600]*ErrorPage // by status
}

// Compile builds an immutable table. clusters maps the names of clusters to dense
// indexes, which come back as Route.Cluster. Errors name the route.
func Compile(routes []*configs.Route, clusters map[string]int, errors map[string]*configs.ErrorPage) (*Table, error) {
	t := &Table{exact: map[string]*paths{}, wildcards: map[string]*paths{}}
	for i, c := range routes {
		r, err := compileRoute(i, c, clusters)
		if err != nil {
			return nil, err
		}
		t.routes = append(t.routes, r)
		t.pathsOf(r).insert(r)
	}
	for suffix := range t.wildcards {
		if t.shortest == 0 || len(suffix) < t.shortest {
			t.shortest = len(suffix)
		}
		t.longest = max(t.longest, len(suffix))
	}
	if err := t.compilePages(errors); err != nil {
		return nil, err
	}
	return t, nil
}

// pathsOf returns the paths of r's host, made if they are not there.
func (t *Table) pathsOf(r *Route) *paths {
	if r.host == "" {
		if t.any == nil {
			t.any = &paths{}
		}
		return t.any
	}
	hosts := t.exact
	if r.wildcard {
		hosts = t.wildcards
	}
	if hosts[r.host] == nil {
		hosts[r.host] = &paths{}
	}
	return hosts[r.host]
}

// Routes returns the routes in the order of the file. Not to be written to.
func (t *Table) Routes() []*Route { return t.routes }

// Match returns the most specific route that takes r, or nil.
//
// An exact host comes before the longest wildcard, which comes before a route for
// any host. Then an exact path, the longest prefix, the regexes in the order of the
// file, and what takes every path: the prefix "/", or no path at all. Among equals, the one with more conditions, then
// the earlier one. A host or path none of whose routes takes the request does not
// end the search: the next less specific one is tried.
//
// Cost: one look-up for the host, one for each label of it that wildcards call for,
// one for each segment of the path as deep as the routes go, and every regex of the
// hosts tried. No allocation once r's scratch memory has grown to the paths in use.
func (t *Table) Match(r *Request) *Route {
	r.path, r.scratch = matchForm(r.scratch, r.Path)
	var buf hostBuffer
	if host := normalHost(&buf, r.Host); host != nil {
		if p := t.exact[string(host)]; p != nil {
			if m := p.match(r); m != nil {
				return m
			}
		}
		if t.longest > 0 {
			if m := t.matchWildcards(host, r); m != nil {
				return m
			}
		}
	}
	if t.any != nil {
		return t.any.match(r)
	}
	return nil
}

// matchWildcards tries the names above host, the longest first.
func (t *Table) matchWildcards(host []byte, r *Request) *Route {
	for i := max(1, len(host)-t.longest-1); i < len(host)-t.shortest; i++ {
		if host[i] != '.' {
			continue
		}
		if p := t.wildcards[string(host[i+1:])]; p != nil {
			if m := p.match(r); m != nil {
				return m
			}
		}
	}
	return nil
}
