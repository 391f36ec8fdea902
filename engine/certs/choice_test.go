package certs

import (
	"crypto/tls"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"weir/configs"
	"weir/engine/fault"
)

func TestChoiceByServerName(t *testing.T) {
	a := newAuthority(t, "ca")
	first := a.issue([]string{"first.example", "www.first.example"})
	wild := a.issue([]string{"*.wild.example"})
	exact := a.issue([]string{"exact.wild.example"})
	late := a.issue([]string{"first.example"})
	bare := a.issue(nil)
	s := serve(t, nil, first, wild, exact, late, bare)
	for _, c := range []struct {
		name string
		want *leaf
	}{
		{"first.example", first}, // also in a later one
		{"FIRST.Example", first},
		{"www.first.example", first},
		{"a.wild.example", wild},
		{"A.WILD.example", wild},
		{"exact.wild.example", exact},
		{"a.b.wild.example", first}, // a wildcard is one label
		{"wild.example", first},
		{"unknown.example", first},
		{"", first},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			client := anonymous(c.name)
			client.MinVersion, client.MaxVersion = version, version
			if got := presented(t, meet(t, s.Config(), client)); !got.Equal(c.want.cert) {
				t.Errorf("%q, version %x: serial %v instead of %v", c.name, version, got.SerialNumber, c.want.cert.SerialNumber)
			}
		}
	}
}

func TestKindOfKeyByWhatTheClientSupports(t *testing.T) {
	a := newAuthority(t, "ca")
	names := []string{"a.example"}
	other := a.issue([]string{"other.example"})
	r, e := a.issue(names, rsaKey), a.issue(names)
	ed := a.issue(names, ed25519Key)
	onlyRSA := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	for _, c := range []struct {
		name   string
		server *Server
		sni    string
		suites []uint16
		want   *leaf
	}{
		{"both", serve(t, nil, r, e), "a.example", nil, e},
		{"only RSA", serve(t, nil, r, e), "a.example", onlyRSA, r},
		{"default, both", serve(t, nil, r, other, e), "", nil, e},
		{"default, only RSA", serve(t, nil, e, other, r), "", onlyRSA, r},
		{"only RSA there", serve(t, nil, r), "a.example", nil, r},
		{"ECDSA before Ed25519", serve(t, nil, ed, e), "a.example", nil, e},
		{"Ed25519 before RSA", serve(t, nil, r, ed), "a.example", nil, ed},
	} {
		client := anonymous(c.sni)
		client.MaxVersion, client.CipherSuites = tls.VersionTLS12, c.suites
		if got := presented(t, meet(t, c.server.Config(), client)); !got.Equal(c.want.cert) {
			t.Errorf("%s: a %v key was chosen", c.name, got.PublicKeyAlgorithm)
		}
	}
}

func TestStrictSNI(t *testing.T) {
	a := newAuthority(t, "ca")
	s := serve(t, func(cfg *configs.ListenerTLS) { cfg.StrictSNI = true }, a.issue([]string{"a.example", "*.b.example"}))
	for _, name := range []string{"a.example", "x.b.example"} {
		o := meet(t, s.Config(), asking(a, name))
		o.mustWork(t)
	}
	for _, name := range []string{"", "c.example", "b.example", "x.y.b.example"} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			client := anonymous(name)
			client.MinVersion, client.MaxVersion = version, version
			o := meet(t, s.Config(), client)
			if got := alert(o.clientErr); got != alertUnrecognizedName.Error() {
				t.Errorf("%q: the client saw %v", name, o.clientErr)
			}
			if got := ClientFault(o.serverErr); got != fault.UnknownServerName {
				t.Errorf("%q: %v is %v", name, o.serverErr, got)
			}
		}
	}
}

// A session must not be a way around strict_sni.
func TestStrictSNIHoldsForResumption(t *testing.T) {
	a := newAuthority(t, "ca")
	s := serve(t, func(cfg *configs.ListenerTLS) { cfg.StrictSNI = true }, a.issue([]string{"a.example"}))
	cache := sessionsOf{tls.NewLRUClientSessionCache(1), "one"}
	client := anonymous("a.example")
	client.ClientSessionCache = cache
	o := meet(t, s.Config(), client)
	o.mustWork(t)
	client = anonymous("b.example")
	client.ClientSessionCache = cache
	if o := meet(t, s.Config(), client); alert(o.clientErr) != alertUnrecognizedName.Error() {
		t.Errorf("the client saw %v, resumed %v", o.clientErr, o.client.DidResume)
	}
}

func TestCovers(t *testing.T) {
	a := newAuthority(t, "ca")
	leaves := []*leaf{
		a.issue([]string{"a.example", "www.a.example"}),
		a.issue([]string{"*.b.example", "b.example"}),
		a.issue([]string{"c.b.example"}),
		a.issue([]string{"a.example", "www.a.example"}, rsaKey),
	}
	lax := serve(t, nil, leaves...)
	strict := serve(t, func(cfg *configs.ListenerTLS) { cfg.StrictSNI = true }, leaves...)
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		sni, host   string
		lax, strict bool
	}{
		{"a.example", "a.example", true, true},
		{"a.example", "A.Example:8443", true, true},
		{"A.Example", "a.example.", true, true},
		{"a.example", "a.example.:443", true, true},
		{"a.example", "www.a.example", true, true},
		{"www.a.example", "a.example:443", true, true},
		{"a.example", "b.example", false, false},
		{"b.example", "x.b.example", true, true},
		{"x.b.example", "y.b.example:1", true, true},
		{"x.b.example", "c.b.example", false, false},
		{"x.b.example", "a.example", false, false},
		{"x.b.example", "x.y.b.example", false, false},
		{"", "anything", true, true},
		{"", "", true, true},
		// The default is for whatever nothing covers.
		{"a.example", "unknown.example", true, false},
		{"unknown.example", "other.example", true, false},
		{"unknown.example", "unknown.example", true, true},
		{"unknown.example", "a.example", true, false},
		{"b.example", "unknown.example", false, false},
		{"b.example", "[::1]:443", false, false},
		{"b.example", "127.0.0.1", false, false},
		{"b.example", "", false, false},
		{"b.example", ":", false, false},
		{"b.example", ".", false, false},
		{"b.example", ".b.example", false, false},
		{"b.example", long, false, false},
		{"b.example", long + ".b.example", false, false},
		{"b.example", "a.example:b.example", false, false},
	} {
		if got := lax.Covers(c.sni, []byte(c.host)); got != c.lax {
			t.Errorf("Covers(%q, %q) = %v", c.sni, c.host, got)
		}
		if got := strict.Covers(c.sni, []byte(c.host)); got != c.strict {
			t.Errorf("strict: Covers(%q, %q) = %v", c.sni, c.host, got)
		}
	}
}

func TestCoversDoesNotAllocate(t *testing.T) {
	a := newAuthority(t, "ca")
	s := serve(t, nil, a.issue([]string{"a.example"}), a.issue([]string{"*.b.example"}))
	hosts := [][]byte{[]byte("x.b.example"), []byte("X.B.example:443"), []byte("y.b.example"), []byte("a.example"), []byte("[::1]:443")}
	if n := testing.AllocsPerRun(100, func() {
		for _, h := range hosts {
			s.Covers("x.b.example", h)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// acme is a Dynamic for one host.
type acme struct {
	host      string
	cert      *tls.Certificate
	challenge *tls.Certificate
}

func (d *acme) Hosts() []string { return []string{d.host} }

func (d *acme) Certificate(host string) *tls.Certificate {
	if host != d.host {
		panic(host)
	}
	return d.cert
}

func (d *acme) Challenge(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if d.challenge == nil || hello.ServerName != d.host {
		return nil, errors.New("no challenge")
	}
	return d.challenge, nil
}

func pair(t testing.TB, l *leaf) *tls.Certificate {
	t.Helper()
	p, err := parsePair([]byte(l.Cert), []byte(l.Key))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDynamicCertificates(t *testing.T) {
	a := newAuthority(t, "ca")
	fixed, obtained := a.issue([]string{"fixed.example", "*.acme.example"}), a.issue([]string{"x.acme.example"})
	d := &acme{host: "x.acme.example"}
	cfg := configs.NewListenerTLS(&configs.Certificate{Cert: fixed.Cert, Key: fixed.Key})
	s, err := NewServer(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	if got := presented(t, meet(t, s.Config(), anonymous("x.acme.example"))); !got.Equal(fixed.cert) {
		t.Error("not the default while there is none")
	}
	d.cert = pair(t, obtained)
	for name, want := range map[string]*leaf{"x.acme.example": obtained, "y.acme.example": fixed, "": fixed} {
		if got := presented(t, meet(t, s.Config(), anonymous(name))); !got.Equal(want.cert) {
			t.Errorf("%q: the wrong one", name)
		}
	}
	if s.Covers("x.acme.example", []byte("fixed.example")) || !s.Covers("x.acme.example", []byte("X.acme.example")) {
		t.Error("Covers")
	}
}

func TestOnlyDynamicCertificates(t *testing.T) {
	a := newAuthority(t, "ca")
	d := &acme{host: "x.example"}
	s, err := NewServer(configs.NewListenerTLS(), d)
	if err != nil {
		t.Fatal(err)
	}
	o := meet(t, s.Config(), anonymous("x.example"))
	if alert(o.clientErr) != alertUnrecognizedName.Error() {
		t.Errorf("before there is one the client saw %v", o.clientErr)
	}
	d.cert = pair(t, a.issue([]string{"x.example"}))
	for _, name := range []string{"x.example", "", "y.example"} {
		presented(t, meet(t, s.Config(), anonymous(name)))
	}
}

func TestChallenge(t *testing.T) {
	a := newAuthority(t, "ca")
	fixed, proof := a.issue([]string{"fixed.example"}), a.issue([]string{"x.example"})
	d := &acme{host: "x.example", challenge: pair(t, proof)}
	cfg := configs.NewListenerTLS(&configs.Certificate{Cert: fixed.Cert, Key: fixed.Key})
	cfg.ClientAuth, cfg.ClientCA, cfg.StrictSNI = "require", a.PEM, true
	s, err := NewServer(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	client := anonymous("x.example")
	client.NextProtos = []string{ChallengeProtocol}
	o := meet(t, s.Config(), client)
	if got := presented(t, o); !got.Equal(proof.cert) || o.client.NegotiatedProtocol != ChallengeProtocol {
		t.Errorf("presented %v, spoke %q", got.DNSNames, o.client.NegotiatedProtocol)
	}
	client.ServerName = "fixed.example"
	if o := meet(t, s.Config(), client); alert(o.clientErr) != alertUnrecognizedName.Error() {
		t.Errorf("without a challenge the client saw %v", o.clientErr)
	}
	// With other protocols it is an ordinary client, which has no certificate.
	client.ServerName, client.NextProtos = "x.example", []string{ChallengeProtocol, "http/1.1"}
	if o := meet(t, s.Config(), client); alert(o.clientErr) != alertCertificateRequired.Error() {
		t.Errorf("an ordinary client saw %v", o.clientErr)
	}
}

// What others than crypto/tls make of the configs.
func TestOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	a := newAuthority(t, "ca")
	ca := write(t, t.TempDir(), "ca.pem", a.PEM)
	s := serve(t, func(cfg *configs.ListenerTLS) { cfg.StrictSNI, cfg.ALPN = true, []string{"http/1.1"} },
		a.issue([]string{"a.example"}, rsaKey), a.issue([]string{"a.example"}))
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"ECDSA first", []string{"-servername", "a.example"}, "Peer signature type: ECDSA"},
		{"RSA for whom needs it", []string{"-servername", "a.example", "-sigalgs", "RSA-PSS+SHA256"}, "Peer signature type: RSA-PSS"},
		{"chain and name", []string{"-servername", "a.example", "-verify_hostname", "a.example", "-verify_return_error"}, "Verification: OK"},
		{"ALPN", []string{"-servername", "a.example", "-alpn", "h2,http/1.1"}, "ALPN protocol: http/1.1"},
		{"TLS 1.2", []string{"-servername", "a.example", "-tls1_2"}, "Protocol  : TLSv1.2"},
		{"no CBC", []string{"-servername", "a.example", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"}, "handshake failure"},
		{"unknown name", []string{"-servername", "b.example"}, "unrecognized name"},
		{"no name", []string{"-noservername"}, "unrecognized name"},
	} {
		l, err := tls.Listen("tcp", "127.0.0.1:0", s.Config())
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if conn, err := l.Accept(); err == nil {
				converse(conn.(*tls.Conn))
			}
		}()
		cmd := exec.Command(openssl, append([]string{"s_client", "-connect", l.Addr().String(), "-CAfile", ca}, c.args...)...)
		cmd.Stdin, cmd.Env = strings.NewReader("x"), append(os.Environ(), "LC_ALL=C")
		out, _ := cmd.CombinedOutput() // its exit status tells of its own errors
		if !strings.Contains(string(out), c.want) {
			t.Errorf("%s: no %q in\n%s", c.name, c.want, out)
		}
		<-done
		l.Close()
	}
}

func BenchmarkCovers(b *testing.B) {
	a := newAuthority(b, "ca")
	s := serve(b, nil, a.issue([]string{"a.example"}), a.issue([]string{"*.b.example"}))
	for _, host := range []string{"x.b.example", "x.b.example:8443", "y.b.example", "a.example"} {
		b.Run(host, func(b *testing.B) {
			h := []byte(host)
			for b.Loop() {
				s.Covers("x.b.example", h)
			}
		})
	}
}
