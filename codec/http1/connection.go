package http1

// maxOptions bounds the Connection options of a head, over all its Connection
// fields, so that looking each of them up among the fields stays cheap.
const maxOptions = 32

// endToEnd are fields that no Connection option may name: they frame the message,
// route it, or say who is asking, and a peer that has them removed on the way
// makes the next hop see another request than this one did.
var endToEnd = setOf(FieldHost, FieldContentLength, FieldTransferEncoding, FieldExpect, FieldVia,
	FieldXForwardedFor, FieldXForwardedProto, FieldXForwardedHost, FieldXRequestID, FieldForwarded,
	FieldAuthorization, FieldCookie, FieldSetCookie, FieldOrigin, FieldContentType, FieldLocation,
	FieldSecWebSocketKey, FieldSecWebSocketVersion, FieldSecWebSocketProtocol,
	FieldSecWebSocketExtensions, FieldSecWebSocketAccept)

// options reads every Connection field and marks the fields they name as
// hop-by-hop. Cost: O(bytes) and at most maxOptions passes over fields.
func (s *section) options(head []byte, fields []Field) Code {
	if !s.seen.has(FieldConnection) {
		return CodeOK
	}
	count := 0
	for i := range fields {
		if fields[i].ID != FieldConnection {
			continue
		}
		for list := fields[i].Value.Of(head); len(list) > 0; {
			var option []byte
			option, list = nextElement(list)
			if len(option) == 0 {
				continue // RFC 9110 5.6.1.2: empty elements are ignored
			}
			if count++; count > maxOptions || !ValidFieldName(option) {
				return CodeConnection
			}
			if code := s.option(head, fields, option); code != CodeOK {
				return code
			}
		}
	}
	return CodeOK
}

func (s *section) option(head []byte, fields []Field, option []byte) Code {
	if EqualFold(option, "close") {
		s.close = true
		return CodeOK
	}
	id := fieldIDOf(option)
	switch {
	case endToEnd.has(id):
		return CodeConnection
	case id == FieldKeepAlive:
		s.keepAlive = true
	case id == FieldUpgrade:
		s.upgrade = true
	}
	if hopFields.has(id) {
		return CodeOK
	}
	for i := range fields {
		f := &fields[i]
		if f.ID == id && int(f.Name.Len) == len(option) && equalFold(f.Name.Of(head), option) {
			f.Hop = true
		}
	}
	return CodeOK
}

// keeps reports whether the connection outlives the message (RFC 9112 9.3).
func (s *section) keeps(minor uint8) bool {
	return !s.close && (minor == 1 || s.keepAlive)
}

// switches reports whether the head asks for, or announces, another protocol
// (RFC 9110 7.8). HTTP/1.0 cannot.
func (s *section) switches(minor uint8) bool {
	return minor == 1 && s.upgrade && s.seen.has(FieldUpgrade)
}
