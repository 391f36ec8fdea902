package main

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/configs"
)

// cert runs weir cert in dir and returns what it printed.
func cert(t *testing.T, dir string, args ...string) string {
	t.Helper()
	code, stdout, stderr := weir(t, append([]string{"cert", "--out", dir}, args...)...)
	if code != exitOK || stderr != "" {
		t.Fatalf("%v: exit %d, stdout %q, stderr %q", args, code, stdout, stderr)
	}
	return stdout
}

// keyPair reads a certificate with its key, whose rights must be its owner's alone.
func keyPair(t *testing.T, dir, name string) tls.Certificate {
	t.Helper()
	p, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, name+".key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s.key: %v, %v", name, info.Mode(), err)
	}
	return p
}

// shake does a handshake between two configurations and returns what each side says.
func shake(t *testing.T, server, client *tls.Config) (state tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			c.SetDeadline(time.Now().Add(20 * time.Second))
			s := tls.Server(c, server)
			err = s.Handshake()
			state = s.ConnectionState()
			s.Close()
		}
		done <- err
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), client)
	serverErr = <-done
	if err == nil {
		c.Close()
	}
	return state, serverErr, err
}

func TestCertServes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	out := cert(t, dir, "app.test", "*.app.test", "127.0.0.1", "[::1]")
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	server := keyPair(t, dir, "server")
	if len(server.Certificate) != 1 {
		t.Errorf("%d certificates in the chain; the authority itself is no part of it", len(server.Certificate))
	}
	for name, good := range map[string]bool{"app.test": true, "x.app.test": true, "127.0.0.1": true, "::1": true, "other.test": false, "a.b.app.test": false} {
		_, _, err := shake(t, &tls.Config{Certificates: []tls.Certificate{server}}, &tls.Config{RootCAs: roots, ServerName: name})
		if (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, part := range []string{"ca.pem", "app.test, *.app.test, 127.0.0.1, ::1", "curl --cacert " + dir, "https://app.test:8443/"} {
		if !strings.Contains(out, part) {
			t.Errorf("%q lacks %q", out, part)
		}
	}
}

func TestCertClient(t *testing.T) {
	dir := t.TempDir()
	cert(t, dir)
	before, _ := os.ReadFile(filepath.Join(dir, "server.pem"))
	out := cert(t, dir, "--client", "Alice-2")
	if after, _ := os.ReadFile(filepath.Join(dir, "server.pem")); string(after) != string(before) {
		t.Error("the server's certificate changed though no host was given")
	}
	ca := keyPair(t, dir, "ca").Leaf
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	server := &tls.Config{Certificates: []tls.Certificate{keyPair(t, dir, "server")}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	state, serverErr, clientErr := shake(t, server, &tls.Config{
		RootCAs: pool, ServerName: "localhost", Certificates: []tls.Certificate{keyPair(t, dir, "client-Alice-2")},
	})
	if serverErr != nil || clientErr != nil || state.PeerCertificates[0].Subject.CommonName != "Alice-2" {
		t.Errorf("%v, %v, %+v", serverErr, clientErr, state.PeerCertificates)
	}
	// A server's certificate identifies no client.
	if _, err, _ := shake(t, server, &tls.Config{RootCAs: pool, ServerName: "localhost", Certificates: server.Certificates}); err == nil {
		t.Error("a server's certificate was taken for a client's")
	}
	if !strings.Contains(out, "client_ca = ") || !strings.Contains(out, "--cert "+filepath.Join(dir, "client-Alice-2.pem")) {
		t.Errorf("%q", out)
	}
}

// What is printed for the configuration file says what was meant.
func TestCertPrintsConfig(t *testing.T) {
	dir := filepath.Join(t.TempDir(), `a "b" \c`)
	out := cert(t, dir, "localhost", "--client", "x")
	_, toml, _ := strings.Cut(out, "# in the configuration file\n")
	toml, _, _ = strings.Cut(toml, "\n\n")
	file := filepath.Join(t.TempDir(), "weir.toml")
	text := "[listeners.edge]\naddress = \"127.0.0.1:0\"\n" + toml + "\n" + goodFile[strings.Index(goodFile, "[[routes]]"):]
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := configs.Load(file)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	got := cfg.Listeners["edge"].TLS
	if got == nil || len(got.Certificates) != 1 || got.ClientAuth != "require" || got.ClientCA == "" {
		t.Errorf("%+v", got)
	}
}

func TestCertKeepsTheAuthority(t *testing.T) {
	dir := t.TempDir()
	if out := cert(t, dir); !strings.Contains(out, "made "+filepath.Join(dir, "ca.pem")) {
		t.Errorf("%q", out)
	}
	first := keyPair(t, dir, "server").Leaf
	ca, _ := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if out := cert(t, dir, "--rsa", "--days", "30"); !strings.Contains(out, "kept "+filepath.Join(dir, "ca.pem")) {
		t.Errorf("%q", out)
	}
	if again, _ := os.ReadFile(filepath.Join(dir, "ca.pem")); string(again) != string(ca) {
		t.Error("the authority changed")
	}
	second := keyPair(t, dir, "server").Leaf
	if _, ok := second.PublicKey.(*rsa.PublicKey); !ok || first.SerialNumber.Cmp(second.SerialNumber) == 0 {
		t.Errorf("%T, serial numbers %v and %v", second.PublicKey, first.SerialNumber, second.SerialNumber)
	}
	if _, ok := first.PublicKey.(*ecdsa.PublicKey); !ok || first.NotAfter.Sub(first.NotBefore) != 825*day || second.NotAfter.Sub(second.NotBefore) != 30*day {
		t.Errorf("%T, %v and %v", first.PublicKey, first.NotAfter.Sub(first.NotBefore), second.NotAfter.Sub(second.NotBefore))
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What cannot be used is said, and stays as it is.
func TestCertFailures(t *testing.T) {
	damage := map[string]struct {
		do   func(dir string) error
		want string
	}{
		"no key":         {func(dir string) error { return os.Remove(filepath.Join(dir, "ca.key")) }, "not the other"},
		"no certificate": {func(dir string) error { return os.Remove(filepath.Join(dir, "ca.pem")) }, "not the other"},
		"not PEM": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "ca.key"), []byte("x"), 0o600) },
			"cannot be used"},
		"a leaf": {func(dir string) error {
			os.Rename(filepath.Join(dir, "server.key"), filepath.Join(dir, "ca.key"))
			return os.Rename(filepath.Join(dir, "server.pem"), filepath.Join(dir, "ca.pem"))
		}, "not a certificate authority"},
	}
	for name, tt := range damage {
		dir := t.TempDir()
		cert(t, dir)
		if err := tt.do(dir); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := weir(t, "cert", "--out", dir)
		if code != exitFailure || stdout != "" || !strings.Contains(stderr, tt.want) || !strings.Contains(stderr, "move ") {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", name, code, stdout, stderr)
		}
	}
	for args, want := range map[string]string{
		"https://a.test/":          "neither a host name nor an IP address",
		"a.test:443":               "without scheme, port",
		"a..test":                  "neither",
		"*":                        "neither",
		"a.*.test":                 "neither",
		"x.-a.test":                "neither",
		"--days 0":                 "days: 0",
		"--days 3651":              "days: 3651",
		"--client ../x":            "client: \"../x\"",
		"--client " + long:         "client: ",
		strings.Repeat("a.", 127):  "neither",
		"--out /dev/null/x a.test": "not a directory",
	} {
		code, stdout, stderr := weir(t, append([]string{"cert"}, strings.Fields(args)...)...)
		if code == exitOK || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want %q", args, code, stdout, stderr, want)
		}
	}
}

var long = strings.Repeat("a", 64)

// Two at a time make one authority: the second finds what the first has put there.
func TestAuthorityIsNeverOverwritten(t *testing.T) {
	dir, err := openCertDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dir.newAuthority(time.Now()); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(dir.absolute("ca.key"))
	if _, err := dir.newAuthority(time.Now()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v, want fs.ErrExist", err)
	}
	if after, _ := os.ReadFile(dir.absolute("ca.key")); string(after) != string(before) {
		t.Error("the key of the authority changed")
	}
}

// An authority signs nothing that outlives it, nor anything once it has ended.
func TestAuthorityEnds(t *testing.T) {
	now := time.Now()
	a, err := newAuthority(now)
	if err != nil {
		t.Fatal(err)
	}
	l := leaf{name: strings.Repeat("a.", 100) + "test", hosts: []string{"a"}, days: 825}
	if _, c, err := a.issue(a.cert.NotAfter.Add(-day), l); err != nil || !c.NotAfter.Equal(a.cert.NotAfter) {
		t.Errorf("%v, %v", c, err)
	}
	if _, _, err := a.issue(a.cert.NotAfter, l); err == nil || !strings.Contains(err.Error(), "ended on") {
		t.Error(err)
	}
}

// The configuration of weir demo --tls holds a certificate for where it listens.
func TestDemoTLSConfig(t *testing.T) {
	for address, host := range map[string]string{
		"127.0.0.1:0": "127.0.0.1", "0.0.0.0:8443": "localhost", "[::1]:8443": "::1", ":8443": "127.0.0.1", "192.0.2.7:1": "192.0.2.7",
	} {
		cfg := demoConfig(demoOptions{address: address, tls: true}, "127.0.0.1:1", "127.0.0.1:2")
		if err := secureDemo(cfg, address); err != nil {
			t.Fatal(err)
		}
		l := cfg.Listeners[demoListener].TLS
		p, err := tls.X509KeyPair([]byte(l.Certificates[0].Cert), []byte(l.Certificates[0].Key))
		if err != nil || p.Leaf.VerifyHostname(host) != nil {
			t.Errorf("%s: %v, %v", address, err, p.Leaf.VerifyHostname(host))
		}
		if err := cfg.Check(); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	if len(developmentHosts) != 3 {
		t.Error("a demo has changed the hosts of all", developmentHosts)
	}
}

func TestDemoTLSText(t *testing.T) {
	var b strings.Builder
	base := demoBase(true, "0.0.0.0:8443")
	printDemo(&b, "weir", base)
	out := b.String()
	if strings.Contains(out, "http://") || !strings.Contains(out, "https://127.0.0.1:8443/\n") || !strings.Contains(out, "wss://127.0.0.1:8443/ws/echo --duration 5s --insecure") {
		t.Errorf("%q", out)
	}
	for _, trial := range trials(base) {
		if !strings.HasPrefix(trial.command, "curl -k ") {
			t.Errorf("%q", trial.command)
		}
	}
	for _, name := range pageScripts {
		if strings.Contains(pageFile(name), "ws://") && !strings.Contains(pageFile(name), `location.protocol === "https:" ? "wss://" : "ws://"`) {
			t.Errorf("%s opens ws:// from a page that came by https", name)
		}
	}
}
