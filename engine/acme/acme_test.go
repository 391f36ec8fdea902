package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"weir/configs"
)

// born is when the certificates of tests without an authority begin.
var born = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// makePair is a self-signed certificate of 90 days with its key, as it is stored.
func makePair(t *testing.T, host string, from time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(from.Unix()), DNSNames: []string{host}, NotBefore: from, NotAfter: from.Add(90 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := encodePair([][]byte{der}, key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// offline is a configuration whose authority nobody asks.
func offline(t *testing.T, hosts ...string) *configs.ACME {
	cfg := configs.NewACME(hosts...)
	cfg.Directory = "https://ca.weir.test/dir"
	cfg.Storage = t.TempDir()
	return cfg
}

// still is a pace whose clock stands, and whose waits last until the end.
func still(at time.Time) pace {
	p := realPace()
	p.now = func() time.Time { return at }
	p.wait = func(ctx context.Context, _ time.Duration) bool {
		<-ctx.Done()
		return false
	}
	return p
}

func TestHostsAreChecked(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, c := range []struct{ host, want string }{
		{"a.weir.test", ""},
		{"xn--bcher-kva.example", ""},
		{"A.Weir.TEST", ""},
		{"3.weir.test", ""},
		{long + ".test", ""},
		{long + "a.test", "not a host name"},
		{strings.Repeat("a.", 126) + "ab", "not a full host name"},
		{strings.Repeat("a.", 126) + "a", ""},
		{"", "not a full host name"},
		{"localhost", "not a full host name"},
		{"*.weir.test", "wildcard"},
		{"a.*.test", "holds '*'"},
		{"127.0.0.1", "address"},
		{"a.weir.test.", "not a host name"},
		{".weir.test", "not a host name"},
		{"a..test", "not a host name"},
		{"-a.test", "not a host name"},
		{"a-.test", "not a host name"},
		{"a/../b.test", "holds '/'"},
		{"..", "not a host name"},
		{"a/b.test", "holds '/'"},
		{"b\u00fccher.example", "xn--"},
		{"a_b.test", "holds '_'"},
		{"a.test:443", "holds ':'"},
		{"a\x00.test", "holds"},
	} {
		_, err := New(offline(t, c.host), func(string, Event) {})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%q: %v", c.host, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: %v, want %q", c.host, err, c.want)
		}
	}
}

func TestConfigurationThatCannotWork(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*configs.ACME)
		want   string
	}{
		{"plain http", func(c *configs.ACME) { c.Directory = "http://ca.weir.test/dir" }, "not an https URL"},
		{"no authority", func(c *configs.ACME) { c.Directory = "" }, "not an https URL"},
		{"no host", func(c *configs.ACME) { c.Directory = "https:///dir" }, "not an https URL"},
		{"no storage", func(c *configs.ACME) { c.Storage = "" }, "storage"},
		{"roots missing", func(c *configs.ACME) { c.CA = c.Storage + "/ca.pem" }, "ca.pem"},
		{"roots not PEM", func(c *configs.ACME) { c.CA = "-----BEGIN NOTHING-----\n" }, "no certificate"},
	} {
		cfg := offline(t, "a.weir.test")
		c.change(cfg)
		if _, err := New(cfg, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestChallengesAreAnsweredOnlyWhileUnderWay(t *testing.T) {
	m, err := New(offline(t, "a.weir.test"), nil)
	if err != nil {
		t.Fatal(err)
	}
	cert := &tls.Certificate{}
	take := m.answers.addCert("a.weir.test", cert)
	for _, c := range []struct {
		name   string
		protos []string
		want   error
	}{
		{"a.weir.test", []string{ALPN}, nil},
		{"A.Weir.Test", []string{ALPN}, nil},
		{"b.weir.test", []string{ALPN}, errNoChallenge},
		{"", []string{ALPN}, errNoChallenge},
		{"a.weir.test", nil, errNotChallenge},
		{"a.weir.test", []string{"http/1.1"}, errNotChallenge},
		{"a.weir.test", []string{ALPN, "http/1.1"}, errNotChallenge},
		{"a.weir.test", []string{"http/1.1", ALPN}, errNotChallenge},
	} {
		got, err := m.Challenge(&tls.ClientHelloInfo{ServerName: c.name, SupportedProtos: c.protos})
		if !errors.Is(err, c.want) || (got == cert) != (c.want == nil) {
			t.Errorf("%q %q: %v, want %v", c.name, c.protos, err, c.want)
		}
	}
	take()
	if _, err := m.Challenge(&tls.ClientHelloInfo{ServerName: "a.weir.test", SupportedProtos: []string{ALPN}}); err != errNoChallenge {
		t.Errorf("afterwards: %v", err)
	}
	if m.Certificate("a.weir.test") != nil {
		t.Error("a challenge is no certificate")
	}
}

func TestTokensAreAnsweredOnlyAtTheirHost(t *testing.T) {
	m, err := New(offline(t, "a.weir.test", "b.weir.test"), nil)
	if err != nil {
		t.Fatal(err)
	}
	takeA := m.answers.addToken("a.weir.test", "tokenA", "tokenA.thumb")
	takeB := m.answers.addToken("b.weir.test", "tokenB", "tokenB.thumb")
	for _, c := range []struct{ host, token, want string }{
		{"a.weir.test", "tokenA", "tokenA.thumb"},
		{"A.WEIR.test", "tokenA", "tokenA.thumb"},
		{"a.weir.test:80", "tokenA", "tokenA.thumb"},
		{"b.weir.test", "tokenB", "tokenB.thumb"},
		{"b.weir.test", "tokenA", ""},
		{"", "tokenA", ""},
		{":80", "tokenA", ""},
		{"a.weir.test", "", ""},
		{"a.weir.test", "tokena", ""},
		{"a.weir.test", "tokenA.thumb", ""},
		{"a.weir.test", "../account.pem", ""},
	} {
		got, ok := m.HTTPToken([]byte(c.host), []byte(c.token))
		if string(got) != c.want || ok != (c.want != "") {
			t.Errorf("%q %q: %q %v, want %q", c.host, c.token, got, ok, c.want)
		}
	}
	host, token := []byte("a.weir.test:80"), []byte("tokenA")
	if n := testing.AllocsPerRun(100, func() { m.HTTPToken(host, token) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	takeA()
	if _, ok := m.HTTPToken(host, token); ok {
		t.Error("still answered afterwards")
	}
	if _, ok := m.HTTPToken([]byte("b.weir.test"), []byte("tokenB")); !ok {
		t.Error("the other one went too")
	}
	takeB()
}

func TestHostsThatAreNotListedHaveNoCertificate(t *testing.T) {
	cfg := offline(t, "a.weir.test")
	m, err := newManager(cfg, func(string, Event) {}, still(born))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"a.weir.test", "b.weir.test"} {
		if err := m.folder.write(certFile(host), makePair(t, host, born)); err != nil {
			t.Fatal(err)
		}
	}
	if m, err = newManager(cfg, func(string, Event) {}, still(born)); err != nil {
		t.Fatal(err)
	}
	if m.Certificate("A.weir.test") == nil {
		t.Error("the listed one has none")
	}
	for _, host := range []string{"b.weir.test", "", "weir.test", "x.a.weir.test"} {
		if m.Certificate(host) != nil {
			t.Errorf("%q has one", host)
		}
	}
}
