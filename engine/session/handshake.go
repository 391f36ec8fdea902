package session

import (
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"syscall"

	"weir/engine/certs"
	"weir/engine/fault"
	"weir/engine/observe"
	"weir/engine/transport"
)

// edge is what was learnt of a connection before what it carries began. Most
// connections have none.
type edge struct {
	tls   transport.TLSInfo
	local transport.Addr // where the client meant to connect to; zero: to its connection's own end
	tlvs  []byte         // of a PROXY header
}

func (s *Session) learn() *edge {
	if s.edge == nil {
		s.edge = &edge{}
	}
	return s.edge
}

// startHandshake begins to end TLS, on the ClientHello that is held. version is the
// highest that it offers.
func (s *Session) startHandshake(version uint16) (again bool) {
	cfg := s.ln.TLS.Config()
	weight := transport.Medium
	switch {
	case s.ln.TLS.SignsWithRSA():
		weight = transport.Heavy
	case version >= tls.VersionTLS13 && cfg.ClientAuth == tls.NoClientCert && (cfg.MaxVersion == 0 || cfg.MaxVersion >= tls.VersionTLS13):
		weight = transport.Light
	}
	s.greeting = false
	s.on(evHello)
	s.down.SecureServer(cfg, weight)
	return true
}

// driveHandshake waits for the handshake, and goes on with what is inside.
func (s *Session) driveHandshake() (again bool) {
	if s.down.Connecting() {
		return false
	}
	w := s.w
	if s.down.Failed() || s.down.Err() != 0 {
		kind, detail, by := s.handshakeFailure()
		s.logRefused(kind, detail, by)
		s.on(evGone)
		return false
	}
	s.learn().tls = s.down.TLSInfo()
	w.Counters.Handshakes.Add(1)
	if s.edge.tls.Resumed {
		w.Counters.Resumed.Add(1)
	}
	if w.debug {
		s.tellHandshake()
	}
	switch {
	case s.edge.tls.ALPN == certs.ChallengeProtocol:
		// The certificate was the answer, and no cluster is to hear of it.
		s.linger = true
		s.on(evRefused)
	case s.ln.Protocol == ProtocolHTTP:
		s.on(evHTTP)
	default:
		s.on(evSniff)
	}
	return true
}

// handshakeFailure names what a handshake with the client failed of, and who ended
// it: not weir where the connection broke, where FIN came, or where the client said
// by an alert that it does not want what it was offered.
func (s *Session) handshakeFailure() (kind fault.Kind, detail string, by closer) {
	err := s.down.TLSErr()
	if err == nil {
		err = s.down.Err()
	}
	if errno, broken := errors.AsType[syscall.Errno](err); broken {
		return fault.ClientReset, errno.Error(), byClient
	}
	if errors.Is(err, transport.ErrHandshakesFull) {
		return fault.HandshakesFull, "", byWeir
	}
	by = byWeir
	if errors.Is(err, io.ErrUnexpectedEOF) || strings.HasPrefix(err.Error(), textAlert) {
		by = byClient
	}
	return certs.ClientFault(err), err.Error(), by
}

// textAlert begins what crypto/tls says of an alert; the alert itself has no type.
const textAlert = "remote error: "

// logRefused counts and logs a connection that ends before an exchange or a tunnel.
func (s *Session) logRefused(kind fault.Kind, detail string, by closer) {
	w := s.w
	w.Counters.Faults[kind].Add(1)
	if w.debug {
		s.tellRefusedTLS(kind, detail)
	}
	if w.lines == nil {
		return
	}
	r := &w.record
	*r = observe.Record{
		Kind: "refused", Status: -1, BytesIn: s.down.BytesIn(), BytesOut: s.down.BytesOut(),
		Duration: w.now() - s.since, Fault: kind, Detail: detail, ClosedBy: closerNames[by],
	}
	s.writeRecord(r, nil, &note{})
}

// clientFailure is the kind of a client's connection that cannot be read any more.
func (s *Session) clientFailure() fault.Kind {
	if s.down.TLSErr() != nil {
		return fault.TLSRecord
	}
	return fault.ClientReset
}

// endpointFailure is the kind of an endpoint's connection that cannot be read any
// more; otherwise is what it is without TLS. begun says that bytes of it have been
// used.
func (s *Session) endpointFailure(otherwise fault.Kind, begun bool) fault.Kind {
	err := s.up.TLSErr()
	switch {
	case err == nil:
		return otherwise
	case begun || !strings.HasPrefix(err.Error(), textAlert):
		return fault.UpstreamTLSRecord
	}
	// With TLS 1.3 a client learns only now that its certificate was refused.
	return certs.EndpointFault(err)
}
