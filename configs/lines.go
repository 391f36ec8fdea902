package configs

import "strings"

// lineIndex knows on which line of a TOML file each key and array element
// stands. The toml package keeps positions to itself, hence this second reading.
//
// The scanner checks no more than it needs to stay in step: a file that toml
// accepts is scanned to its end with the same set of keys (fuzzed), and for any
// other file toml's error is what the user sees. It also bounds nesting, since
// toml reads nested values by recursion.
type lineIndex struct {
	lines   map[keyPath]int
	again   []repeat
	tooDeep int // the line where nesting passes maxDepth; 0: nowhere
}

// repeat is a key that is given a second time.
type repeat struct {
	path        keyPath
	line, first int
}

// maxDepth bounds the parts of a key and the nesting of values. The schema needs
// six.
const maxDepth = 32

// line is where the value at p stands; for a value the file does not hold, the
// nearest table around it. 0: not even that.
func (x *lineIndex) line(p keyPath) int {
	if x == nil {
		return 0
	}
	for ; p != ""; p = p.parent() {
		if n, ok := x.lines[p]; ok {
			return n
		}
	}
	return 0
}

// has says whether the file holds a value at p.
func (x *lineIndex) has(p keyPath) bool {
	if x == nil {
		return false
	}
	_, ok := x.lines[p]
	return ok
}

// scanLines indexes text. It stops without a word at the first thing it cannot read.
func scanLines(text string) *lineIndex {
	s := &scanner{
		src:     strings.TrimPrefix(text, "\ufeff"),
		no:      1,
		index:   &lineIndex{lines: map[keyPath]int{}},
		arrays:  map[keyPath]int{},
		headers: map[keyPath]bool{},
	}
	var table keyPath
	for ok := true; ok; {
		s.skip(true)
		switch {
		case s.src == "":
			return s.index
		case s.src[0] == '[':
			table, ok = s.header()
		default:
			ok = s.pair(table, 0)
		}
		s.skip(false)
		ok = ok && (s.src == "" || s.src[0] == '\n')
	}
	return s.index
}

// scanner is a cursor over a TOML file.
type scanner struct {
	src     string // what is left
	no      int    // the line src begins on
	index   *lineIndex
	arrays  map[keyPath]int  // elements of each [[array]] so far
	headers map[keyPath]bool // tables that had a [header]
}

// take moves over n bytes and counts the lines in them.
func (s *scanner) take(n int) string {
	out := s.src[:n]
	s.no += strings.Count(out, "\n")
	s.src = s.src[n:]
	return out
}

// accept moves over prefix if it comes next.
func (s *scanner) accept(prefix string) bool {
	if !strings.HasPrefix(s.src, prefix) {
		return false
	}
	s.take(len(prefix))
	return true
}

// skip moves over white space and comments, and over line ends too if lines.
func (s *scanner) skip(lines bool) {
	for s.src != "" {
		switch c := s.src[0]; {
		case c == ' ' || c == '\t' || c == '\r' || (lines && c == '\n'):
			s.take(1)
		case c == '#':
			n := strings.IndexByte(s.src, '\n')
			if n < 0 {
				n = len(s.src)
			}
			s.take(n)
		default:
			return
		}
	}
}

// mark notes that p was first seen on this line.
func (s *scanner) mark(p keyPath, line int) {
	if _, ok := s.index.lines[p]; !ok {
		s.index.lines[p] = line
	}
}

// deeper says whether depth is within bounds, and notes the line if it is not.
func (s *scanner) deeper(depth int) bool {
	if depth > maxDepth && s.index.tooDeep == 0 {
		s.index.tooDeep = s.no
	}
	return depth <= maxDepth
}

// header reads [a.b] or [[a.b]] and returns the table that it opens.
func (s *scanner) header() (keyPath, bool) {
	line := s.no
	s.take(1)
	array := s.accept("[")
	parts, ok := s.key()
	if !ok || !s.accept("]") || (array && !s.accept("]")) {
		return "", false
	}
	p := s.resolve("", parts, line)
	if array {
		n := s.arrays[p]
		s.arrays[p] = n + 1
		p = p.elem(n)
		s.mark(p, line)
		return p, true
	}
	if s.headers[p] || s.arrays[p] > 0 {
		s.index.again = append(s.index.again, repeat{p, line, s.index.lines[p]})
		return p, true
	}
	s.headers[p] = true
	s.index.lines[p] = line // rather than an earlier [a.b.c] that implied it
	return p, true
}

// resolve is the path of a dotted key seen from a table, and marks each part. A
// part that names an [[array]] means its newest element, except the last.
func (s *scanner) resolve(p keyPath, parts []string, line int) keyPath {
	for i, name := range parts {
		p = p.child(name)
		s.mark(p, line)
		if n := s.arrays[p]; n > 0 && i < len(parts)-1 {
			p = p.elem(n - 1)
		}
	}
	return p
}

// pair reads key = value inside table.
func (s *scanner) pair(table keyPath, depth int) bool {
	line := s.no
	parts, ok := s.key()
	if !ok || !s.accept("=") || !s.deeper(depth+len(parts)) {
		return false
	}
	before := len(s.index.lines)
	p := s.resolve(table, parts, line)
	if len(s.index.lines) == before {
		s.index.again = append(s.index.again, repeat{p, line, s.index.lines[p]})
	}
	s.skip(false)
	return s.value(p, depth+len(parts))
}

// key reads a dotted key and the white space around it.
func (s *scanner) key() (parts []string, ok bool) {
	for {
		s.skipBlank()
		part, ok := s.keyPart()
		if !ok || !s.deeper(len(parts)+1) {
			return nil, false
		}
		parts = append(parts, part)
		s.skipBlank()
		if !s.accept(".") {
			return parts, true
		}
	}
}

func (s *scanner) skipBlank() { s.take(len(s.src) - len(strings.TrimLeft(s.src, " \t"))) }

// keyPart reads one bare or quoted part of a key.
func (s *scanner) keyPart() (string, bool) {
	switch {
	case s.src == "":
		return "", false
	case s.src[0] == '"':
		raw, ok := s.quoted('"')
		return unescape(raw), ok
	case s.src[0] == '\'':
		return s.quoted('\'')
	}
	n := strings.IndexAny(s.src, " \t\r\n.=[]{}#,\"'")
	if n < 0 {
		n = len(s.src)
	}
	return s.take(n), n > 0
}
