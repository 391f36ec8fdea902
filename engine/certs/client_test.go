package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"weir/configs"
	"weir/engine/fault"
)

func pin(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// endpoint is a server config that presents a leaf, and more certificates after it.
func endpoint(t *testing.T, l *leaf, more ...*x509.Certificate) *tls.Config {
	p := *pair(t, l)
	p.Certificate = slices.Clone(p.Certificate)
	for _, c := range more {
		p.Certificate = append(p.Certificate, c.Raw)
	}
	return &tls.Config{Certificates: []tls.Certificate{p}}
}

func mustClient(t *testing.T, host string, change func(*configs.ClusterTLS)) *Client {
	t.Helper()
	cfg := configs.NewClusterTLS()
	change(cfg)
	c, err := NewClient(cfg, []string{host})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEndpointVerification(t *testing.T) {
	a, stranger := newAuthority(t, "ca"), newAuthority(t, "stranger")
	names := []string{"a.example"}
	good, expired := a.issue(names), a.issue(names, valid(-2, -1))
	foreign, revoked := stranger.issue(names), a.issue(names)
	address := a.issue([]string{"127.0.0.1", "::1", "fe80::1"})
	crl := a.revoke(-1, 1, revoked)
	for _, c := range []struct {
		name   string
		cert   *leaf
		host   string
		change func(*configs.ClusterTLS)
		want   fault.Kind
	}{
		{"good", good, "a.example", nil, fault.None},
		{"upper case", good, "A.Example", nil, fault.None},
		{"server_name", good, "10.0.0.1", func(c *configs.ClusterTLS) { c.ServerName = "a.example" }, fault.None},
		{"wrong host", good, "b.example", nil, fault.UpstreamCertWrongHost},
		{"server_name wrong", good, "a.example", func(c *configs.ClusterTLS) { c.ServerName = "b.example" }, fault.UpstreamCertWrongHost},
		{"address", address, "127.0.0.1", nil, fault.None},
		{"address, 6", address, "::1", nil, fault.None},
		{"address in brackets", address, "[::1]", nil, fault.None},
		{"address with zone", address, "fe80::1%eth0", nil, fault.None},
		{"another address", address, "127.0.0.2", nil, fault.UpstreamCertWrongHost},
		{"address, but a name", good, "127.0.0.1", nil, fault.UpstreamCertWrongHost},
		{"expired", expired, "a.example", nil, fault.UpstreamCertExpired},
		{"not yet valid", a.issue(names, valid(1, 2)), "a.example", nil, fault.UpstreamCertExpired},
		{"foreign", foreign, "a.example", nil, fault.UpstreamCertUntrusted},
		{"system roots", good, "a.example", func(c *configs.ClusterTLS) { c.CA = "" }, fault.UpstreamCertUntrusted},
		{"insecure", foreign, "b.example", func(c *configs.ClusterTLS) { c.Insecure = true }, fault.None},
		{"list: good", good, "a.example", func(c *configs.ClusterTLS) { c.CRL = crl }, fault.None},
		{"list: revoked", revoked, "a.example", func(c *configs.ClusterTLS) { c.CRL = crl }, fault.UpstreamCertRevoked},
		{"list over", good, "a.example", func(c *configs.ClusterTLS) { c.CRL = a.revoke(-2, -1) }, fault.UpstreamCertRevoked},
		{"insecure, revoked", revoked, "b.example", func(c *configs.ClusterTLS) { c.Insecure, c.CRL = true, crl }, fault.UpstreamCertRevoked},
		{"insecure, no list", foreign, "b.example", func(c *configs.ClusterTLS) { c.Insecure, c.CRL = true, crl }, fault.None},
		{"pin of the leaf", good, "a.example", func(c *configs.ClusterTLS) { c.Pins = []string{pin(foreign.cert), pin(good.cert)} }, fault.None},
		{"pin of the authority", good, "a.example", func(c *configs.ClusterTLS) { c.Pins = []string{pin(a.cert)} }, fault.None},
		{"pin of another", good, "a.example", func(c *configs.ClusterTLS) { c.Pins = []string{pin(foreign.cert)} }, fault.UpstreamCertPin},
		{"pin, untrusted", foreign, "a.example", func(c *configs.ClusterTLS) { c.Pins = []string{pin(foreign.cert)} }, fault.UpstreamCertUntrusted},
		{"insecure, pin of the leaf", foreign, "b.example", func(c *configs.ClusterTLS) { c.Insecure, c.Pins = true, []string{pin(foreign.cert)} }, fault.None},
		{"insecure, pin of another", foreign, "b.example", func(c *configs.ClusterTLS) { c.Insecure, c.Pins = true, []string{pin(good.cert)} }, fault.UpstreamCertPin},
		{"versions", good, "a.example", func(c *configs.ClusterTLS) { c.MaxVersion = "1.2" }, fault.None},
	} {
		client := mustClient(t, c.host, func(cfg *configs.ClusterTLS) {
			cfg.CA = a.PEM
			if c.change != nil {
				c.change(cfg)
			}
		})
		o := meet(t, endpoint(t, c.cert), client.Config(0))
		if got := EndpointFault(o.clientErr); got != c.want {
			t.Errorf("%s: %v is %q instead of %q", c.name, o.clientErr, got, c.want)
		}
	}
}

// Whoever has no key of a pinned certificate can still send the certificate.
func TestPinIsOfASignedChain(t *testing.T) {
	a, thief := newAuthority(t, "ca"), newAuthority(t, "ca")
	names := []string{"a.example"}
	good, bad := a.issue(names), thief.issue(names)
	for _, c := range []struct {
		name string
		with *tls.Config
		pin  string
		want fault.Kind
	}{
		{"signed", endpoint(t, good, a.cert), pin(a.cert), fault.None},
		{"an authority appended", endpoint(t, bad, a.cert), pin(a.cert), fault.UpstreamCertPin},
		{"a leaf appended", endpoint(t, bad, good.cert), pin(good.cert), fault.UpstreamCertPin},
		{"after the own authority", endpoint(t, bad, thief.cert, a.cert), pin(a.cert), fault.UpstreamCertPin},
	} {
		client := mustClient(t, "a.example", func(cfg *configs.ClusterTLS) { cfg.Insecure, cfg.Pins = true, []string{c.pin} })
		if o := meet(t, c.with, client.Config(0)); EndpointFault(o.clientErr) != c.want {
			t.Errorf("%s: %v", c.name, o.clientErr)
		}
	}
}

func TestEndpointRefusesUs(t *testing.T) {
	a, stranger := newAuthority(t, "ca"), newAuthority(t, "stranger")
	server := endpoint(t, a.issue([]string{"a.example"}))
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, a.pool()
	ours, theirs := a.issue(nil), stranger.issue(nil)
	for _, c := range []struct {
		name string
		cert *leaf
		want fault.Kind
	}{
		{"with a certificate", ours, fault.None},
		{"without", nil, fault.UpstreamHandshake},
		{"with a foreign one", theirs, fault.UpstreamHandshake},
	} {
		client := mustClient(t, "a.example", func(cfg *configs.ClusterTLS) {
			cfg.CA = a.PEM
			if c.cert != nil {
				cfg.Cert, cfg.Key = c.cert.Cert, c.cert.Key
			}
		})
		o := meet(t, server, client.Config(0))
		if got := EndpointFault(o.clientErr); got != c.want {
			t.Errorf("%s: %v is %q", c.name, o.clientErr, got)
		}
		if c.cert == theirs && !strings.Contains(o.serverErr.Error(), "unknown authority") {
			t.Errorf("%s: it was not sent: %v", c.name, o.serverErr)
		}
	}
}

func TestEndpointALPN(t *testing.T) {
	a := newAuthority(t, "ca")
	server := endpoint(t, a.issue([]string{"a.example"}))
	server.NextProtos = []string{"http/1.1", "mqtt"}
	for want, alpn := range map[string][]string{"http/1.1": {"http/1.1"}, "mqtt": {"mqtt"}, "": nil} {
		client := mustClient(t, "a.example", func(cfg *configs.ClusterTLS) { cfg.CA, cfg.ALPN = a.PEM, alpn })
		o := meet(t, server, client.Config(0))
		o.mustWork(t)
		if o.client.NegotiatedProtocol != want {
			t.Errorf("%q instead of %q", o.client.NegotiatedProtocol, want)
		}
	}
}

// Endpoints that share a server name have no sessions in common.
func TestSessionsOfEndpoints(t *testing.T) {
	a := newAuthority(t, "ca")
	cfg := configs.NewClusterTLS()
	cfg.CA, cfg.ServerName = a.PEM, "a.example"
	c, err := NewClient(cfg, []string{"one", "two", "one"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Config(0) != c.Config(2) || c.Config(0) == c.Config(1) {
		t.Error("configs are not by host")
	}
	cert := a.issue([]string{"a.example"})
	one, two := endpoint(t, cert), endpoint(t, cert)
	for i, want := range []bool{false, true, true} {
		for j, server := range []*tls.Config{one, two} {
			o := meet(t, server, c.Config(j))
			o.mustWork(t)
			if o.client.DidResume != want {
				t.Errorf("turn %d, endpoint %d: resumed is %v", i, j, o.client.DidResume)
			}
		}
	}
}

func TestClientReload(t *testing.T) {
	a, b := newAuthority(t, "a"), newAuthority(t, "b")
	folder := t.TempDir()
	ca := write(t, folder, "ca.pem", a.PEM)
	crl := write(t, folder, "crl.pem", a.revoke(-1, 1)+b.revoke(-1, 1))
	cert := a.issue([]string{"a.example"})
	server := endpoint(t, cert)
	c := mustClient(t, "a.example", func(cfg *configs.ClusterTLS) { cfg.CA, cfg.CRL = ca, crl })
	if !slices.Equal(c.Files(), []string{ca, crl}) {
		t.Errorf("Files: %v", c.Files())
	}
	turn := func(what string, resumed bool, want fault.Kind) {
		t.Helper()
		o := meet(t, server, c.Config(0))
		if EndpointFault(o.clientErr) != want || o.client.DidResume != resumed {
			t.Errorf("%s: %v, resumed is %v", what, o.clientErr, o.client.DidResume)
		}
	}
	turn("first", false, fault.None)
	turn("again", true, fault.None)
	if changed, err := c.Reload(); changed || err != nil {
		t.Errorf("nothing changed: %v, %v", changed, err)
	}
	turn("nothing changed", true, fault.None)
	before := c.Config(0)
	replace(t, ca, "garbage")
	if changed, err := c.Reload(); changed || err == nil || c.Config(0) != before || !strings.Contains(err.Error(), ca) {
		t.Errorf("garbage: %v, %v", changed, err)
	}
	replace(t, ca, b.PEM)
	mustReload(t, c)
	turn("another authority", false, fault.UpstreamCertUntrusted)
	replace(t, ca, a.PEM)
	mustReload(t, c)
	turn("the first again", false, fault.None)
	replace(t, crl, a.revoke(-1, 1, cert))
	mustReload(t, c)
	turn("revoked", false, fault.UpstreamCertRevoked)
}

func TestFaultOfNothing(t *testing.T) {
	if ClientFault(nil) != fault.None || EndpointFault(nil) != fault.None {
		t.Error("nil is a fault")
	}
}
