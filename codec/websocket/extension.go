package websocket

// maxChosen is how many extensions a response may choose. One exists in practice;
// the bound keeps a response with thousands of one-letter names from costing
// their number times the length of the offer.
const maxChosen = 8

const deflateName = "permessage-deflate"

// ExtensionsOffered reports whether chosen, the Sec-WebSocket-Extensions of a
// response, is a legal answer to offer, that of the request (RFC 6455 9.1):
//
//   - both are well formed, parameters included;
//   - every extension chosen was offered, by exactly that name;
//   - permessage-deflate, if chosen, is chosen once, and agrees with one of the
//     offers of it as RFC 7692 7.1 demands.
//
// Fields given several times are passed joined by commas. An empty chosen is
// always legal. More than eight extensions are refused. Cost: linear in both; no
// allocation.
func ExtensionsOffered(offer, chosen []byte) bool {
	l := lexer{in: chosen}
	deflates := 0
	for n := 0; l.nextElement(); n++ {
		var e extension
		if n == maxChosen || !e.parse(&l) {
			return false
		}
		if e.deflate() {
			deflates++
		}
		if deflates > 1 || !e.answers(offer) {
			return false
		}
	}
	return true
}

// extension is one element of the list.
type extension struct {
	name    []byte
	params  deflateParams // of permessage-deflate only
	illegal bool          // permessage-deflate with parameters RFC 7692 does not allow
}

func (e *extension) deflate() bool { return string(e.name) == deflateName }

// answers reports whether the response element e answers an element of offer.
func (e *extension) answers(offer []byte) bool {
	l := lexer{in: offer}
	found := false
	for l.nextElement() {
		var o extension
		if !o.parse(&l) {
			return false
		}
		switch {
		case string(o.name) != string(e.name):
		case !e.deflate():
			found = true
		// An illegal offer is one the server must decline (RFC 7692 7.1), so it
		// cannot be what the response answers. Another offer still can.
		case !o.illegal && !e.illegal && e.params.answers(o.params):
			found = true
		}
	}
	return found
}

// parse moves l over one element and its comma, and reports whether its syntax
// is right. Whitespace is allowed around ";" and "," but not around "=".
func (e *extension) parse(l *lexer) bool {
	if e.name = l.token(); len(e.name) == 0 {
		return false
	}
	for {
		l.skipOWS()
		if !l.take(';') {
			return l.endElement()
		}
		l.skipOWS()
		name := l.token()
		if len(name) == 0 {
			return false
		}
		var value []byte
		if l.take('=') {
			quoted := false
			if value = l.token(); len(value) == 0 {
				if value, quoted = l.quotedToken(); !quoted {
					return false
				}
			}
		}
		if e.deflate() && !e.params.set(name, value) {
			e.illegal = true
		}
	}
}
