package route

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"weir/configs"
)

// conditions are what a route asks for beyond host and path.
type conditions struct {
	count   int      // methods count as one
	methods []string // empty: any
	headers []condition
	query   []condition
}

// condition compares one named value.
type condition struct {
	name    string // of a field: in lower case
	present bool   // any value will do
	value   string
	regex   *regexp.Regexp // anchored; nil: value is compared
}

// hold reports whether r meets every condition. A query parameter that occurs more
// than once meets one when any of its values does.
func (c *conditions) hold(r *Request) bool {
	if c.count == 0 {
		return true
	}
	if len(c.methods) > 0 && !slices.ContainsFunc(c.methods, func(m string) bool { return m == string(r.Method) }) {
		return false
	}
	for i := range c.headers {
		if r.Fields == nil {
			return false
		}
		if v, ok := r.Fields.Field(c.headers[i].name); !ok || !c.headers[i].takes(v) {
			return false
		}
	}
	for i := range c.query {
		if !c.query[i].inQuery(r) {
			return false
		}
	}
	return true
}

func (c *condition) takes(v []byte) bool {
	switch {
	case c.present:
		return true
	case c.regex != nil:
		return c.regex.Match(v)
	}
	return string(v) == c.value
}

// inQuery looks for a parameter that c takes.
func (c *condition) inQuery(r *Request) bool {
	for rest := r.Query; len(rest) > 0; {
		pair := rest
		if i := bytes.IndexByte(rest, '&'); i >= 0 {
			pair, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		name, value := pair, []byte(nil)
		if i := bytes.IndexByte(pair, '='); i >= 0 {
			name, value = pair[:i], pair[i+1:]
		}
		// One scratch serves both: the name is done with before the value.
		if name, r.value = decodeQuery(r.value, name); string(name) != c.name || len(pair) == 0 {
			continue
		}
		if value, r.value = decodeQuery(r.value, value); c.takes(value) {
			return true
		}
	}
	return false
}

func compileConditions(c *configs.Route) (conditions, error) {
	out := conditions{methods: c.Methods, count: len(c.Headers) + len(c.Query)}
	if len(c.Methods) > 0 {
		out.count++
	}
	for _, m := range c.Methods {
		if !isToken(m) {
			return out, fmt.Errorf("%q is not a method", m)
		}
	}
	var err error
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		if !isToken(name) {
			return out, fmt.Errorf("%q is not a field name", name)
		}
		if out.headers, err = appendCondition(out.headers, strings.ToLower(name), c.Headers[name]); err != nil {
			return out, fmt.Errorf("header %s: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Query)) {
		if out.query, err = appendCondition(out.query, name, c.Query[name]); err != nil {
			return out, fmt.Errorf("query %s: %w", name, err)
		}
	}
	return out, nil
}

// appendCondition reads the three forms of a value: "*", "~" and an expression, or
// the value itself.
func appendCondition(list []condition, name, value string) ([]condition, error) {
	c := condition{name: name, value: value, present: value == "*"}
	if expr, ok := strings.CutPrefix(value, "~"); ok {
		var err error
		if c.regex, err = compileAnchored(expr); err != nil {
			return nil, err
		}
	}
	return append(list, c), nil
}

// compileAnchored compiles an RE2 expression that must match the whole of a text.
// It is compiled alone first, so that "a)|(b" cannot break out of the anchors.
func compileAnchored(expr string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(expr); err != nil {
		return nil, err
	}
	return regexp.Compile(`^(?:` + expr + `)$`)
}

// isToken reports whether s is a token (RFC 9110 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
