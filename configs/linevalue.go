package configs

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// value reads the value at p, which begins here.
func (s *scanner) value(p keyPath, depth int) bool {
	switch {
	case s.src == "" || !s.deeper(depth):
		return false
	case strings.HasPrefix(s.src, `"""`):
		return s.multiline('"')
	case strings.HasPrefix(s.src, `'''`):
		return s.multiline('\'')
	case s.src[0] == '"' || s.src[0] == '\'':
		_, ok := s.quoted(s.src[0])
		return ok
	case s.src[0] == '[':
		return s.array(p, depth)
	case s.src[0] == '{':
		return s.inline(p, depth)
	}
	// A number, a date or a boolean: toml decides whether it is one.
	n := strings.IndexAny(s.src, ",]}#\n")
	if n < 0 {
		n = len(s.src)
	}
	s.take(n)
	return n > 0
}

// array reads [ ... ], which may hold line ends and comments.
func (s *scanner) array(p keyPath, depth int) bool {
	s.take(1)
	for i := 0; ; i++ {
		s.skip(true)
		if s.accept("]") {
			return true
		}
		e := p.elem(i)
		s.mark(e, s.no)
		if !s.value(e, depth+1) {
			return false
		}
		s.skip(true)
		if !s.accept(",") {
			return s.accept("]")
		}
	}
}

// inline reads { ... }. TOML 1.1 allows line ends and comments in it.
func (s *scanner) inline(p keyPath, depth int) bool {
	s.take(1)
	for {
		s.skip(true)
		if s.accept("}") {
			return true
		}
		if !s.pair(p, depth+1) {
			return false
		}
		s.skip(true)
		if !s.accept(",") {
			return s.accept("}")
		}
	}
}

// quoted reads a string of one line, and returns what is between its quotes with
// the escapes as they are.
func (s *scanner) quoted(quote byte) (string, bool) {
	for i := 1; i < len(s.src); i++ {
		switch c := s.src[i]; {
		case c == quote:
			out := s.take(i + 1)
			return out[1:i], true
		case c == '\n':
			return "", false
		case c == '\\' && quote == '"':
			i++
		}
	}
	return "", false
}

// multiline reads a string between triple quotes. Up to two more quotes before
// the closing three belong to the string.
func (s *scanner) multiline(quote byte) bool {
	for i := 3; i < len(s.src); i++ {
		switch c := s.src[i]; {
		case c == '\\' && quote == '"':
			i++
		case c == quote:
			n := 1
			for n < 5 && i+n < len(s.src) && s.src[i+n] == quote {
				n++
			}
			if n >= 3 {
				s.take(i + n)
				return true
			}
			i += n - 1
		}
	}
	return false
}

// unescape undoes the escapes of a basic string. What is no legal escape is left
// as it is: toml refuses the file.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if k := strings.IndexByte(`btnfre"\`, s[i]); k >= 0 {
			b.WriteByte("\b\t\n\f\r\x1b\"\\"[k])
			continue
		}
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[i]]
		if digits == 0 || i+digits >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		r, err := strconv.ParseUint(s[i+1:i+1+digits], 16, 32)
		if err != nil || r > utf8.MaxRune {
			r = utf8.RuneError
		}
		b.WriteRune(rune(r))
		i += digits
	}
	return b.String()
}
