package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ChallengeProtocol is the ALPN of TLS-ALPN-01, by which an authority sees whether a
// name is ours; a connection that agreed on it carries nothing (RFC 8737 4 and 6.2).
const ChallengeProtocol = "acme-tls/1"

// build makes a set of what the files held. All that a Config must not change later,
// ticket keys included, is set before anybody sees it.
func (s *Server) build(m *serverMaterial) (*serving, error) {
	pairs, due := m.stapled(s.now())
	var hosts []string
	if s.dynamic != nil {
		hosts = s.dynamic.Hosts()
	}
	next := &serving{index: newIndex(pairs, hosts, s.cfg.StrictSNI), due: due}
	if next.index.def == nil {
		return nil, errors.New("certificates: there is none, and no host to obtain one for")
	}
	config, err := s.baseConfig(m)
	if err != nil {
		return nil, err
	}
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return s.choose(next.index, hello), nil
	}
	if s.cfg.StrictSNI || s.dynamic != nil {
		config.GetConfigForClient = s.special(next.index)
	}
	next.config = config
	return next, nil
}

func (s *Server) baseConfig(m *serverMaterial) (*tls.Config, error) {
	c := &tls.Config{
		Time:                   s.now,
		NextProtos:             s.cfg.ALPN,
		SessionTicketsDisabled: !s.cfg.SessionTickets,
	}
	var err error
	if c.MinVersion, c.MaxVersion, err = parseVersions(s.cfg.MinVersion, s.cfg.MaxVersion); err != nil {
		return nil, err
	}
	if c.CurvePreferences, err = parseCurves(s.cfg.Curves); err != nil {
		return nil, err
	}
	if c.CipherSuites, err = parseSuites(s.cfg.CipherSuites); err != nil {
		return nil, err
	}
	switch s.cfg.ClientAuth {
	case "", "none":
		c.ClientAuth = tls.NoClientCert
	case "request":
		c.ClientAuth = tls.VerifyClientCertIfGiven
	case "require":
		c.ClientAuth = tls.RequireAndVerifyClientCert
	default:
		return nil, fmt.Errorf("client_auth: %q is not none, request or require", s.cfg.ClientAuth)
	}
	if c.ClientAuth != tls.NoClientCert {
		// A nil pool would stand for the roots of the system, which sign anybody.
		if m.authorities == nil {
			return nil, errors.New("client_auth: client_ca is needed to verify with")
		}
		c.ClientCAs = m.authorities
	}
	if m.revocations != nil {
		// VerifyConnection, since a resumed session does not call VerifyPeerCertificate.
		c.VerifyConnection = func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return nil
			}
			return m.revocations.check(cs.VerifiedChains, s.now())
		}
	}
	if s.cfg.SessionTickets {
		keys := m.ticketKeys
		if keys == nil {
			keys = s.own.keys
		}
		c.SetSessionTicketKeys(keys)
	}
	return c, nil
}

// stapled are the pairs with those staples that are in force at now, and when the
// next of them is over.
func (m *serverMaterial) stapled(now time.Time) (pairs []*tls.Certificate, due time.Time) {
	for i, p := range m.pairs {
		pair := *p
		if st := m.staples[i]; st != nil && st.current(now) {
			pair.OCSPStaple = st.der
			if !st.expiry.IsZero() && (due.IsZero() || st.expiry.Before(due)) {
				due = st.expiry
			}
		}
		pairs = append(pairs, &pair)
	}
	return pairs, due
}

// outdated are the warnings of the files and of dates that have passed.
func (m *serverMaterial) outdated(now time.Time) []error {
	list := slices.Concat(m.warnings, m.revocations.stale("client_crl", now))
	for i, p := range m.pairs {
		if st := m.staples[i]; st != nil && !st.current(now) {
			list = append(list, fmt.Errorf("certificates[%d].ocsp: the response was in force until %s; it is not sent", i, date(st.expiry)))
		}
		if now.After(p.Leaf.NotAfter) {
			list = append(list, fmt.Errorf("certificates[%d].cert: the certificate was valid until %s", i, date(p.Leaf.NotAfter)))
		}
	}
	return list
}

func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// choose is the certificate for a client, or nil: crypto/tls then sends the alert
// unrecognized_name, which it does for no error that a callback could return.
func (s *Server) choose(x *index, hello *tls.ClientHelloInfo) *tls.Certificate {
	var buf [maxName]byte
	e := x.find(name(&buf, hello.ServerName))
	if e != nil && e.host != "" {
		if c := s.dynamic.Certificate(e.host); c != nil {
			return c
		}
		e = x.def // it is on its way
		if e.host != "" {
			return s.dynamic.Certificate(e.host)
		}
	}
	if e == nil {
		return nil
	}
	for _, pair := range e.pairs {
		if hello.SupportsCertificate(pair) == nil {
			return pair
		}
	}
	return e.pairs[0] // crypto/tls says why it does not fit
}

// special answers what must not reach the config of the listener: the authority's
// challenges, and with strict_sni clients for nobody here. Those are refused in
// GetConfigForClient since a resumed session asks for no certificate.
func (s *Server) special(x *index) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	refuse := &tls.Config{Time: s.now, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true}
	return func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if s.dynamic != nil && slices.Equal(hello.SupportedProtos, []string{ChallengeProtocol}) {
			cert, err := s.dynamic.Challenge(hello)
			if err != nil || cert == nil {
				return refuse, nil
			}
			return &tls.Config{
				Time:                   s.now,
				MinVersion:             tls.VersionTLS12,
				NextProtos:             []string{ChallengeProtocol},
				Certificates:           []tls.Certificate{*cert},
				SessionTicketsDisabled: true,
			}, nil
		}
		var buf [maxName]byte
		if x.find(name(&buf, hello.ServerName)) == nil {
			return refuse, nil
		}
		return nil, nil
	}
}
