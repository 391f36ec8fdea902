package route

import (
	"fmt"
	"strconv"
	"strings"

	"weir/configs"
)

// Vars are the values of the variables of templates. The memory is borrowed.
type Vars struct {
	ClientIP   []byte // without brackets
	ClientPort []byte
	Host       []byte // as sent
	Method     []byte
	Path       []byte // canonical form, before any rewrite
	Query      []byte // without the "?"
	RequestID  []byte
	HasQuery   bool // there was a "?", maybe with nothing behind it
	Scheme     string
	Route      string
	Cluster    string
	Endpoint   string
}

// append appends the value of a variable, without any control byte: no value that
// came with a request can end a field line.
func (v *Vars) append(dst []byte, name configs.Var) []byte {
	switch name {
	case configs.VarClientIP:
		return appendVisible(dst, v.ClientIP)
	case configs.VarClientPort:
		return appendVisible(dst, v.ClientPort)
	case configs.VarHost:
		return appendVisible(dst, v.Host)
	case configs.VarMethod:
		return appendVisible(dst, v.Method)
	case configs.VarPath:
		return appendVisible(dst, v.Path)
	case configs.VarQuery:
		return appendVisible(dst, v.Query)
	case configs.VarURI:
		dst = appendVisible(dst, v.Path)
		if v.HasQuery {
			dst = appendVisible(append(dst, '?'), v.Query)
		}
		return dst
	case configs.VarRequestID:
		return appendVisible(dst, v.RequestID)
	case configs.VarScheme:
		return appendVisible(dst, v.Scheme)
	case configs.VarRoute:
		return appendVisible(dst, v.Route)
	case configs.VarCluster:
		return appendVisible(dst, v.Cluster)
	case configs.VarEndpoint:
		return appendVisible(dst, v.Endpoint)
	}
	return dst
}

// appendVisible appends s without its control bytes.
func appendVisible[T []byte | string](dst []byte, s T) []byte {
	for i := range len(s) {
		if isControl(s[i]) {
			return appendFiltered(dst, s)
		}
	}
	return append(dst, s...)
}

func appendFiltered[T []byte | string](dst []byte, s T) []byte {
	for i := range len(s) {
		if !isControl(s[i]) {
			dst = append(dst, s[i])
		}
	}
	return dst
}

func isControl(c byte) bool { return c < ' ' || c == 0x7f }

// part is a piece of a template: a variable, a regex group, or text.
type part struct {
	text  string
	name  configs.Var
	group int // 1 + the number of a regex group, of which 0 is the whole path; 0: none
}

// template is a compiled template; nil is the empty text.
type template []part

// parseTemplate compiles s. groups are the names of the groups of the route's
// regex, as regexp.SubexpNames gives them; nil when it has none, and "$" is text.
func parseTemplate(s string, allowed configs.VarSet, groups []string) (template, error) {
	parts, err := configs.ParseTemplate(s, allowed)
	if err != nil {
		return nil, err
	}
	var t template
	for _, p := range parts {
		switch {
		case p.Var != configs.VarNone:
			t = append(t, part{name: p.Var})
		case groups == nil:
			t = append(t, part{text: p.Text})
		default:
			if t, err = appendGroups(t, p.Text, groups); err != nil {
				return nil, err
			}
		}
	}
	for _, p := range t {
		if len(appendFiltered(nil, p.text)) != len(p.text) {
			return nil, fmt.Errorf("control bytes in %q", p.text)
		}
	}
	return t, nil
}

// appendGroups cuts text at "$1", "$name", "${1}" and "${name}", where a name is as
// long as it can be. "$$" is a "$", and so is one that no name follows.
func appendGroups(t template, text string, groups []string) (template, error) {
	literal := ""
	for text != "" {
		before, after, found := strings.Cut(text, "$")
		literal += before
		if !found {
			break
		}
		name, rest := cutGroup(after)
		if name == "" {
			literal += "$"
			text = strings.TrimPrefix(after, "$")
			continue
		}
		group := groupIndex(name, groups)
		if group < 0 {
			return nil, fmt.Errorf(`"$%s" names no group of the regex; write "$1", "${name}", or "$$" for a dollar sign`, name)
		}
		if literal != "" {
			t = append(t, part{text: literal})
			literal = ""
		}
		t = append(t, part{group: 1 + group})
		text = rest
	}
	if literal != "" {
		t = append(t, part{text: literal})
	}
	return t, nil
}

// cutGroup reads the name of a group that follows a "$"; "" if there is none.
func cutGroup(s string) (name, rest string) {
	if inner, ok := strings.CutPrefix(s, "{"); ok {
		if name, rest, ok = strings.Cut(inner, "}"); ok && name != "" {
			return name, rest
		}
		return s, ""
	}
	n := 0
	for n < len(s) && (s[n] == '_' || pathClasses[s[n]] == classUnreserved && strings.IndexByte("-.~", s[n]) < 0) {
		n++
	}
	return s[:n], s[n:]
}

// groupIndex finds a group by number or name; -1: there is none.
func groupIndex(name string, groups []string) int {
	for i, g := range groups {
		if g == name || strconv.Itoa(i) == name {
			return i
		}
	}
	return -1
}

// captures are the groups of a regex in one path.
type captures struct {
	path  []byte // canonical form
	index []int  // pairs of offsets in path; -1: the group took no part
}

// capture matches path, which Match has found to match, again to learn its groups.
// They are cut from the canonical form: what is forwarded keeps its spelling.
// It allocates.
func (r *Route) capture(path []byte) captures {
	form, _ := matchForm(nil, path)
	index := r.path.regex.FindSubmatchIndex(form)
	if len(form) != len(path) {
		for i, off := range index {
			index[i] = canonicalOffset(path, off)
		}
	}
	return captures{path, index}
}

// canonicalOffset turns an offset in the match form of path into one in path.
func canonicalOffset(path []byte, off int) int {
	if off < 0 {
		return off
	}
	i := 0
	for ; off > 0 && i < len(path); off-- {
		_, i = matchStep(path, i)
	}
	return i
}

// of returns what part p, which is a group, took of the path.
func (c captures) of(p part) []byte {
	n := p.group - 1
	if 2*n+1 >= len(c.index) || c.index[2*n] < 0 {
		return nil
	}
	return c.path[c.index[2*n]:c.index[2*n+1]]
}
