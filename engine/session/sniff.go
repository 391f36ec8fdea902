package session

import (
	"go.uber.org/zap"

	"weir/codec/http1"
	"weir/codec/sniff"
	"weir/codec/tlshello"
	"weir/engine/fault"
	"weir/engine/transport"
)

// Protocol is what a listener's clients speak.
type Protocol uint8

const (
	// ProtocolHTTP: HTTP/1.1, inside TLS if the listener has it.
	ProtocolHTTP Protocol = iota
	// ProtocolTCP: opaque bytes, inside TLS if the listener has it.
	ProtocolTCP
	// ProtocolPassthrough: TLS that is led on by its ClientHello and left as it is.
	ProtocolPassthrough
	// ProtocolAuto: any of these, by what comes first.
	ProtocolAuto
)

// sniffs reports whether the first bytes are looked at before HTTP is expected.
func (ln *Listener) sniffs() bool { return ln.Protocol != ProtocolHTTP || ln.TLS != nil }

// driveSniff decides from the first bytes what the connection carries. It reports
// whether there is more to do at once.
func (s *Session) driveSniff() (again bool) {
	ln := s.ln
	if ln.Protocol == ProtocolTCP && (ln.TLS == nil || s.down.Secured()) {
		s.forwardOpaque(nil, nil)
		return true
	}
	data, fresh, r := s.down.Read()
	switch {
	case r == transport.ReadFailed:
		// Whatever is held, there is nobody left to lead on.
		s.gone(fault.ClientReset)
		return false
	case len(data) == 0:
		s.heardNothing(r)
		return false
	}
	verdict := sniff.TLS
	if ln.Protocol == ProtocolAuto {
		verdict = sniff.Sniff(data)
		if s.down.Secured() && verdict == sniff.TLS {
			verdict = sniff.Opaque // TLS inside TLS is somebody else's
		}
	}
	ended := r == transport.ReadEnd
	switch verdict {
	case sniff.TLS:
		return s.readHello(data, fresh, ended)
	case sniff.HTTP:
		s.on(evHTTP)
		return s.readHead(data, 0, fresh, r)
	case sniff.Opaque:
		s.down.Unread(data)
		s.forwardOpaque(nil, nil)
		return true
	}
	if ended {
		// Too short for anything that is known, and it will not grow.
		s.down.Unread(data)
		s.forwardOpaque(nil, nil)
		return true
	}
	s.down.Unread(data)
	return fresh > 0 && s.down.MoreToRead()
}

// readHello takes a ClientHello, once it is whole, to the handshake or to a cluster.
func (s *Session) readHello(data []byte, fresh int, ended bool) (again bool) {
	w, h := s.w, &s.w.hello
	n, code := tlshello.Parse(data, h)
	switch {
	case code != tlshello.CodeOK:
		return s.refuseHello(data, code, fresh, ended)
	case n == 0 && ended:
		s.logRefused(fault.ClientClosed, "the connection ended inside the ClientHello", byClient)
		s.on(evGone)
		return false
	case n == 0:
		s.greeting = true
		s.down.Unread(data)
		return fresh > 0 && s.down.MoreToRead()
	}
	if w.debug {
		s.tellHello(h)
	}
	s.down.Unread(data)
	if s.ln.TLS == nil {
		s.forwardOpaque(h.ServerName, h)
		return true
	}
	return s.startHandshake(h.Version)
}

// refuseHello says no to what is not a ClientHello: in HTTP to who speaks that, else
// in TLS. It reports whether there is more to do at once.
func (s *Session) refuseHello(data []byte, code tlshello.Code, fresh int, ended bool) (again bool) {
	if s.ln.Protocol == ProtocolHTTP {
		switch verdict := sniff.Sniff(data); {
		case verdict == sniff.HTTP:
			s.refuse(fault.NotTLS, len(data), s.since)
			return true
		case verdict == sniff.NeedMore && !ended:
			// The first byte tells what is no TLS, but not yet that it is HTTP: the
			// answer must not depend on how the request was cut.
			s.down.Unread(data)
			return fresh > 0 && s.down.MoreToRead()
		}
	}
	kind, alert := fault.MalformedHello, alertDecodeError
	if tlshello.LooksLikeTLS(data) == tlshello.No {
		kind, alert = fault.NotTLS, alertUnexpected
	}
	s.refuseTLS(kind, alert, code.String())
	return true
}

// Descriptions of fatal alerts (RFC 8446 6).
const (
	alertUnexpected       = 10
	alertDecodeError      = 50
	alertUnrecognizedName = 112
)

// refuseTLS ends a connection before its handshake with an alert. detail is for the
// log.
func (s *Session) refuseTLS(kind fault.Kind, alert int, detail string) {
	s.down.Write([]byte{21, 3, 3, 0, 2, 2, byte(alert)})
	s.logRefused(kind, detail, byWeir)
	s.linger = true
	s.on(evRefused)
}

// isTLSOnPlain reports whether a client of a plain HTTP listener has begun TLS.
func isTLSOnPlain(data []byte, code http1.Code) bool {
	return code != http1.CodeOK && tlshello.LooksLikeTLS(data) != tlshello.No
}

// warnTLSOnPlain says so in the log, since it is usually a mistake in a
// configuration; now and then only, since anybody can cause it.
func (s *Session) warnTLSOnPlain() {
	w := s.w
	if w.now()-w.warnedPlain < warnEvery && w.warnedPlain != 0 {
		return
	}
	w.warnedPlain = w.now()
	w.Log.Warn("a client speaks TLS to a listener without TLS", zap.String("listener", s.ln.Name), zap.Stringer("client", s.peer),
		zap.String("hint", "let it use http, or give the listener a [listeners.NAME.tls] table"))
}

// warnEvery is the least time between two warnings that peers can cause.
const warnEvery = int64(10e9)
