package configs

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// match checks what a route matches and lower-cases its host. It returns the
// compiled regex, or nil.
func (ck *checker) match(p keyPath, route *Route) *regexp.Regexp {
	ck.host(p.child("host"), route)
	kinds := []struct{ key, value string }{{"path", route.Path}, {"prefix", route.Prefix}, {"regex", route.Regex}}
	var given []string
	for _, k := range kinds {
		if k.value == "" {
			continue
		}
		given = append(given, k.key)
		if len(given) > 1 {
			ck.problemf(p.child(k.key), "keep one of them", "this route has both %s", strings.Join(given, " and "))
		}
		if k.key != "regex" {
			ck.path(p.child(k.key), k.value)
		}
	}
	var re *regexp.Regexp
	if route.Regex != "" {
		re = ck.regex(p.child("regex"), "regex", route.Regex)
		if re != nil {
			ck.regexBegins(p.child("regex"), re)
		}
	}
	if len(given) == 0 && route.Rewrite != "" && !ck.partial[p] {
		ck.problemf(p.child("rewrite"), `add prefix = "/"`, "rewrite without path, prefix or regex")
	}
	for i, m := range route.Methods {
		ck.method(p.child("methods").elem(i), m)
	}
	ck.conditions(p.child("headers"), route.Headers, true)
	ck.conditions(p.child("query"), route.Query, false)
	return re
}

// host checks and lower-cases the host of a route.
func (ck *checker) host(p keyPath, route *Route) {
	host := strings.ToLower(route.Host)
	route.Host = host
	name, wild := strings.CutPrefix(host, "*.")
	if host == "" || isHostName(name) && !(wild && looksLikeIP(name)) {
		return
	}
	const hint = `write a name like "example.com", or "*.example.com" for all below it`
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		if ip, err := netip.ParseAddr(inner); closed && err == nil && ip.Is6() && ip.Zone() == "" {
			return
		}
	}
	_, port, err := splitAddress(host)
	switch {
	case host == "*":
		ck.problemf(p, "leave it out to match every host", `host "*" is not a name`)
	case strings.Contains(host, "/"):
		ck.problemf(p, hint, "host %s holds a path or a scheme", quote(host))
	case err == nil && port > 0:
		ck.problemf(p, "leave the port out: routes match on every listener", "host %s has a port", quote(host))
	case strings.Contains(name, "*"):
		ck.problemf(p, hint, "host %s: a wildcard can only stand for whole labels at the front", quote(host))
	case strings.HasSuffix(host, "."):
		ck.problemf(p, fmt.Sprintf("write %s", quote(strings.TrimRight(host, "."))), "host %s ends with a dot", quote(host))
	case strings.ContainsFunc(host, func(r rune) bool { return r > '~' }):
		ck.problemf(p, `write its ASCII form, which begins with "xn--"`, "host %s is not ASCII", quote(host))
	default:
		ck.problemf(p, hint, "host %s is not a host name", quote(host))
	}
}

// regex compiles an RE2 expression, or reports why it does not compile.
func (ck *checker) regex(p keyPath, what, s string) *regexp.Regexp {
	const most = 4096
	if len(s) > most {
		ck.problemf(p, "at most 4096 bytes", "%s is too long", what)
		return nil
	}
	re, err := regexp.Compile(s)
	if err != nil {
		message := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		ck.problemf(p, "see https://github.com/google/re2/wiki/Syntax", "%s %s does not compile: %s", what, quote(s), oneLine(message))
		return nil
	}
	return re
}

// regexBegins reports an expression that no path can match.
func (ck *checker) regexBegins(p keyPath, re *regexp.Regexp) {
	if first, _ := re.LiteralPrefix(); first != "" && first[0] != '/' {
		ck.problemf(p, `begin it with "/": it must match the whole path`, "regex %s never matches", quote(re.String()))
	}
}

var commonMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"}

func (ck *checker) method(p keyPath, m string) {
	upper := strings.ToUpper(m)
	switch {
	case !isToken(m):
		ck.problemf(p, `write them like ["GET", "POST"]`, "methods: %s is not a method", quote(m))
	case m != upper && slices.Contains(commonMethods, upper):
		ck.problemf(p, fmt.Sprintf("did you mean %q?", upper), "methods: %s is not %s, case counts", quote(m), upper)
	}
}

// conditions checks the headers or query of a match.
func (ck *checker) conditions(p keyPath, m map[string]string, fields bool) {
	what := "query"
	if fields {
		what = "headers"
		ck.fieldNames(p, m)
	}
	for _, name := range ordered(m) {
		at, v := p.child(name), m[name]
		expr, isRegex := strings.CutPrefix(v, "~")
		switch {
		case isRegex:
			ck.regex(at, what+"."+at.last(), expr)
		case fields && (!isFieldText(strings.ReplaceAll(v, "\t", " ")) || strings.Trim(v, " \t") != v):
			ck.problemf(at, "values have no control characters, and no white space around them", "headers.%s: %s can never be received", at.last(), quote(v))
		}
	}
}
