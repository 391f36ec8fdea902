package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/engine/tlstest"
)

// swap puts a pair in place of cert.pem and key.pem of a folder.
type swap struct {
	name string
	// folder prepares what weir reads from.
	prepare func(t *testing.T, dir string, l *tlstest.Leaf)
	replace func(t *testing.T, dir string, l *tlstest.Leaf)
}

func writePair(t *testing.T, dir string, l *tlstest.Leaf) {
	tlstest.Write(t, dir, "cert.pem", l.Chain)
	tlstest.Write(t, dir, "key.pem", l.Key)
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// kubernetes lays out a volume of a secret as kubelet does: the files are links
// into ..data, which is a link to a folder of the version.
func kubernetes(t *testing.T, dir string, l *tlstest.Leaf) {
	version, err := os.MkdirTemp(dir, "..2026_")
	must(t, err)
	writePair(t, version, l)
	old, _ := os.Readlink(filepath.Join(dir, "..data"))
	must(t, os.Symlink(filepath.Base(version), filepath.Join(dir, "..data_tmp")),
		os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	if old != "" {
		must(t, os.RemoveAll(filepath.Join(dir, old)))
		return
	}
	for _, name := range []string{"cert.pem", "key.pem"} {
		must(t, os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
	}
}

var swaps = []swap{
	{"in place", writePair, writePair},
	{"by rename", writePair, func(t *testing.T, dir string, l *tlstest.Leaf) {
		tlstest.Write(t, dir, "cert.new", l.Chain)
		tlstest.Write(t, dir, "key.new", l.Key)
		must(t, os.Rename(filepath.Join(dir, "cert.new"), filepath.Join(dir, "cert.pem")),
			os.Rename(filepath.Join(dir, "key.new"), filepath.Join(dir, "key.pem")))
	}},
	{"as Kubernetes does", kubernetes, kubernetes},
}

func pairIn(dir string) string {
	return fmt.Sprintf("tls.certificates = [{ cert = %q, key = %q }]", filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
}

// requireServed waits until new handshakes get the certificate of that name.
func (w *weir) requireServed(cfg *tls.Config, name string) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("certificate %q", name), func() bool {
		state, err := w.handshake(cfg)
		if err != nil {
			w.t.Fatalf("a handshake failed while certificates were replaced: %v", err)
		}
		return state.PeerCertificates[0].Subject.CommonName == name
	})
}

// A pair that is replaced on disk serves new handshakes; tunnels, and an upload that
// is under way, do not notice.
func TestTLSCertificateReplacedOnDisk(t *testing.T) {
	ca := tlstest.New(t)
	for _, s := range swaps {
		t.Run(s.name, func(t *testing.T) {
			dir := t.TempDir()
			s.prepare(t, dir, ca.Issue([]string{edgeName}, tlstest.Named("first")))
			tunnels := tunnelBackend(t, func(c *net.TCPConn, _ string) { echoTunnel(c, "") })
			uploads := httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
				h := sha256.New()
				n, err := io.Copy(h, r.Body)
				_, _ = fmt.Fprintf(rw, "%d %s %v", n, sumOf(h), err)
			})
			w := start(t, oneCluster(tunnels)+fmt.Sprintf("[clusters.uploads]\nendpoints = [%q]\n[[routes]]\nprefix = \"/upload\"\ncluster = \"uploads\"\n[[routes]]\npath = \"/\"\nrespond = { body = \"x\" }\n", uploads), pairIn(dir))
			cfg := trusting(ca)
			w.requireServed(cfg, "first")
			tunnel := w.secure(cfg)
			tunnel.send(strings.Replace(upgradeRequest("/tunnel"), "Host: a", "Host: "+edgeName, 1))
			if head, err := readHead(tunnel.r); err != nil || !strings.Contains(head, " 101 ") {
				t.Fatalf("no tunnel: %q, %v", head, err)
			}
			upload := w.secure(cfg)
			const size = 200_000
			upload.send(fmt.Sprintf("POST /upload HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", edgeName, 2*size))
			body := pattern(5, 2*size)
			upload.send(string(body[:size]))
			for i, name := range []string{"second", "third"} {
				s.replace(t, dir, ca.Issue([]string{edgeName}, tlstest.Named(name)))
				w.requireServed(cfg, name)
				w.requireLogged(`"message":"certificates replaced"`)
				message := fmt.Sprintf("still here %d", i)
				tunnel.send(message)
				requireBytes(t, tunnel.r, []byte(message))
			}
			upload.send(string(body[size:]))
			h := sha256.New()
			_, _ = h.Write(body)
			if _, got := upload.response("POST"); got != fmt.Sprintf("%d %s <nil>", 2*size, sumOf(h)) {
				t.Errorf("the upload: %s", got)
			}
			if name := tunnel.ConnectionState().PeerCertificates[0].Subject.CommonName; name != "first" {
				t.Errorf("the tunnel's certificate is %q", name)
			}
			_ = tunnel.Close()
			_ = upload.Close()
		})
	}
}

// A pair that is not one keeps the old one in force; the log says why, and of which
// files. A good one afterwards is taken.
func TestTLSBadPairKeepsTheOldOne(t *testing.T) {
	ca := tlstest.New(t)
	// An error does not show a file name that might be a key, as the tests' long names
	// with digits might.
	dir, err := os.MkdirTemp("", "pair")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	first, other := ca.Issue([]string{edgeName}, tlstest.Named("first")), ca.Issue([]string{edgeName}, tlstest.Named("other"))
	writePair(t, dir, first)
	w := start(t, respondAll, pairIn(dir))
	cfg := trusting(ca)
	for _, tt := range []struct {
		name, cert, key, said string
	}{
		{"the key of another certificate", other.Chain, first.Key, "private key does not match"},
		{"no PEM", "garbage", first.Key, "cert.pem"},
		{"half a file", other.Chain[:len(other.Chain)/2], other.Key, "cert.pem"},
		{"nothing", "", "", "cert.pem"},
	} {
		from := len(w.log.String())
		tlstest.Write(t, dir, "cert.pem", tt.cert)
		tlstest.Write(t, dir, "key.pem", tt.key)
		// A trouble is told once, until it is another: so things are put in order between.
		w.eventually(tt.name+": in the log", func() bool {
			_, said, found := strings.Cut(w.log.String()[from:], "the old ones stay in force")
			return found && strings.Contains(said, tt.said)
		})
		if state, err := w.handshake(cfg); err != nil || state.PeerCertificates[0].Subject.CommonName != "first" {
			t.Fatalf("%s: %v", tt.name, err)
		}
		writePair(t, dir, first)
		w.eventually(tt.name+": in order again", func() bool { return strings.Contains(w.log.String()[from:], "in order again") })
	}
	must(t, os.Remove(filepath.Join(dir, "cert.pem")))
	w.requireLogged("no such file")
	if strings.Contains(w.log.String(), first.Key[40:80]) {
		t.Error("a private key is in the log")
	}
	writePair(t, dir, other)
	w.requireServed(cfg, "other")
}

// Whom a listener trusts, whom it no longer does, and whose tickets it takes, is
// replaced as well.
func TestTLSTrustReplacedOnDisk(t *testing.T) {
	ca, next := tlstest.New(t), tlstest.New(t)
	dir := t.TempDir()
	authorities := tlstest.Write(t, dir, "ca.pem", ca.PEM)
	lists := tlstest.Write(t, dir, "crl.pem", ca.Revoke()+next.Revoke())
	keys := tlstest.Write(t, dir, "keys", ticketKey())
	w := start(t, respondAll, edgeTLS(ca, `client_auth = "require"`, fmt.Sprintf("client_ca = %q", authorities), fmt.Sprintf("client_crl = %q", lists), fmt.Sprintf("ticket_keys = %q", keys)))
	cfg := func(l *tlstest.Leaf) *tls.Config {
		c := trusting(ca)
		certificate := l.Pair(t)
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
		return c
	}
	alice, bob := ca.Issue([]string{"alice.test"}), next.Issue([]string{"bob.test"})
	// Who has come in on a keep-alive connection stays in.
	inside := w.secure(cfg(alice))
	inside.get(edgeName, "/")
	requireIn := func(who string, c *tls.Config, in bool) {
		t.Helper()
		w.eventually(fmt.Sprintf("%s let in: %v", who, in), func() bool { _, err := w.handshake(c); return (err == nil) == in })
	}
	requireIn("bob", cfg(bob), false)
	tlstest.Write(t, dir, "ca.pem", ca.PEM+next.PEM)
	requireIn("bob", cfg(bob), true)
	resuming := cfg(alice)
	resuming.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	requireIn("alice", resuming, true)
	if state, err := w.handshake(resuming); err != nil || !state.DidResume {
		t.Errorf("alice does not resume: %v", err)
	}
	tlstest.Write(t, dir, "keys", ticketKey())
	w.eventually("tickets of the key that is gone", func() bool {
		state, err := w.handshake(resuming)
		return err == nil && !state.DidResume
	})
	if state, err := w.handshake(resuming); err != nil || !state.DidResume {
		t.Errorf("alice does not resume with the new key: %v", err)
	}
	tlstest.Write(t, dir, "crl.pem", ca.Revoke(alice)+next.Revoke())
	requireIn("alice, revoked, who resumes,", resuming, false)
	requireIn("alice, revoked,", cfg(alice), false)
	requireIn("bob", cfg(bob), true)
	if res, _ := inside.get(edgeName, "/"); res.StatusCode != 200 {
		t.Errorf("the connection that was open: %s", res.Status)
	}
	_ = inside.Close()
}
