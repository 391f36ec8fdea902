package http1

// section is what the fields of one head say together. It lives only while a head
// is parsed.
type section struct {
	seen  fieldSet // at least one
	twice fieldSet // more than one
	// Connection options (RFC 9110 7.6.1).
	close, keepAlive, upgrade bool
}

// parse reads the field lines of head from at up to its blank line, with which
// head ends, and appends them to fields. At most limit fields are taken.
func (s *section) parse(head []byte, at int, fields []Field, limit int) ([]Field, Code) {
	for {
		start := at
		c := head[at]
		for class[c]&isToken != 0 {
			at++
			c = head[at]
		}
		if c != ':' || at == start {
			return fields, lineEndCode(head, start, at)
		}
		if len(fields) >= limit {
			return fields, CodeTooManyFields
		}
		name := head[start:at]
		id := fieldIDOf(name)

		value := at + 1
		for isBlank(head[value]) {
			value++
		}
		end := valueEnd(head, value)
		if head[end] != '\r' || head[end+1] != '\n' {
			return fields, valueCode(head[end])
		}
		at = end + 2
		for end > value && isBlank(head[end-1]) {
			end--
		}
		s.twice |= s.seen & (1 << id)
		s.seen |= 1 << id
		fields = append(fields, Field{
			Name: span(start, start+len(name)), Value: span(value, end),
			ID: id, Hop: hopFields.has(id),
		})
	}
}

// lineEndCode says why the field line at start has no name that ends at a colon at
// at. CodeOK: it is the blank line.
func lineEndCode(head []byte, start, at int) Code {
	switch c := head[at]; {
	case c == '\r' && head[at+1] != '\n':
		return CodeBareCR
	case c == '\r' && at == start:
		return CodeOK
	case c == 0:
		return CodeNUL
	case isBlank(c) && at == start:
		return CodeObsFold
	case isBlank(c):
		return CodeSpaceBeforeColon
	}
	return CodeFieldName
}

// valueCode says what c, a control byte inside a value, breaks.
func valueCode(c byte) Code {
	switch c {
	case 0:
		return CodeNUL
	case '\r':
		return CodeBareCR
	}
	return CodeFieldValue
}
