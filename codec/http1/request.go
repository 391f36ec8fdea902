package http1

import "bytes"

// RequestHead is the parsed start line and field section of one request. Its spans
// refer to the buffer that was parsed. The zero value is ready for use; the array
// behind Fields is kept from one request to the next.
type RequestHead struct {
	Fields []Field
	// Length is the Content-Length with BodyLength, 0 with BodyNone, -1 with
	// BodyChunked.
	Length     int64
	MethodName Span
	Target     Span // as sent
	// Host is the authority the request is for, valid and as sent: that of the
	// target in absolute-form and authority-form, else the Host field. Empty only
	// for HTTP/1.0 without one.
	Host Span
	// Path is the target without the query, still percent-encoded. It is "*" in
	// asterisk-form, and empty in authority-form and where an absolute-form has no
	// path (which means "/").
	Path     Span
	Query    Span // without the "?"
	HasQuery bool
	Method   Method
	Minor    uint8 // 0 or 1: HTTP/1.0 or HTTP/1.1
	Framing  Framing
	// KeepAlive: the client lets the connection live after this exchange.
	KeepAlive bool
	// Upgrade: HTTP/1.1 with an Upgrade field and the option in Connection.
	Upgrade bool
	// Expect100: HTTP/1.1, a body follows, and the client waits for a 100 first.
	Expect100 bool
}

// Reset empties h and keeps the array behind Fields.
func (h *RequestHead) Reset() { *h = RequestHead{Fields: h.Fields[:0]} }

// ParseRequestHead parses one request head from the front of buf into h.
//
// n is the size of the head, blank line and one ignored leading empty line
// included (RFC 9112 2.2). n == 0 with CodeOK means that buf is an unfinished
// prefix in which nothing wrong was found yet: read more and call again with the
// same bytes in front. scanned is how many leading bytes of buf an earlier call
// was given, 0 the first time. It never changes the answer; it keeps a sender of
// single bytes from costing O(len(buf)²).
//
// An unfinished prefix is refused at once for a first byte that cannot begin a
// method, a bare LF, a request line longer than lim.TargetBytes allows, and a head
// longer than lim.HeadBytes. All else is checked when the blank line is there.
//
// h is unspecified unless n > 0. ParseRequestHead does not allocate once h.Fields
// has the capacity for the fields that come, at most lim.Fields.
func ParseRequestHead(buf []byte, scanned int, lim *Limits, h *RequestHead) (n int, code Code) {
	lead, begun, code := requestStart(buf)
	if !begun {
		return 0, code
	}
	h.Reset()
	limit := min(lim.HeadBytes, MaxHeadBytes)
	lineLimit := lead + lim.TargetBytes + lineOverhead
	if lineLimit <= limit && scanned < lineLimit && lineLimit <= len(buf) {
		if code = h.checkLine(buf[:lineLimit], lead, lim); code != CodeOK {
			return 0, code
		}
	}
	end, code := scanHead(buf, max(scanned, lead), limit)
	if end == 0 {
		return 0, code
	}
	head := buf[:end]
	eol := lead + bytes.IndexByte(head[lead:], '\n') - 1
	if code = h.parseLine(head, lead, eol, lim); code != CodeOK {
		return 0, code
	}
	var s section
	h.Fields, code = s.parse(head, eol+2, h.Fields, lim.Fields)
	if code == CodeOK {
		code = h.settle(head, &s)
	}
	if code != CodeOK {
		return 0, code
	}
	return end, CodeOK
}

// lineOverhead is what a request line holds at most beside its target: method, two
// spaces, version, CRLF.
const lineOverhead = maxMethodBytes + 2 + len("HTTP/1.1") + 2

// requestStart finds the first byte of a request behind the one empty line that
// may come before it, and refuses what cannot begin one: a TLS record or another
// binary protocol gets an answer to its first byte. begun says that buf[lead] is
// there and may begin a method.
func requestStart(buf []byte) (lead int, begun bool, code Code) {
	if len(buf) > 0 && buf[0] == '\r' {
		if len(buf) == 1 {
			return 0, false, CodeOK
		}
		if buf[1] != '\n' {
			return 0, false, CodeBareCR
		}
		lead = 2
	}
	if lead == len(buf) {
		return lead, false, CodeOK
	}
	switch c := buf[lead]; {
	case class[c]&isToken != 0:
		return lead, true, CodeOK
	case c == '\n':
		return 0, false, CodeBareLF
	case c == 0:
		return 0, false, CodeNUL
	}
	return 0, false, CodeMethod
}

// checkLine refuses the request line that begins at head[at] if it does not end in
// head, which is as long as a request line may be.
func (h *RequestHead) checkLine(head []byte, at int, lim *Limits) Code {
	if bytes.IndexByte(head[at:], '\n') >= 0 {
		return CodeOK
	}
	if code := h.parseLine(head, at, len(head), lim); code != CodeOK {
		return code
	}
	return CodeTargetTooLong
}

// parseLine reads head[at:eol], a request line without its CRLF.
func (h *RequestHead) parseLine(head []byte, at, eol int, lim *Limits) Code {
	end := at
	for end < eol && class[head[end]]&isToken != 0 {
		end++
	}
	if end == eol || head[end] != ' ' || end-at > maxMethodBytes {
		return lineCode(head[at:eol], end-at, CodeMethod)
	}
	h.MethodName = span(at, end)
	h.Method = methodOf(head[at:end])

	at = end + 1
	n := bytes.IndexByte(head[at:eol], ' ')
	if n > lim.TargetBytes || n < 0 && eol-at > lim.TargetBytes {
		return CodeTargetTooLong
	}
	switch {
	case n < 0: // HTTP/0.9, or no version
		return CodeVersion
	case n == 0:
		return CodeTarget
	}
	end = at + n
	minor, code := parseVersion(head[end+1 : eol])
	if code != CodeOK {
		return code
	}
	h.Minor = minor
	return parseTarget(head, at, end, h)
}

// lineCode says what the byte at line[i] breaks, other where it is an ordinary one.
func lineCode(line []byte, i int, other Code) Code {
	if i < len(line) && (line[i] == 0 || line[i] == '\r') {
		return valueCode(line[i])
	}
	return other
}

// parseVersion accepts HTTP/1.0 and HTTP/1.1. Another well-formed version, such as
// that of the HTTP/2 preface, is unsupported and not malformed.
func parseVersion(b []byte) (minor uint8, code Code) {
	if len(b) != 8 || string(b[:5]) != "HTTP/" || b[5]-'0' > 9 || b[6] != '.' || b[7]-'0' > 9 {
		return 0, CodeVersion
	}
	if b[5] != '1' || b[7] > '1' {
		return 0, CodeVersionUnsupported
	}
	return b[7] - '0', CodeOK
}

// settle derives what the fields mean together, in an order that tests rely on:
// authority, connection, framing, expectation.
func (h *RequestHead) settle(head []byte, s *section) Code {
	if code := h.settleHost(head, s); code != CodeOK {
		return code
	}
	if code := s.options(head, h.Fields); code != CodeOK {
		return code
	}
	h.KeepAlive = s.keeps(h.Minor)
	h.Upgrade = s.switches(h.Minor)

	var code Code
	h.Framing, h.Length, code = s.framing(head, h.Fields, h.Minor)
	if code != CodeOK {
		return code
	}
	if h.Framing == BodyNone {
		h.Length = 0
	}
	if !s.seen.has(FieldExpect) {
		return CodeOK
	}
	i := Find(h.Fields, FieldExpect)
	if s.twice.has(FieldExpect) || !EqualFold(h.Fields[i].Value.Of(head), "100-continue") {
		return CodeExpectation
	}
	// RFC 9110 10.1.1: ignored from HTTP/1.0, and pointless without a body.
	h.Expect100 = h.Minor == 1 && h.Length != 0
	return CodeOK
}

// settleHost checks the Host field and makes it h.Host, unless the target brought
// an authority, which then must be the same one (RFC 9112 3.2).
func (h *RequestHead) settleHost(head []byte, s *section) Code {
	if !s.seen.has(FieldHost) {
		if h.Minor == 1 {
			return CodeHostMissing
		}
		return CodeOK
	}
	if s.twice.has(FieldHost) {
		return CodeHostDuplicate
	}
	host := h.Fields[Find(h.Fields, FieldHost)].Value
	if !validAuthority(host.Of(head), false) {
		return CodeHostMalformed
	}
	if h.Host.Len == 0 {
		h.Host = host
		return CodeOK
	}
	if !equalFold(h.Host.Of(head), host.Of(head)) {
		return CodeAuthorityMismatch
	}
	return CodeOK
}
