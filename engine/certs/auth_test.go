package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/configs"
	"weir/engine/fault"
)

func TestClientCertificates(t *testing.T) {
	a, stranger := newAuthority(t, "ca"), newAuthority(t, "stranger")
	server := a.issue([]string{"a.example"})
	good, expired, early := a.issue(nil), a.issue(nil, valid(-2, -1)), a.issue(nil, valid(1, 2))
	foreign, revoked := stranger.issue(nil), a.issue(nil)
	onlyServers := a.issue(nil, func(c *x509.Certificate, _ *crypto.Signer) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	inForce, over := a.revoke(-2, 2, revoked), a.revoke(-2, -1)
	for _, c := range []struct {
		name, auth, crl string
		cert            *leaf
		want            fault.Kind
	}{
		{"none asks for none", "none", "", foreign, fault.None},
		{"request: none", "request", "", nil, fault.None},
		{"request: good", "request", "", good, fault.None},
		{"request: foreign", "request", "", foreign, fault.ClientCertUntrusted},
		{"require: none", "require", "", nil, fault.ClientCertMissing},
		{"require: good", "require", "", good, fault.None},
		{"require: expired", "require", "", expired, fault.ClientCertExpired},
		{"require: not yet valid", "require", "", early, fault.ClientCertExpired},
		{"require: foreign", "require", "", foreign, fault.ClientCertUntrusted},
		{"require: not for clients", "require", "", onlyServers, fault.ClientCertUntrusted},
		{"list: good", "require", inForce, good, fault.None},
		{"list: none", "request", inForce, nil, fault.None},
		{"list: revoked", "require", inForce, revoked, fault.ClientCertRevoked},
		{"list: revoked, request", "request", inForce, revoked, fault.ClientCertRevoked},
		{"list over: good", "require", over, good, fault.ClientCertRevoked},
		{"list early: good", "require", a.revoke(1, 2), good, fault.ClientCertRevoked},
		{"list over and its successor: good", "require", over + inForce, good, fault.None},
		{"list of another", "require", stranger.revoke(-2, 2), good, fault.ClientCertRevoked},
		{"list forged", "require", newAuthority(t, "ca").revoke(-2, 2), good, fault.ClientCertRevoked},
		{"list forged beside a good one", "require", newAuthority(t, "ca").revoke(-2, 2, good) + inForce, good, fault.None},
	} {
		s := serve(t, func(cfg *configs.ListenerTLS) {
			cfg.ClientAuth, cfg.ClientCA, cfg.ClientCRL = c.auth, a.PEM, c.crl
		}, server)
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			client := asking(a, "a.example")
			client.MinVersion, client.MaxVersion = version, version
			client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if c.cert == nil {
					return &tls.Certificate{}, nil
				}
				return pair(t, c.cert), nil
			}
			o := meet(t, s.Config(), client)
			if got := ClientFault(o.serverErr); got != c.want {
				t.Errorf("%s, version %x: %v is %q instead of %q", c.name, version, o.serverErr, got, c.want)
			}
			if (o.clientErr != nil) != (c.want != fault.None) {
				t.Errorf("%s, version %x: the client saw %v", c.name, version, o.clientErr)
			}
		}
	}
}

// limited is a list with an extension.
func limited(a *authority, id []int, der []byte) string {
	return a.list(&x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour),
		ExtraExtensions: []pkix.Extension{{Id: id, Critical: true, Value: der}},
	})
}

func TestListsThatAreLimited(t *testing.T) {
	a := newAuthority(t, "ca")
	uri := "\x30\x0c\xa0\x0a\xa0\x08\x86\x06http:x"
	named := a.issue(nil, func(c *x509.Certificate, _ *crypto.Signer) { c.CRLDistributionPoints = []string{"http:x"} })
	other := a.issue(nil, func(c *x509.Certificate, _ *crypto.Signer) { c.CRLDistributionPoints = []string{"http:y"} })
	for _, c := range []struct {
		name   string
		id     []int
		der    string
		loads  bool
		clears []*leaf
	}{
		{"a delta", []int{2, 5, 29, 27}, "\x02\x01\x01", false, nil},
		{"unlimited", []int{2, 5, 29, 28}, "\x30\x00", true, []*leaf{named, other}},
		{"users only", []int{2, 5, 29, 28}, "\x30\x03\x81\x01\xff", true, []*leaf{named, other}},
		{"authorities only", []int{2, 5, 29, 28}, "\x30\x03\x82\x01\xff", false, nil},
		{"some reasons", []int{2, 5, 29, 28}, "\x30\x04\x83\x02\x06\x40", false, nil},
		{"indirect", []int{2, 5, 29, 28}, "\x30\x03\x84\x01\xff", false, nil},
		{"attributes only", []int{2, 5, 29, 28}, "\x30\x03\x85\x01\xff", false, nil},
		{"a place", []int{2, 5, 29, 28}, uri, true, []*leaf{named}},
		{"a place that is no address", []int{2, 5, 29, 28}, strings.Replace(uri, "\x86", "\x82", 1), false, nil},
		{"a relative place", []int{2, 5, 29, 28}, "\x30\x05\xa0\x03\xa1\x01\x00", false, nil},
		{"malformed", []int{2, 5, 29, 28}, "\x30\x01", false, nil},
		{"bytes after", []int{2, 5, 29, 28}, "\x30\x00\x00", false, nil},
	} {
		r, err := parseRevocations([]byte(limited(a, c.id, []byte(c.der))))
		if (err == nil) != c.loads {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !c.loads {
			continue
		}
		for _, l := range []*leaf{named, other} {
			err := r.check([][]*x509.Certificate{{l.cert, a.cert}}, time.Now())
			if (err == nil) != slices.Contains(c.clears, l) {
				t.Errorf("%s: %v: %v", c.name, l.cert.CRLDistributionPoints, err)
			}
		}
	}
}

// A leaf is cleared by the chain that has a list, and condemned by any.
func TestSeveralChains(t *testing.T) {
	a, b := newAuthority(t, "a"), newAuthority(t, "b")
	l := a.issue(nil)
	chains := [][]*x509.Certificate{{l.cert, a.cert}, {l.cert, b.cert}}
	for _, c := range []struct {
		name, lists    string
		revoked, works bool
	}{
		{"one", a.revoke(-1, 1), false, true},
		{"the other", b.revoke(-1, 1), false, true},
		{"neither", a.revoke(-2, -1), false, false},
		{"condemned by the second", a.revoke(-1, 1) + b.revoke(-1, 1, l), true, false},
		{"condemned by a list that is over", a.revoke(-2, -1, l) + b.revoke(-1, 1), true, false},
	} {
		r, err := parseRevocations([]byte(c.lists))
		if err != nil {
			t.Fatal(err)
		}
		err = r.check(chains, time.Now())
		if (err == nil) != c.works || (refused(err) == certRevoked) == c.works {
			t.Errorf("%s: %v", c.name, err)
		}
		if _, is := errors.AsType[*RevokedError](err); is != c.revoked {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	r, _ := parseRevocations([]byte(a.revoke(-1, 1)))
	if r.check(nil, time.Now()) == nil {
		t.Error("no chain clears")
	}
}

// resuming is a client with a certificate that keeps its session.
func resuming(t *testing.T, a *authority, cert *leaf) *tls.Config {
	c := asking(a, "a.example")
	c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	if cert != nil {
		c.Certificates = []tls.Certificate{*pair(t, cert)}
	}
	return c
}

func TestResumptionIsRefusedAfterRevocation(t *testing.T) {
	a := newAuthority(t, "ca")
	cert := a.issue(nil)
	list := write(t, t.TempDir(), "list.pem", a.revoke(-1, 1))
	s := serve(t, func(cfg *configs.ListenerTLS) {
		cfg.ClientAuth, cfg.ClientCA, cfg.ClientCRL, cfg.SessionTickets = "require", a.PEM, list, true
	}, a.issue([]string{"a.example"}))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		replace(t, list, a.revoke(-1, 1))
		mustReload(t, s)
		client := resuming(t, a, cert)
		client.MinVersion, client.MaxVersion = version, version
		for _, want := range []bool{false, true} {
			o := meet(t, s.Config(), client)
			o.mustWork(t)
			if o.server.DidResume != want {
				t.Fatalf("version %x: resumed is %v", version, o.server.DidResume)
			}
		}
		replace(t, list, a.revoke(-1, 1, cert))
		mustReload(t, s)
		if o := meet(t, s.Config(), client); ClientFault(o.serverErr) != fault.ClientCertRevoked || o.clientErr == nil {
			t.Errorf("version %x: the server saw %v", version, o.serverErr)
		}
	}
}

func TestResumptionIsRefusedByOtherAuthorities(t *testing.T) {
	a, b := newAuthority(t, "a"), newAuthority(t, "b")
	cas := write(t, t.TempDir(), "ca.pem", a.PEM)
	s := serve(t, func(cfg *configs.ListenerTLS) { cfg.ClientAuth, cfg.ClientCA = "require", cas }, a.issue([]string{"a.example"}))
	client := resuming(t, a, a.issue(nil))
	o := meet(t, s.Config(), client)
	o.mustWork(t)
	replace(t, cas, b.PEM)
	mustReload(t, s)
	// The client holds its certificate back, since nobody asks for one of its issuer.
	if o := meet(t, s.Config(), client); ClientFault(o.serverErr) != fault.ClientCertMissing {
		t.Errorf("the server saw %v, resumed %v", o.serverErr, o.server.DidResume)
	}
}

func TestNotTLS(t *testing.T) {
	err := error(tls.RecordHeaderError{Conn: new(net.TCPConn)})
	if got := ClientFault(err); got != fault.NotTLS {
		t.Error(got)
	}
	if got := ClientFault(tls.RecordHeaderError{}); got != fault.TLSRecord {
		t.Error(got)
	}
}
