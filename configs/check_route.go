package configs

import (
	"fmt"
	"regexp"
	"strings"
)

func (ck *checker) routes() {
	at := pathOf("routes")
	switch http, n := ck.takesHTTP(), len(ck.cfg.Routes); {
	case n == 0 && http && !ck.partial[""]:
		ck.warnf("", "add [[routes]]", "no routes: every request is answered with 404")
	case n > 0 && !http && len(ck.cfg.Listeners) > 0:
		ck.warnf(at.elem(0), `they need one with protocol "http" or "auto"`, "no listener takes HTTP: the routes do nothing")
	}
	matches := map[string]int{} // what a route matches: its index
	names := map[string]int{}   // a name that was made: how often
	for i, route := range ck.cfg.Routes {
		p := at.elem(i)
		if route == nil {
			route = NewRoute()
			ck.cfg.Routes[i] = route
		}
		re := ck.match(p, route)
		ck.action(p, route, re)
		ck.rewrite(p, route, re)
		ck.headerRules(p.child("request_headers"), &route.RequestHeaders, true)
		ck.headerRules(p.child("response_headers"), &route.ResponseHeaders, false)
		ck.number(p.child("https_port"), route.HTTPSPort, 1, 65535)
		if route.HSTS != nil {
			ck.hsts(p.child("hsts"), route.HSTS)
		}
		t := p.child("timeouts")
		ck.duration(t.child("response"), route.Timeouts.Response, false)
		ck.duration(t.child("response_idle"), route.Timeouts.ResponseIdle, false)
		ck.duration(t.child("tunnel_idle"), route.Timeouts.TunnelIdle, false)
		ck.routeName(p, route, names)

		if ck.broken[p] || ck.partial[p] {
			continue // what it matches is not known
		}
		key := matchKey(route)
		if j, ok := matches[key]; ok {
			ck.problemf(p, "only one of them can ever match", "this route matches the same requests as %s%s", at.elem(j), ck.onLine(at.elem(j)))
			continue
		}
		matches[key] = i
	}
	ck.shadowed(at)
}

// takesHTTP says whether a listener has requests for the routes. One whose protocol
// is not known may.
func (ck *checker) takesHTTP() bool {
	for _, l := range ck.cfg.Listeners {
		if l.Protocol != "tcp" && l.Protocol != "tls-passthrough" {
			return true
		}
	}
	return false
}

// shadowed warns of expressions that are never tried, because the prefix "/" of
// their host takes every request first. A route without a path would not.
func (ck *checker) shadowed(at keyPath) {
	takesAll := map[string]int{}
	for i, r := range ck.cfg.Routes {
		if r.Prefix == "/" && len(r.Methods)+len(r.Headers)+len(r.Query) == 0 {
			takesAll[r.Host] = i
		}
	}
	for i, r := range ck.cfg.Routes {
		if j, ok := takesAll[r.Host]; ok && r.Regex != "" {
			ck.warnf(at.elem(i).child("regex"), `leave that prefix out: a route without a path is tried last`,
				"no request gets here: prefix \"/\" of %s%s takes all of this host", at.elem(j), ck.onLine(at.elem(j).child("prefix")))
		}
	}
}

// routeName checks the name of a route, or makes one from its host and path:
// example.com/exact, example.com/prefix*, example.com~regex. Made names get a
// number when they repeat, so that a line of the log leads to one route.
func (ck *checker) routeName(p keyPath, route *Route, names map[string]int) {
	const most = 128
	if route.Name != "" {
		if len(route.Name) > most || strings.ContainsFunc(route.Name, unprintable) {
			ck.problemf(p.child("name"), "at most 128 printable ASCII characters", "%s is not a name for a route", quote(route.Name))
		}
		return
	}
	name := route.Host
	switch {
	case route.Path != "":
		name += route.Path
	case route.Regex != "":
		name += "~" + route.Regex
	case route.Prefix != "":
		name += route.Prefix + "*"
	default:
		name += "/*"
	}
	name = strings.Map(func(r rune) rune {
		if unprintable(r) {
			return '?'
		}
		return r
	}, name)
	if len(name) > most-8 {
		name = name[:most-8]
	}
	names[name]++
	if n := names[name]; n > 1 {
		name = fmt.Sprintf("%s#%d", name, n)
	}
	route.Name = name
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

// matchKey is equal for two routes that match the same requests. Parts are
// quoted, so that no value can pretend to be two.
func matchKey(r *Route) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q %q", r.Host, r.Path, r.Prefix, r.Regex)
	methods := map[string]string{}
	for _, m := range r.Methods {
		methods[m] = ""
	}
	headers := map[string]string{}
	for name, v := range r.Headers {
		headers[strings.ToLower(name)] = v
	}
	for _, conditions := range []map[string]string{methods, headers, r.Query} {
		b.WriteByte('|')
		for _, name := range ordered(conditions) {
			fmt.Fprintf(&b, "%q=%q ", name, conditions[name])
		}
	}
	return b.String()
}

// action checks that a request gets exactly one fate.
func (ck *checker) action(p keyPath, route *Route, re *regexp.Regexp) {
	var given []string
	if route.Cluster != "" {
		given = append(given, "cluster")
		ck.clusterExists(p.child("cluster"), route.Cluster)
		ck.http[route.Cluster] = true
	}
	if route.Redirect != nil {
		given = append(given, "redirect")
		ck.redirect(p.child("redirect"), route.Redirect, re, route.Regex == "" && !ck.broken[p.child("regex")])
	}
	if route.Respond != nil {
		given = append(given, "respond")
		ck.respond(p.child("respond"), route.Respond)
	}
	switch {
	case len(given) == 0:
		ck.missingf(p, "give it one of cluster, redirect and respond", "this route does nothing")
	case len(given) > 1:
		ck.problemf(p.child(given[1]), "keep one of them", "this route has both %s", strings.Join(given, " and "))
	}
	rules := &route.RequestHeaders
	if route.Cluster == "" && len(given) > 0 && len(rules.Set)+len(rules.Add)+len(rules.Remove) > 0 {
		ck.warnf(p.child("request_headers"), "only a cluster gets to see the request", "request_headers does nothing here")
	}
}
