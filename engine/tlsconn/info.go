package tlsconn

import "crypto/tls"

// Info is what a handshake agreed on. It holds nothing of the connection.
type Info struct {
	// ServerName is the SNI the client sent, or "".
	ServerName string
	// ALPN is the protocol agreed on, or "".
	ALPN string
	// Version and Suite are those of crypto/tls.
	Version, Suite uint16
	Curve          tls.CurveID
	Resumed        bool
	// PeerName is the common name of the peer's verified certificate, or "".
	PeerName string
	// PeerVerified means that the peer sent a certificate that was verified.
	PeerVerified bool
}

// Info tells what was agreed on. It allocates: call it once, of a connection that is
// open.
func (c *Conn) Info() Info {
	s := c.tls.ConnectionState()
	i := Info{ServerName: s.ServerName, ALPN: s.NegotiatedProtocol, Version: s.Version, Suite: s.CipherSuite, Curve: s.CurveID, Resumed: s.DidResume}
	if len(s.VerifiedChains) > 0 {
		i.PeerName, i.PeerVerified = s.VerifiedChains[0][0].Subject.CommonName, true
	}
	return i
}

// VersionName is the version as in "1.3", or "" for what is none.
func VersionName(version uint16) string {
	switch version {
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return ""
}
