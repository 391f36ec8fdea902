package session

import (
	"errors"

	"go.uber.org/zap"

	"weir/engine/certs"
	"weir/engine/fault"
	"weir/engine/route"
	"weir/engine/transport"
)

// forwardOpaque leads a connection that carries no HTTP to a cluster. serverName and
// offers are those of a ClientHello that passes through; of TLS that ended here they
// are known.
func (s *Session) forwardOpaque(serverName []byte, offers route.Offers) {
	w, ln := s.w, s.ln
	if e := s.edge; e != nil && s.down.Secured() {
		w.small = appendLower(w.small[:0], e.tls.ServerName)
		serverName, offers = w.small, agreed(e.tls.ALPN)
	}
	port := uint16(0)
	if ln.Forwards.NeedsPort() {
		port = s.localAddr().Port()
	}
	cluster := ln.Forwards.Match(serverName, offers, port)
	if cluster < 0 {
		s.refuseOpaque(offers != nil)
		return
	}
	x := w.exchanges.Get()
	now := w.now()
	*x = exchange{opaque: true, reqDone: true, began: s.since, sentAt: now, movedAt: now, local: w.Clusters[cluster]}
	// A PROXY header is not the client's.
	x.downIn = s.down.BytesIn() - int64(s.down.Held())
	s.x = x
	w.Counters.Active.Add(1)
	if len(serverName) > 0 {
		x.note.buf = w.Loop.Pool.Get(len(serverName))
		x.note.host = x.note.add(serverName, len(serverName))
	}
	if w.debug {
		s.tellForwarded()
	}
	s.on(evOpaque)
	if kind := s.pick(); kind != fault.None {
		s.reply(kind)
		return
	}
	s.connect()
}

// appendLower appends a server name as route.Forwards knows it: crypto/tls leaves it as
// the client spelled it.
func appendLower(dst []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// agreed is the protocol that a handshake has settled on, as all that is offered.
type agreed string

// OffersALPN is route.Offers.
func (a agreed) OffersALPN(protocol string) bool { return string(a) == protocol }

// refuseOpaque ends a connection that leads nowhere. hello says that a ClientHello was
// seen.
func (s *Session) refuseOpaque(hello bool) {
	switch {
	case hello && !s.down.Secured():
		s.refuseTLS(fault.UnknownServerName, alertUnrecognizedName, string(s.w.hello.ServerName))
		return
	case s.ln.Protocol == ProtocolAuto && s.down.Held() == 0:
		// It has said nothing: opened ahead of need, and no fault.
	case hello && s.ln.Protocol == ProtocolTCP:
		s.logRefused(fault.UnknownServerName, s.edge.tls.ServerName, byWeir)
	default:
		s.logRefused(fault.UnknownProtocol, "", byWeir)
	}
	s.on(evRefused)
}

// dialFailure names why the connection to the endpoint failed, and keeps the detail
// for the log.
func (s *Session) dialFailure() fault.Kind {
	x, w := s.x, s.w
	err := s.up.TLSErr()
	switch {
	case err == nil:
		return fault.NoEndpoint
	case errors.Is(err, transport.ErrHandshakesFull):
		return fault.HandshakesFull
	}
	kind := certs.EndpointFault(err)
	x.detail = err.Error()
	// The endpoint or the configuration is at fault, not the client: it is for the
	// operator to know.
	if now := w.now(); x.local.WarnedAt == 0 || now-x.local.WarnedAt >= warnEvery {
		x.local.WarnedAt = now
		w.Log.Warn("TLS with an endpoint failed", zap.String("cluster", x.local.Name), zap.String("endpoint", x.endpoint.Address),
			zap.Stringer("fault", kind), zap.String("reason", x.detail))
	}
	return kind
}

// localAddr is the address the client connected to, before anything in between led it
// here.
func (s *Session) localAddr() transport.Addr {
	if s.edge != nil && s.edge.local.Port() != 0 {
		return s.edge.local
	}
	return s.down.LocalAddr()
}
