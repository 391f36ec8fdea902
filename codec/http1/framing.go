package http1

// Framing says how the end of a body is found (RFC 9112 6.3).
type Framing uint8

// BodyNone is a message without a body.
const (
	BodyNone Framing = iota
	BodyLength
	BodyChunked
	BodyUntilClose
)

// String names f.
func (f Framing) String() string {
	switch f {
	case BodyNone:
		return "none"
	case BodyLength:
		return "length"
	case BodyChunked:
		return "chunked"
	case BodyUntilClose:
		return "until close"
	}
	return "unknown"
}

// framing reads Content-Length and Transfer-Encoding. length is -1 without a
// Content-Length. BodyNone means that neither field is there: what that means
// depends on the message.
//
// RFC 9112 6.3 would let a recipient prefer Transfer-Encoding, or collapse equal
// Content-Length values. Another recipient on the path may do otherwise, and the
// two then disagree on where the next message begins: request smuggling. All of it
// is refused.
func (s *section) framing(head []byte, fields []Field, minor uint8) (f Framing, length int64, code Code) {
	const either = 1<<FieldContentLength | 1<<FieldTransferEncoding
	if s.seen&either == 0 {
		return BodyNone, -1, CodeOK
	}
	if s.seen&either == either {
		return BodyNone, -1, CodeLengthWithTE
	}
	if s.seen.has(FieldTransferEncoding) {
		return BodyChunked, -1, s.coding(head, fields, minor)
	}
	i := Find(fields, FieldContentLength)
	length = parseLength(fields[i].Value.Of(head))
	if length < 0 {
		return BodyNone, -1, CodeLengthMalformed
	}
	if s.twice.has(FieldContentLength) {
		return BodyNone, -1, duplicateLengthCode(head, fields, fields[i].Value.Of(head))
	}
	return BodyLength, length, CodeOK
}

func duplicateLengthCode(head []byte, fields []Field, first []byte) Code {
	for i := range fields {
		if fields[i].ID == FieldContentLength && string(fields[i].Value.Of(head)) != string(first) {
			return CodeLengthDiffers
		}
	}
	return CodeLengthDuplicate
}

// coding accepts "chunked" once and nothing else (RFC 9112 6.1, 7). HTTP/1.0 has
// no transfer codings, and peers that speak it would not see this one.
func (s *section) coding(head []byte, fields []Field, minor uint8) Code {
	if minor == 0 || s.twice.has(FieldTransferEncoding) {
		return CodeTransferEncoding
	}
	value := fields[Find(fields, FieldTransferEncoding)].Value.Of(head)
	if EqualFold(value, "chunked") {
		return CodeOK
	}
	if len(value) == 0 {
		return CodeTransferEncoding
	}
	// Chunked before another coding, or twice, is ambiguous; anything else is only
	// a coding weir does not know.
	for chunked, list := false, value; len(list) > 0; {
		var element []byte
		element, list = nextElement(list)
		if chunked || len(element) == 0 {
			return CodeTransferEncoding
		}
		chunked = EqualFold(element, "chunked")
	}
	return CodeTransferCoding
}

// maxLengthDigits keeps a Content-Length inside an int64 without overflow checks.
const maxLengthDigits = 18

// parseLength reads 1 to 18 decimal digits and nothing else: no sign, no space, no
// list. -1: malformed.
func parseLength(b []byte) int64 {
	if len(b) == 0 || len(b) > maxLengthDigits {
		return -1
	}
	n := int64(0)
	for _, c := range b {
		if c-'0' > 9 {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
