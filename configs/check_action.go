package configs

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// redirect checks where a route sends the client. re is the regex of the route;
// noRegex says that it has none, rather than one that does not compile.
func (ck *checker) redirect(p keyPath, r *Redirect, re *regexp.Regexp, noRegex bool) {
	if !slices.Contains(redirectStatuses, r.Status) {
		ck.problemf(p.child("status"), "write 301, 302, 303, 307 or 308", "status %d does not redirect", r.Status)
	}
	at := p.child("to")
	const hint = `write "https://{host}{uri}", or a path that begins with "/"`
	if r.To == "" {
		ck.missingf(p, hint, "redirect leads nowhere")
		return
	}
	switch {
	case !startsLocation(r.To):
		ck.problemf(at, hint, "to = %s is neither an http URL nor a path", quote(r.To))
	case !isFieldText(r.To) || strings.Contains(r.To, " "):
		ck.problemf(at, `write "%20" for a space`, "to = %s holds a space or a control character", quote(r.To))
	}
	if _, err := ParseTemplate(r.To, RedirectVars); err != nil {
		ck.problemErr(at, err)
	}
	ck.groups(at, r.To, re, !noRegex && re == nil)
}

// startsLocation says whether a template begins like a URL or a path of this host.
// "//" and "/\" are neither: a browser takes what follows for a host.
func startsLocation(to string) bool {
	for _, scheme := range []string{"http://", "https://", "{scheme}://"} {
		if rest, ok := strings.CutPrefix(to, scheme); ok {
			return rest != "" && rest[0] != '/'
		}
	}
	path := strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.HasPrefix(to, "/\\")
	return path || strings.HasPrefix(to, "{path}") || strings.HasPrefix(to, "{uri}")
}

func (ck *checker) respond(p keyPath, r *Respond) {
	ck.number(p.child("status"), r.Status, 200, 599)
	body := p.child("body")
	switch {
	case r.Body != "" && (r.Status == 204 || r.Status == 205 || r.Status == 304):
		ck.problemf(body, "leave it out, or change the status", "an answer with status %d has no body", r.Status)
	case len(r.Body) > maxPage:
		ck.problemf(body, "at most 1MiB", "the body is too large")
	}
	ck.contentType(p.child("type"), r.Type)
}

// rewrite checks what replaces the matched path on its way to the cluster.
func (ck *checker) rewrite(p keyPath, route *Route, re *regexp.Regexp) {
	if route.Rewrite == "" {
		return
	}
	at := p.child("rewrite")
	if route.Cluster == "" && (route.Redirect != nil || route.Respond != nil) {
		ck.problemf(at, "a redirect has its path in redirect.to", "rewrite without a cluster")
	}
	literal := route.Rewrite
	if route.Regex != "" {
		literal = groupRef.ReplaceAllStringFunc(literal, func(ref string) string {
			if ref == "$$" {
				return "$"
			}
			return "x"
		})
		if strings.HasPrefix(literal, "x") && strings.HasPrefix(route.Rewrite, "$") {
			literal = "/" + literal // the group begins with it, or the request is refused
		}
		if i := abnormalEscape(literal); i >= 0 {
			ck.problemf(at, "write letters, digits and \"-._~\" as themselves, and others in upper case, like \"%2F\"",
				"rewrite %s holds %q, which is not the normal form", quote(route.Rewrite), literal[i:i+3])
		}
	}
	if hint, message := pathMistake(literal); message != "" && (route.Regex == "" || !strayDollar(route.Rewrite)) {
		if strings.HasSuffix(message, "query") {
			hint = "the query of the request is kept as it is"
		}
		ck.problemf(at, hint, "rewrite %s %s", quote(route.Rewrite), message)
	}
	ck.groups(at, route.Rewrite, re, route.Regex != "" && re == nil)
}

// abnormalEscape finds a percent-encoding that is not in the normal form of RFC
// 3986 section 6.2.2, which a path made of groups is not brought into; -1: none.
func abnormalEscape(s string) int {
	for i := 0; i+2 < len(s); i++ {
		if s[i] != '%' || !isHex(s[i+1]) || !isHex(s[i+2]) {
			continue
		}
		c, _ := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if strings.ToUpper(s[i:i+3]) != s[i:i+3] || isAlnum(byte(c)) || strings.IndexByte("-._~", byte(c)) >= 0 {
			return i
		}
	}
	return -1
}

// groupRef is a reference to a group, where a name is as long as it can be: $1,
// $name, ${1}, ${name}; $0 is the whole path. $$ is the sign itself, and so is one
// that no name follows.
var groupRef = regexp.MustCompile(`\$(\$|[0-9A-Za-z_]+|\{[^{}]*\})`)

// groups reports references to groups that the regex does not have. unknown says
// that there is a regex but it does not compile.
func (ck *checker) groups(p keyPath, s string, re *regexp.Regexp, unknown bool) {
	if unknown {
		return
	}
	for _, m := range groupRef.FindAllStringSubmatch(s, -1) {
		ref, name := m[0], strings.Trim(m[1], "{}")
		switch {
		case name == "$" || re != nil && hasGroup(re, name):
		case re == nil:
			ck.problemf(p, `use regex = "..." with a group, or a variable like {path}`, "%s refers to a group, but the route has no regex", quote(ref))
		default:
			ck.problemf(p, groupHint(name, re), "%s is not a group of the regex", quote(ref))
		}
	}
	if re != nil && strayDollar(s) {
		ck.problemf(p, `write "${1}" or "${name}", or "$$" for the sign`, "a \"${\" does not begin a group")
	}
}

// strayDollar says whether s holds a "${" that is neither a reference nor escaped.
func strayDollar(s string) bool { return strings.Contains(groupRef.ReplaceAllString(s, ""), "${") }

func hasGroup(re *regexp.Regexp, name string) bool {
	if n, err := strconv.Atoi(name); err == nil {
		return n <= re.NumSubexp() && strconv.Itoa(n) == name
	}
	return re.SubexpIndex(name) >= 0
}

// groupHint guesses which group was meant by name.
func groupHint(name string, re *regexp.Regexp) string {
	digits := len(name) - len(strings.TrimLeft(name, "0123456789"))
	if digits > 0 && digits < len(name) && hasGroup(re, name[:digits]) {
		return fmt.Sprintf("write \"${%s}%s\" to end the name there", name[:digits], name[digits:])
	}
	if near := nearest(name, re.SubexpNames()); near != "" {
		return fmt.Sprintf("did you mean \"${%s}\"?", near)
	}
	if n := re.NumSubexp(); n != 1 {
		return fmt.Sprintf("it has %d groups", n)
	}
	return "it has 1 group"
}
