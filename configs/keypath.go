package configs

import (
	"strconv"
	"strings"
)

// keyPath is the place of a value in a file: names of keys and indexes of arrays,
// each after a NUL. Names that are not bare keys are quoted, which escapes any
// NUL of their own, so that parent can cut at the last one. "" is the whole file.
type keyPath string

// pathOf joins names into a path.
func pathOf(names ...string) keyPath {
	var p keyPath
	for _, n := range names {
		p = p.child(n)
	}
	return p
}

// child is the path of a key in the table at p.
func (p keyPath) child(name string) keyPath {
	bare := name != ""
	for i := range len(name) {
		bare = bare && (isAlnum(name[i]) || name[i] == '_' || name[i] == '-')
	}
	if !bare {
		name = strconv.Quote(name)
	}
	return p + "\x00" + keyPath(name)
}

// elem is the path of element i of the array at p.
func (p keyPath) elem(i int) keyPath {
	return p + "\x00[" + keyPath(strconv.Itoa(i)) + "]"
}

// parent is the path of the table or array that holds p.
func (p keyPath) parent() keyPath {
	i := strings.LastIndexByte(string(p), 0)
	if i < 0 {
		return ""
	}
	return p[:i]
}

// last is the name or index that p ends in, as it is shown to a user.
func (p keyPath) last() string { return string(p[strings.LastIndexByte(string(p), 0)+1:]) }

// String is the path as it is shown to a user: routes[3].redirect.to.
func (p keyPath) String() string {
	var b strings.Builder
	for i, part := range strings.Split(string(p), "\x00") {
		if i > 1 && !strings.HasPrefix(part, "[") {
			b.WriteByte('.')
		}
		b.WriteString(part)
	}
	return b.String()
}
