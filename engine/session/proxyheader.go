package session

import (
	"crypto/tls"
	"net/netip"

	"weir/codec/proxyproto"
	"weir/engine/cluster"
	"weir/engine/fault"
	"weir/engine/tlsconn"
	"weir/engine/transport"
)

// ProxyMode is whether a listener's connections begin with a PROXY header.
type ProxyMode uint8

const (
	// ProxyOff: they do not.
	ProxyOff ProxyMode = iota
	// ProxyOptional: those of a trusted peer may.
	ProxyOptional
	// ProxyRequired: only trusted peers may connect, and theirs do.
	ProxyRequired
)

// awaitsProxy decides at accept whether a PROXY header is to be read.
func (s *Session) awaitsProxy() bool {
	return s.ln.Proxy == ProxyRequired || s.ln.Proxy == ProxyOptional && within(s.ln.ProxyFrom, s.peer.Addr())
}

// driveProxy reads the PROXY header.
func (s *Session) driveProxy() (again bool) {
	ln := s.ln
	if !within(ln.ProxyFrom, s.peer.Addr()) {
		s.logRefused(fault.ProxyUntrusted, "", byWeir)
		s.down.Reset()
		s.on(evCut)
		return false
	}
	data, fresh, r := s.down.Read()
	if len(data) == 0 {
		s.heardNothing(r)
		return false
	}
	if ln.Proxy == ProxyOptional {
		if proxyproto.Prefix(data) == proxyproto.No {
			return s.afterProxy(data, fresh, r)
		}
	}
	h := &s.w.proxy
	n, code := proxyproto.Parse(data, h)
	switch {
	case code != proxyproto.CodeOK:
		s.logRefused(fault.ProxyHeader, code.String(), byWeir)
		s.down.Reset()
		s.on(evCut)
		return false
	case n == 0 && (r == transport.ReadEnd || r == transport.ReadFailed):
		s.logRefused(fault.ProxyHeader, "the connection ended inside the header", byClient)
		s.on(evGone)
		return false
	case n == 0:
		s.down.Unread(data)
		return fresh > 0 && s.down.MoreToRead()
	}
	s.takeProxyHeader(h)
	return s.afterProxy(data[n:], fresh, r)
}

// withoutProxyHeader acts on a header that did not come in time. Where it is optional
// it was not to come: the client may wait for the other side to speak first, or keep
// a connection for later.
func (s *Session) withoutProxyHeader() {
	data, fresh, r := s.down.Read()
	if s.ln.Proxy == ProxyOptional && proxyproto.Prefix(data) != proxyproto.Yes {
		s.afterProxy(data, fresh, r)
		return
	}
	s.logRefused(fault.ProxyHeader, "it did not come in time", byWeir)
	s.on(evTimeout)
}

// afterProxy goes on with data, the first bytes of the client itself.
func (s *Session) afterProxy(data []byte, fresh int, r transport.Result) (again bool) {
	switch {
	case s.ln.sniffs():
		s.down.Unread(data)
		s.on(evSniff)
	case len(data) > 0:
		s.on(evHTTP)
		return s.readHead(data, 0, fresh, r)
	default:
		s.on(evHTTP)
	}
	return true
}

// takeProxyHeader believes a header. One that tells no address (LOCAL, a health check
// of the proxy itself; UNKNOWN) leaves those of the connection in force.
func (s *Session) takeProxyHeader(h *proxyproto.Header) {
	e := s.learn()
	if len(h.TLVs) > 0 {
		e.tlvs = append([]byte(nil), h.TLVs...)
	}
	if h.Local || !h.Source.IsValid() {
		return
	}
	s.peer, e.local = transport.AddrFrom(h.Source), transport.AddrFrom(h.Destination)
	if s.w.debug {
		s.tellProxied()
	}
}

// appendProxyHeader appends the header that tells an endpoint who the client is.
func (s *Session) appendProxyHeader(dst []byte, version cluster.ProxyVersion) []byte {
	source, destination := s.peer.AddrPort(), s.localAddr().AddrPort()
	if version == cluster.ProxyV1 {
		return proxyproto.AppendV1(dst, source, destination)
	}
	return proxyproto.AppendV2(dst, source, destination, s.appendTLVs(s.w.small[:0]))
}

// appendTLVs appends what is known of the client's TLS, and what a header in front
// told besides. TLS that ended here comes before what was ended elsewhere.
func (s *Session) appendTLVs(dst []byte) []byte {
	name := s.x.note.of(s.x.note.host) // of a ClientHello that passes through
	if !s.x.opaque {
		name = nil
	}
	e := s.edge
	ended := e != nil && s.down.Secured()
	if ended {
		name = []byte(e.tls.ServerName)
		if e.tls.ALPN != "" {
			dst = proxyproto.AppendTLV(dst, proxyproto.TypeALPN, e.tls.ALPN)
		}
		t := proxyproto.TLS{
			Client: proxyproto.ClientSSL, Version: "TLSv" + tlsconn.VersionName(e.tls.Version),
			Cipher: tls.CipherSuiteName(e.tls.Suite), CommonName: e.tls.PeerName, Verified: e.tls.PeerVerified,
		}
		if e.tls.PeerVerified {
			t.Client |= proxyproto.ClientCertSess
			if !e.tls.Resumed {
				t.Client |= proxyproto.ClientCertConn
			}
		}
		dst = proxyproto.AppendSSL(dst, &t)
	}
	if len(name) > 0 {
		dst = proxyproto.AppendTLV(dst, proxyproto.TypeAuthority, name)
	}
	if e == nil {
		return dst
	}
	for kind, value := range proxyproto.All(e.tlvs) {
		switch kind {
		case proxyproto.TypeCRC32C, proxyproto.TypeNoop:
			// Of the header that is gone.
			continue
		case proxyproto.TypeALPN, proxyproto.TypeSSL:
			if ended {
				continue
			}
		case proxyproto.TypeAuthority:
			if len(name) > 0 {
				continue
			}
		}
		dst = proxyproto.AppendTLV(dst, kind, value)
	}
	return dst
}

func within(list []netip.Prefix, ip netip.Addr) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
