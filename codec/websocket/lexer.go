package websocket

// lexer walks a field value by the RFC 9110 5.6 grammar. Slices it returns alias
// the value. Every method moves forward or reports failure, so a caller that
// stops at the first failure is linear in the value.
type lexer struct {
	in  []byte
	pos int
}

func (l *lexer) end() bool { return l.pos == len(l.in) }

// take moves over c if it is next.
func (l *lexer) take(c byte) bool {
	if l.pos < len(l.in) && l.in[l.pos] == c {
		l.pos++
		return true
	}
	return false
}

// skipOWS moves over spaces and tabs.
func (l *lexer) skipOWS() {
	for l.pos < len(l.in) && (l.in[l.pos] == ' ' || l.in[l.pos] == '\t') {
		l.pos++
	}
}

// token moves over a token and returns it; empty if none is next.
func (l *lexer) token() []byte {
	start := l.pos
	for l.pos < len(l.in) && isToken(l.in[l.pos]) {
		l.pos++
	}
	return l.in[start:l.pos]
}

// quotedToken moves over a quoted string whose text is a token once unescaped,
// which is all RFC 6455 9.1 allows in one. It returns what is between the quotes
// with its backslashes; unescaping is left to number.
func (l *lexer) quotedToken() (text []byte, ok bool) {
	if !l.take('"') {
		return nil, false
	}
	start := l.pos
	for l.pos < len(l.in) {
		c := l.in[l.pos]
		if c == '"' {
			text = l.in[start:l.pos]
			l.pos++
			return text, len(text) > 0
		}
		if c == '\\' {
			l.pos++
			if l.pos == len(l.in) {
				break
			}
			c = l.in[l.pos]
		}
		if !isToken(c) {
			break
		}
		l.pos++
	}
	return nil, false
}

// nextElement moves over empty list elements to the next one (RFC 9110 5.6.1).
// It reports false at the end of the list.
func (l *lexer) nextElement() bool {
	for {
		l.skipOWS()
		if !l.take(',') {
			return !l.end()
		}
	}
}

// endElement moves over the comma after an element, or to the end of the list.
// It reports false if anything else follows.
func (l *lexer) endElement() bool {
	l.skipOWS()
	return l.end() || l.take(',')
}

// isToken reports whether c is a tchar (RFC 9110 5.6.2).
func isToken(c byte) bool { return tchar[c] }

var tchar = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()
