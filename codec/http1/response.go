package http1

import "bytes"

// ResponseHead is the parsed status line and field section of one response, final
// or interim. Its spans refer to the buffer that was parsed. The zero value is
// ready for use; the array behind Fields is kept from one response to the next.
type ResponseHead struct {
	Fields []Field
	// Length is the Content-Length as sent, whatever the framing; -1 without one.
	// A response to HEAD and a 304 may have one and no body.
	Length  int64
	Status  int  // 100 to 599
	Reason  Span // may be empty, may hold bytes above 0x7f
	Minor   uint8
	Framing Framing
	// KeepAlive: the connection may be reused once the body has ended. Never with
	// BodyUntilClose.
	KeepAlive bool
	// Upgrade: HTTP/1.1 with an Upgrade field and the option in Connection.
	Upgrade bool
}

// Reset empties h and keeps the array behind Fields.
func (h *ResponseHead) Reset() { *h = ResponseHead{Fields: h.Fields[:0]} }

// ParseResponseHead parses one response head from the front of buf into h, as
// strictly as a request. req is the method of the request it answers, on which its
// framing depends.
//
// n, scanned, lim.HeadBytes and lim.Fields mean what they mean in
// ParseRequestHead. An unfinished prefix is refused at once when it does not begin
// with "HTTP/", at a bare LF, and above lim.HeadBytes. An empty line in front is
// refused: after a response, it is a surplus byte.
func ParseResponseHead(buf []byte, scanned int, lim *Limits, req Method, h *ResponseHead) (n int, code Code) {
	const start = "HTTP/"
	if p := min(len(buf), len(start)); string(buf[:p]) != start[:p] {
		return 0, CodeVersion
	}
	end, code := scanHead(buf, scanned, min(lim.HeadBytes, MaxHeadBytes))
	if end == 0 {
		return 0, code
	}
	head := buf[:end]
	h.Reset()
	eol := bytes.IndexByte(head, '\n') - 1
	if code = h.parseStatusLine(head, eol); code != CodeOK {
		return 0, code
	}
	var s section
	h.Fields, code = s.parse(head, eol+2, h.Fields, lim.Fields)
	if code == CodeOK {
		code = h.settle(head, &s, req)
	}
	if code != CodeOK {
		return 0, code
	}
	return end, CodeOK
}

// parseStatusLine reads head[:eol]. The space before an empty reason phrase may be
// missing: servers forget it, and nothing depends on it.
func (h *ResponseHead) parseStatusLine(head []byte, eol int) Code {
	const version, status = len("HTTP/1.1"), len("HTTP/1.1 200")
	line := head[:eol]
	if len(line) < version {
		return CodeVersion
	}
	minor, code := parseVersion(line[:version])
	if code != CodeOK {
		return code
	}
	if len(line) == version || line[version] != ' ' {
		return CodeVersion
	}
	if len(line) < status || len(line) > status && line[status] != ' ' {
		return CodeStatus
	}
	n := parseLength(line[version+1 : status])
	if n < 100 || n > 599 {
		return CodeStatus
	}
	h.Minor, h.Status = minor, int(n)
	if len(line) == status {
		return CodeOK
	}
	h.Reason = span(status+1, eol)
	if i := valueEnd(line, status+1); i < eol {
		if code := valueCode(line[i]); code != CodeFieldValue {
			return code
		}
		return CodeReason
	}
	return CodeOK
}

// settle derives what the fields mean together (RFC 9112 6.3). The framing fields
// are checked even where they do not apply, as in a response to HEAD.
func (h *ResponseHead) settle(head []byte, s *section, req Method) Code {
	if code := s.options(head, h.Fields); code != CodeOK {
		return code
	}
	framing, length, code := s.framing(head, h.Fields, h.Minor)
	if code != CodeOK {
		return code
	}
	h.Length = length
	switch {
	case req == MethodHEAD, h.Status < 200, h.Status == 204, h.Status == 304,
		req == MethodCONNECT && h.Status < 300:
		h.Framing = BodyNone
	case framing == BodyNone:
		h.Framing = BodyUntilClose
	default:
		h.Framing = framing
	}
	h.KeepAlive = s.keeps(h.Minor) && h.Framing != BodyUntilClose
	h.Upgrade = s.switches(h.Minor)
	return CodeOK
}
