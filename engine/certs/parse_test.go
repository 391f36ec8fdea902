package certs

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/configs"
)

func TestBadConfigurations(t *testing.T) {
	a := newAuthority(t, "ca")
	l := a.issue([]string{"a.example"})
	for want, change := range map[string]func(*configs.ListenerTLS){
		"certificates: ":                   func(c *configs.ListenerTLS) { c.Certificates = nil },
		"min_version: ":                    func(c *configs.ListenerTLS) { c.MinVersion = "1.1" },
		"max_version: ":                    func(c *configs.ListenerTLS) { c.MaxVersion = "1.4" },
		"min_version: 1.3 is above":        func(c *configs.ListenerTLS) { c.MinVersion, c.MaxVersion = "1.3", "1.2" },
		"curves: ":                         func(c *configs.ListenerTLS) { c.Curves = []string{"X25519", "x25519"} },
		"cipher_suites: one of [\"TLS_RSA": func(c *configs.ListenerTLS) { c.CipherSuites = []string{"TLS_RSA_WITH_AES_128_GCM_SHA256"} },
		"cipher_suites: one of [\"TLS_ECDHE": func(c *configs.ListenerTLS) {
			c.CipherSuites = []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"}
		},
		"client_auth: client_ca":    func(c *configs.ListenerTLS) { c.ClientAuth = "require" },
		"client_auth: \"maybe\"":    func(c *configs.ListenerTLS) { c.ClientAuth = "maybe" },
		"client_ca: no CERTIFICATE": func(c *configs.ListenerTLS) { c.ClientCA = l.Key },
		"client_crl: no X509 CRL":   func(c *configs.ListenerTLS) { c.ClientCRL = l.Cert },
		"client_ca: certificate 2: ": func(c *configs.ListenerTLS) {
			c.ClientCA = l.Cert + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
		},
		"ticket_keys: stat /nonexistent:": func(c *configs.ListenerTLS) { c.TicketKeys = "/nonexistent" },
	} {
		cfg := configs.NewListenerTLS(&configs.Certificate{Cert: l.Cert, Key: l.Key})
		change(cfg)
		if _, err := NewServer(cfg, nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q instead of %q", err, want)
		}
	}
	for want, change := range map[string]func(*configs.ClusterTLS){
		"pins[0]: ":     func(c *configs.ClusterTLS) { c.Pins = []string{"AAAA"} },
		"pins[1]: ":     func(c *configs.ClusterTLS) { c.Pins = []string{pin(l.cert), "!"} },
		"ca: ":          func(c *configs.ClusterTLS) { c.CA = "/nonexistent" },
		"key: ":         func(c *configs.ClusterTLS) { c.Cert = l.Cert },
		"cert: ":        func(c *configs.ClusterTLS) { c.Key = l.Key },
		"min_version: ": func(c *configs.ClusterTLS) { c.MinVersion = "3" },
	} {
		cfg := configs.NewClusterTLS()
		change(cfg)
		if _, err := NewClient(cfg, []string{"a.example"}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q instead of %q", err, want)
		}
	}
}

func TestVersionsCurvesAndSuites(t *testing.T) {
	a := newAuthority(t, "ca")
	l := a.issue([]string{"a.example"})
	s := serve(t, func(c *configs.ListenerTLS) {
		c.MaxVersion, c.Curves, c.CipherSuites = "1.2", []string{"P-384"}, []string{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"}
	}, l)
	o := meet(t, s.Config(), asking(a, "a.example"))
	o.mustWork(t)
	if o.client.Version != tls.VersionTLS12 || o.client.CurveID != tls.CurveP384 || o.client.CipherSuite != tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 {
		t.Errorf("%x %v %x", o.client.Version, o.client.CurveID, o.client.CipherSuite)
	}
	s = serve(t, func(c *configs.ListenerTLS) { c.MinVersion = "1.3" }, l)
	client := asking(a, "a.example")
	client.MaxVersion = tls.VersionTLS12
	if o := meet(t, s.Config(), client); o.clientErr == nil {
		t.Error("1.2 with a min_version of 1.3")
	}
	s = serve(t, nil, l)
	client = asking(a, "a.example")
	client.MinVersion, client.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	if o := meet(t, s.Config(), client); o.clientErr == nil {
		t.Error("1.1")
	}
}

func TestFilesAreBounded(t *testing.T) {
	big := filepath.Join(t.TempDir(), "big")
	f, err := os.Create(big)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(maxFileBytes + 1); err != nil {
		t.Fatal(err)
	}
	if _, err := readFile(big); err == nil || !strings.Contains(err.Error(), big) {
		t.Error(err)
	}
}

func TestMayBeKey(t *testing.T) {
	for name, want := range map[string]bool{
		"/etc/weir/tls.key": false,
		"/etc/letsencrypt/live/www.example.com/privkey.pem":                                                  false,
		"/var/lib/docker/volumes/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/_data/key": false,
		"/etc/weir/uJ0bX9F4kq1p2c3Yt+W5s6r7o8n9m0l1k2j3i4h5g6=":                                              true,
		"uJ0bX9F4kq1p2c3Yt+W5s6r7o8n9m0l1k2j3i4h5g6=":                                                        true,
		"two\nlines":              true,
		strings.Repeat("a/", 600): true,
	} {
		if mayBeKey(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
