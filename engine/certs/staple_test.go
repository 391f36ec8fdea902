package certs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"weir/configs"
)

// answer is a response about a leaf, due to be replaced in so many hours; 0: never.
func (a *authority) answer(l *leaf, status, due int) string {
	a.t.Helper()
	template := ocsp.Response{Status: status, SerialNumber: l.cert.SerialNumber, ThisUpdate: time.Now().Add(-24 * time.Hour)}
	if due != 0 {
		template.NextUpdate = time.Now().Add(time.Duration(due) * time.Hour)
	}
	der, err := ocsp.CreateResponse(a.cert, a.cert, template, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(der)
}

func TestStaple(t *testing.T) {
	a, forger := newAuthority(t, "ca"), newAuthority(t, "ca")
	names := []string{"a.example"}
	cert, other := a.issue(names), a.issue(names)
	chain := &leaf{cert: cert.cert, Cert: cert.Cert + a.PEM, Key: cert.Key}
	for _, c := range []struct {
		name    string
		leaf    *leaf
		file    string
		warning string // "": it is sent
	}{
		{"good", chain, a.answer(cert, ocsp.Good, 2), ""},
		{"good, issuer not in the chain", cert, a.answer(cert, ocsp.Good, 2), ""},
		{"good, no end", chain, a.answer(cert, ocsp.Good, 0), ""},
		{"over", chain, a.answer(cert, ocsp.Good, -2), "was in force until"},
		{"revoked", chain, a.answer(cert, ocsp.Revoked, 2), "does not say"},
		{"of another", chain, a.answer(other, ocsp.Good, 2), "ocsp"},
		{"of another, issuer not in the chain", cert, a.answer(other, ocsp.Good, 2), "ocsp"},
		{"forged", chain, forger.answer(cert, ocsp.Good, 2), "ocsp"},
		{"garbage", chain, "garbage", "ocsp"},
		{"empty", chain, "", "ocsp"},
	} {
		file := write(t, t.TempDir(), "ocsp.der", c.file)
		s := serve(t, func(cfg *configs.ListenerTLS) { cfg.Certificates[0].OCSP = file }, c.leaf)
		o := meet(t, s.Config(), asking(a, "a.example"))
		o.mustWork(t)
		said := fmt.Sprint(s.Warnings())
		switch {
		case c.warning == "" && (string(o.client.OCSPResponse) != c.file || len(s.Warnings()) != 0):
			t.Errorf("%s: sent %d bytes, warned %s", c.name, len(o.client.OCSPResponse), said)
		case c.warning != "" && (o.client.OCSPResponse != nil || !strings.Contains(said, c.warning)):
			t.Errorf("%s: sent %d bytes, warned %s", c.name, len(o.client.OCSPResponse), said)
		}
	}
}

func TestStapleMissingIsNoError(t *testing.T) {
	a := newAuthority(t, "ca")
	file := "/nonexistent/ocsp.der"
	s := serve(t, func(cfg *configs.ListenerTLS) { cfg.Certificates[0].OCSP = file }, a.issue([]string{"a.example"}))
	if said := fmt.Sprint(s.Warnings()); !strings.Contains(said, file) {
		t.Error(said)
	}
	if len(s.Files()) != 1 {
		t.Errorf("it is not watched for: %v", s.Files())
	}
}

func TestStapleThatIsOverIsSentNoMore(t *testing.T) {
	a := newAuthority(t, "ca")
	cert := a.issue([]string{"a.example"})
	file := write(t, t.TempDir(), "ocsp.der", a.answer(cert, ocsp.Good, 2))
	now := time.Now()
	cfg := configs.NewListenerTLS(&configs.Certificate{Cert: cert.Cert, Key: cert.Key, OCSP: file})
	s, err := newServer(cfg, nil, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	stapled := func() bool {
		o := meet(t, s.Config(), asking(a, "a.example"))
		o.mustWork(t)
		return o.client.OCSPResponse != nil
	}
	before := s.Config()
	if s.ExpireStaples(now.Add(time.Hour)); s.Config() != before || !stapled() {
		t.Error("not sent while in force")
	}
	now = now.Add(3 * time.Hour)
	if s.ExpireStaples(now); stapled() {
		t.Error("sent when over")
	}
	before = s.Config()
	if s.ExpireStaples(now.Add(time.Hour)); s.Config() != before {
		t.Error("rebuilt for nothing")
	}
	replace(t, file, a.answer(cert, ocsp.Good, 4))
	mustReload(t, s)
	if !stapled() || len(s.Warnings()) != 0 {
		t.Errorf("the next is not sent: %v", s.Warnings())
	}
}

func TestWarningsOfDates(t *testing.T) {
	a := newAuthority(t, "ca")
	s := serve(t, func(cfg *configs.ListenerTLS) {
		cfg.ClientAuth, cfg.ClientCA, cfg.ClientCRL = "require", a.PEM, a.revoke(-2, -1)
	}, a.issue([]string{"a.example"}, valid(-2, -1)), a.issue([]string{"b.example"}), a.issue(nil))
	said := fmt.Sprint(s.Warnings())
	if len(s.Warnings()) != 3 || !strings.Contains(said, "certificates[2].cert: it has no DNS names") || !strings.Contains(said, "client_crl: ") || !strings.Contains(said, "certificates[0].cert: ") {
		t.Error(said)
	}
	c := mustClient(t, "a.example", func(cfg *configs.ClusterTLS) {
		l := a.issue(nil, valid(-2, -1))
		cfg.Cert, cfg.Key, cfg.CRL = l.Cert, l.Key, a.revoke(-2, -1)
	})
	said = fmt.Sprint(c.Warnings())
	if len(c.Warnings()) != 2 || !strings.Contains(said, "crl: ") || !strings.Contains(said, "cert: ") {
		t.Error(said)
	}
}
