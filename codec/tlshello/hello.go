package tlshello

import "iter"

// MaxExtensions bounds the extensions of a hello. Each is compared with all before
// it, and real clients send about twenty.
const MaxExtensions = 128

const (
	randomBytes       = 32
	maxSessionIDBytes = 32
	maxNameBytes      = 255

	version30 = 0x0300
	version12 = 0x0303

	extensionServerName        = 0
	extensionALPN              = 16
	extensionSupportedVersions = 43
	nameTypeHost               = 0
)

// Hello is what a ClientHello says. The zero value is ready. Reuse one, say one a
// loop: it keeps the memory a name, and a hello in several records, were put
// together in, which is at most MaxBytes and a name. A Hello must not be copied.
type Hello struct {
	// ServerName is the host name asked for, in lower case and without a final dot;
	// empty if there is none. It belongs to the Hello and holds until the next Parse.
	//
	// It is made of letters, digits, "-", "_" and dots between labels. So an IPv4
	// address, which RFC 6066 3 forbids, passes as the name it looks like, as in
	// crypto/tls; an IPv6 address is refused.
	ServerName []byte
	// Version is the highest TLS version offered, as 0x0304 for TLS 1.3: of the
	// supported_versions extension, GREASE left out, or else of the legacy field,
	// which cannot mean more than TLS 1.2 (RFC 8446 4.2.1). 0 if all are unknown.
	Version uint16

	alpn   []byte // the list of protocols, each after its length
	name   []byte // memory of ServerName
	joined []byte // memory of a message that came in several records
}

// Parse parses the ClientHello at the front of buf, the first bytes of a stream,
// into h.
//
// n is the size of the records that hold it, in bytes. They may hold more than it;
// that, and what follows them, is for whoever ends the handshake to judge. n == 0
// with CodeOK means that buf is an unfinished prefix: call again with the same bytes
// and more. An unfinished prefix costs a step a record; only a whole hello is copied
// (if it came in several records) and walked, once.
//
// A broken rule of records is reported at the first byte that shows it, so Parse
// tells what is not TLS from one byte. At MaxBytes there is always an answer.
//
// h is empty unless n > 0. What Protocols yields aliases buf or h.
func Parse(buf []byte, h *Hello) (n int, code Code) {
	h.clear()
	e, code := measure(buf)
	if e.end == 0 {
		return 0, code
	}
	message := buf[recordHeaderBytes:e.end]
	if e.records > 1 {
		h.joined = join(h.joined[:0], buf[:e.end])
		message = h.joined
	}
	if code = h.parse(message[messageHeaderBytes:e.size]); code != CodeOK {
		h.clear()
		return 0, code
	}
	return e.end, CodeOK
}

// OffersALPN reports whether the client offers the application protocol.
func (h *Hello) OffersALPN(protocol string) bool {
	for offered := range h.Protocols() {
		if string(offered) == protocol {
			return true
		}
	}
	return false
}

// Protocols yields the application protocols offered (ALPN), the most wanted first.
// They are what the client sent: any bytes, 1 to 255 of them. Each aliases the
// parsed buffer or h, and holds until either changes.
func (h *Hello) Protocols() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for r := (reader{rest: h.alpn}); len(r.rest) > 0; {
			if !yield(r.vector8()) {
				return
			}
		}
	}
}

func (h *Hello) clear() { h.ServerName, h.Version, h.alpn = nil, 0, nil }

// parse reads the body of the message (RFC 8446 4.1.2).
func (h *Hello) parse(body []byte) Code {
	r := reader{rest: body}
	legacy := r.u16()
	r.take(randomBytes)
	session := r.vector8()
	suites := r.vector16()
	compression := r.vector8()
	switch {
	case r.bad:
		return CodeLength
	case len(session) > maxSessionIDBytes:
		return CodeSessionID
	case len(suites) == 0 || len(suites)%2 != 0:
		return CodeCipherSuites
	case len(compression) == 0:
		return CodeCompression
	}
	if legacy >= version30 {
		h.Version = uint16(min(legacy, version12))
	}
	if len(r.rest) == 0 {
		return CodeOK // TLS 1.2 allows a hello without extensions (RFC 5246 7.4.1.2)
	}
	extensions := r.vector16()
	if !r.done() {
		return CodeLength
	}
	return h.parseExtensions(extensions)
}

// parseExtensions reads the list of extensions (RFC 8446 4.2).
func (h *Hello) parseExtensions(list []byte) Code {
	var seen [MaxExtensions]uint16
	for n, r := 0, (reader{rest: list}); len(r.rest) > 0; n++ {
		kind := uint16(r.u16())
		body := r.vector16()
		if r.bad {
			return CodeLength
		}
		if n == MaxExtensions {
			return CodeTooManyExtensions
		}
		for _, other := range seen[:n] {
			if other == kind {
				return CodeDuplicateExtension
			}
		}
		seen[n] = kind
		code := CodeOK
		switch kind {
		case extensionServerName:
			code = h.parseServerName(body)
		case extensionALPN:
			code = h.parseALPN(body)
		case extensionSupportedVersions:
			code = h.parseVersions(body)
		}
		if code != CodeOK {
			return code
		}
	}
	return CodeOK
}

// parseServerName reads server_name (RFC 6066 3): at most one host name, and names of
// other types, which nobody has defined.
func (h *Hello) parseServerName(body []byte) Code {
	outer := reader{rest: body}
	list := reader{rest: outer.vector16()}
	if !outer.done() || len(list.rest) == 0 {
		return CodeServerName
	}
	for len(list.rest) > 0 {
		kind := list.u8()
		name := list.vector16()
		if len(name) == 0 { // also if it does not fit
			return CodeServerName
		}
		if kind != nameTypeHost {
			continue
		}
		if len(h.ServerName) > 0 || !h.setName(name) {
			return CodeServerName
		}
	}
	return CodeOK
}

// setName puts name into lower case, and reports false if it is no host name.
func (h *Hello) setName(name []byte) bool {
	if len(name) > maxNameBytes {
		return false
	}
	h.name = h.name[:0]
	before := byte('.') // so that the first label is not empty
	for _, c := range name {
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '.' && before != '.':
		default:
			return false
		}
		h.name = append(h.name, c)
		before = c
	}
	h.ServerName = h.name
	return before != '.'
}

// parseALPN checks the list of protocol names (RFC 7301 3.1): one or more, none
// empty.
func (h *Hello) parseALPN(body []byte) Code {
	outer := reader{rest: body}
	list := outer.vector16()
	if !outer.done() || len(list) == 0 {
		return CodeALPN
	}
	for r := (reader{rest: list}); len(r.rest) > 0; {
		if len(r.vector8()) == 0 { // also if it does not fit
			return CodeALPN
		}
	}
	h.alpn = list
	return CodeOK
}

// parseVersions finds the highest of supported_versions (RFC 8446 4.2.1). GREASE
// values and drafts have other major versions.
func (h *Hello) parseVersions(body []byte) Code {
	outer := reader{rest: body}
	list := outer.vector8()
	if !outer.done() || len(list) == 0 || len(list)%2 != 0 {
		return CodeVersions
	}
	h.Version = 0
	for r := (reader{rest: list}); len(r.rest) > 0; {
		if v := r.u16(); v>>8 == majorVersion {
			h.Version = max(h.Version, uint16(v))
		}
	}
	return CodeOK
}
