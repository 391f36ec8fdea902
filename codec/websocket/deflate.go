package websocket

// anyBits is client_max_window_bits without a value, which only an offer may have.
const anyBits = 0xff

// deflateParams are the parameters of permessage-deflate (RFC 7692 7.1). The bits
// are 8 to 15; 0: the parameter is absent.
type deflateParams struct {
	serverNoTakeover, clientNoTakeover bool
	serverBits, clientBits             uint8
}

// set stores one parameter. It reports false for an unknown or repeated one, and
// for a value RFC 7692 does not allow; value is nil if there was none.
func (p *deflateParams) set(name, value []byte) bool {
	switch string(name) {
	case "server_no_context_takeover":
		ok := !p.serverNoTakeover && value == nil
		p.serverNoTakeover = true
		return ok
	case "client_no_context_takeover":
		ok := !p.clientNoTakeover && value == nil
		p.clientNoTakeover = true
		return ok
	case "server_max_window_bits":
		ok := p.serverBits == 0
		p.serverBits = windowBits(value)
		return ok && p.serverBits != 0
	case "client_max_window_bits":
		ok := p.clientBits == 0
		if p.clientBits = anyBits; value != nil {
			p.clientBits = windowBits(value)
		}
		return ok && p.clientBits != 0
	}
	return false
}

// answers reports whether the response p agrees with offer: it grants the limits
// the client asked of the server (7.1.1.1, 7.1.2.1), and sets a window for the
// client only if the client said it can (7.1.2.2).
func (p deflateParams) answers(offer deflateParams) bool {
	if offer.serverNoTakeover && !p.serverNoTakeover {
		return false
	}
	if offer.serverBits != 0 && (p.serverBits == 0 || p.serverBits > offer.serverBits) {
		return false
	}
	return p.clientBits == 0 || p.clientBits != anyBits && offer.clientBits != 0
}

// windowBits reads a decimal from 8 to 15 without leading zeros, or returns 0.
// Backslashes of a quoted string are passed over.
func windowBits(value []byte) uint8 {
	n := 0
	for i, c := range value {
		switch {
		case c == '\\':
			continue
		case c < '0' || c > '9' || n == 0 && c == '0' || i > 4:
			return 0
		}
		if n = n*10 + int(c-'0'); n > 15 {
			return 0
		}
	}
	if n < 8 {
		return 0
	}
	return uint8(n)
}
