package configs

import (
	"fmt"
	"strings"
)

// Var is a variable of a template, such as {host}. VarNone marks literal text.
type Var uint8

// The variables. VarNames holds how each is written.
const (
	VarNone Var = iota
	VarClientIP
	VarClientPort
	VarHost
	VarMethod
	VarPath
	VarQuery
	VarURI
	VarScheme
	VarRequestID
	VarRoute
	VarCluster
	VarEndpoint
	VarStatus // error pages only
	VarReason // error pages only
	NumVars
)

// VarNames are the names of the variables as a user writes them between braces,
// indexed by Var.
var VarNames = [NumVars]string{
	VarClientIP:   "client_ip",
	VarClientPort: "client_port",
	VarHost:       "host",
	VarMethod:     "method",
	VarPath:       "path",
	VarQuery:      "query",
	VarURI:        "uri",
	VarScheme:     "scheme",
	VarRequestID:  "request_id",
	VarRoute:      "route",
	VarCluster:    "cluster",
	VarEndpoint:   "endpoint",
	VarStatus:     "status",
	VarReason:     "reason",
}

// VarSet says which variables a template may use: bit v is Var v.
type VarSet uint32

// looseBraces makes a brace that does not open "{name}" plain text. Error pages
// have it, since HTML carries style sheets and JSON is made of braces.
const looseBraces VarSet = 1 << 31

// The sets of the three places that hold templates.
const (
	// HeaderVars are those of request_headers and response_headers.
	HeaderVars = RedirectVars | 1<<VarCluster | 1<<VarEndpoint
	// RedirectVars are those of redirect.to, which is answered before any
	// cluster is chosen.
	RedirectVars VarSet = 1<<VarClientIP | 1<<VarClientPort | 1<<VarHost | 1<<VarMethod | 1<<VarPath |
		1<<VarQuery | 1<<VarURI | 1<<VarScheme | 1<<VarRequestID | 1<<VarRoute
	// ErrorVars are those of error pages: nothing in it comes from the client
	// but a checked request id, so that a page cannot be made to carry markup.
	ErrorVars VarSet = looseBraces | 1<<VarStatus | 1<<VarReason | 1<<VarRequestID
)

// Has says whether v is in the set.
func (s VarSet) Has(v Var) bool { return v != VarNone && v < NumVars && s&(1<<v) != 0 }

// names are the variables of the set, without braces, in the order of Var.
func (s VarSet) names() []string {
	var out []string
	for v := VarNone + 1; v < NumVars; v++ {
		if s.Has(v) {
			out = append(out, VarNames[v])
		}
	}
	return out
}

// Part is a piece of a template: literal Text, or a Var when it is not VarNone.
type Part struct {
	Text string
	Var  Var
}

// ParseTemplate cuts s into literal text and variables. "{{" is a literal "{"; a
// "}" outside a variable is itself. "${name}" is a regex group, not a variable,
// and stays in Text as it is written, as do "$1" and "$$".
//
// Neighbouring literals are joined and none is empty, so an empty s gives no part.
// The error says what is wrong and what was meant, for one line of output.
func ParseTemplate(s string, allowed VarSet) ([]Part, error) {
	var parts []Part
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			parts = append(parts, Part{Text: text.String()})
			text.Reset()
		}
	}
	for s != "" {
		brace := strings.IndexByte(s, '{')
		if brace < 0 {
			text.WriteString(s)
			break
		}
		text.WriteString(s[:brace])
		dollars := len(s[:brace]) - len(strings.TrimRight(s[:brace], "$"))
		group := dollars%2 == 1 // "$$" is an escaped dollar sign
		s = s[brace:]
		if strings.HasPrefix(s, "{{") {
			text.WriteByte('{')
			s = s[2:]
			continue
		}
		name, rest, closed := cutName(s[1:])
		if group || (!closed && allowed&looseBraces != 0) {
			text.WriteByte('{')
			s = s[1:]
			continue
		}
		v, err := lookupVar(name, closed, allowed)
		if err != nil {
			return nil, err
		}
		flush()
		parts = append(parts, Part{Var: v})
		s = rest
	}
	flush()
	return parts, nil
}

// cutName reads the name and the closing brace that follow an opening one. When
// there is no such name, name is what can be shown to the user instead.
func cutName(s string) (name, rest string, closed bool) {
	n := 0
	for n < len(s) && (s[n] == '_' || s[n] == '-' || isAlnum(s[n])) {
		n++
	}
	if n > 0 && n < len(s) && s[n] == '}' {
		return s[:n], s[n+1:], true
	}
	return s[:n], "", false
}

func lookupVar(name string, closed bool, allowed VarSet) (Var, error) {
	if !closed {
		return VarNone, &hinted{fmt.Sprintf("\"{%s\" does not begin a variable", name), `write "{{" for a literal brace`}
	}
	for v := VarNone + 1; v < NumVars; v++ {
		if VarNames[v] != name {
			continue
		}
		if !allowed.Has(v) {
			return VarNone, &hinted{fmt.Sprintf("{%s} has no value here", name), "use " + braced(allowed.names())}
		}
		return v, nil
	}
	names := allowed.names()
	if near := nearest(name, names); near != "" {
		return VarNone, &hinted{fmt.Sprintf("unknown variable {%s}", name), fmt.Sprintf("did you mean {%s}?", near)}
	}
	return VarNone, &hinted{fmt.Sprintf("unknown variable {%s}", name), "use " + braced(names) + `, or "{{" for a literal brace`}
}

func braced(names []string) string { return "{" + strings.Join(names, "} {") + "}" }
