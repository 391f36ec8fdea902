package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/engine/acme/acmetest"
)

func verify(t *testing.T, a *authority, m *Manager, host string) {
	t.Helper()
	cert := m.Certificate(host)
	if cert == nil {
		t.Fatalf("no certificate for %s", host)
	}
	between := x509.NewCertPool()
	for _, der := range cert.Certificate[1:] {
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		between.AddCert(parsed)
	}
	if _, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: a.Roots(), Intermediates: between}); err != nil {
		t.Error(err)
	}
	if key, ok := cert.PrivateKey.(*ecdsa.PrivateKey); !ok || !key.PublicKey.Equal(cert.Leaf.PublicKey) {
		t.Errorf("%s: key %T does not belong to the certificate", host, cert.PrivateKey)
	}
}

func TestCertificatesByTLSALPN01(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, authorityOptions{httpDead: true})
	hosts := []string{"a.weir.test", "b.weir.test", "C.weir.test", "d.weir.test", "e.weir.test", "a.weir.test"}
	storage := filepath.Join(t.TempDir(), "made", "acme")
	m, j := a.run(a.Table(storage, hosts...))
	want := []string{"a.weir.test", "b.weir.test", "c.weir.test", "d.weir.test", "e.weir.test"}
	if got := m.Hosts(); !slices.Equal(got, want) {
		t.Errorf("hosts %v, want %v", got, want)
	}
	for range want {
		if e := j.next(); e.Kind != Obtained || time.Until(e.Expires) < 89*24*time.Hour {
			t.Fatalf("%s: %s, expires %s: %v", e.host, e.Kind, e.Expires, e.Err)
		}
	}
	for _, host := range want {
		verify(t, a, m, host)
		if _, err := a.dial(host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if n := len(m.answers.load().certs) + len(m.answers.load().tokens); n != 0 {
		t.Errorf("%d challenges are still answered", n)
	}
	filepath.WalkDir(storage, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v: %v", name, info.Mode(), err)
		}
		return nil
	})
}

func TestCertificateByHTTP01WhenTheTLSPortIsClosed(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, authorityOptions{tlsClosed: true})
	m, j := a.run(a.Table(t.TempDir(), "a.weir.test"))
	if e := j.next(); e.Kind != Obtained {
		t.Fatalf("%s: %v", e.Kind, e.Err)
	}
	verify(t, a, m, "a.weir.test")
	if n := a.Orders.Load(); n != 2 {
		t.Errorf("%d orders, want one a challenge", n)
	}
	m.Close()
	for deadline := time.Now().Add(10 * time.Second); a.Conns.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections to the authority are open after Close", a.Conns.Load())
		}
	}
	if kind := kinds[m.sites["a.weir.test"].kind]; kind != "http-01" {
		t.Errorf("the next renewal begins with %s", kind)
	}
}

func TestFailureNamesTheReasonOfEachChallenge(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, authorityOptions{tlsClosed: true, httpDead: true})
	m, j := a.run(a.Table(t.TempDir(), "a.weir.test"))
	e := j.next()
	if e.Kind != Failed {
		t.Fatalf("%s", e.Kind)
	}
	for _, want := range []string{"tls-alpn-01: ", "Failed to connect", "http-01: ", "404"} {
		if !strings.Contains(e.Err.Error(), want) {
			t.Errorf("%q lacks %q", e.Err, want)
		}
	}
	if m.Certificate("a.weir.test") != nil {
		t.Error("a certificate without a proof")
	}
}

func TestStoredCertificateIsUsedWithoutAskingTheAuthority(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, authorityOptions{})
	cfg := a.Table(t.TempDir(), "a.weir.test")
	first, j := a.run(cfg)
	j.until(Obtained)
	first.Close()
	asked := a.Requests.Load()

	// The second one waits for the renewal, as its first step.
	waits := make(chan time.Duration, 1)
	pace := realPace()
	pace.wait = func(done context.Context, d time.Duration) bool {
		waits <- d
		<-done.Done()
		return false
	}
	second, j := a.runAt(cfg, pace)
	if e := j.next(); e.Kind != Loaded {
		t.Fatalf("%s: %v", e.Kind, e.Err)
	}
	if d := <-waits; d != maxSleep {
		t.Errorf("the first wait is %v", d)
	}
	got, want := second.Certificate("a.weir.test"), first.Certificate("a.weir.test")
	if got == nil || !got.Leaf.Equal(want.Leaf) {
		t.Error("another certificate than the stored one")
	}
	second.Close()
	j.none()
	if n := a.Requests.Load(); n != asked {
		t.Errorf("%d requests to the authority", n-asked)
	}
}

// The authority counts what it issues: a certificate that cannot be stored is used.
func TestCertificateThatCannotBeStoredIsUsed(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, authorityOptions{})
	cfg := a.Table(t.TempDir(), "a.weir.test")
	f, err := openFolder(cfg.Storage, cfg.Directory)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(f.path(certFile("a.weir.test")), 0o700); err != nil { // in the way
		t.Fatal(err)
	}
	m, j := a.run(cfg)
	for _, want := range []EventKind{StoredUnusable, NotStored, Obtained} {
		if e := j.next(); e.Kind != want {
			t.Fatalf("%s, want %s: %v", e.Kind, want, e.Err)
		}
	}
	verify(t, a, m, "a.weir.test")
	m.Close()
	if n := a.Orders.Load(); n != 1 {
		t.Errorf("%d orders", n)
	}
}

func TestAuthorityThatIsDownIsTriedAgain(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, authorityOptions{})
	a.Block(down)
	m, j := a.run(a.Table(t.TempDir(), "a.weir.test"))
	for range 3 {
		if e := j.next(); e.Kind != Failed || e.Retry < 20*time.Millisecond || e.Retry > 100*time.Millisecond {
			t.Fatalf("%s, again in %v: %v", e.Kind, e.Retry, e.Err)
		}
	}
	if m.Certificate("a.weir.test") != nil {
		t.Error("a certificate from nowhere")
	}
	a.Block(nil)
	j.until(Obtained)
	verify(t, a, m, "a.weir.test")
}

// Clients come all the time, and each finds a certificate that is good.
func TestRenewalLeavesNoGap(t *testing.T) {
	t.Parallel()
	for _, reuse := range []string{"0", "100"} {
		t.Run("reuse "+reuse, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, authorityOptions{Options: acmetest.Options{Validity: 9 * time.Second, Reuse: reuse}})
			m, j := a.run(a.Table(t.TempDir(), "a.weir.test"))
			if e := j.next(); e.Kind != Obtained {
				t.Fatalf("%s: %v", e.Kind, e.Err)
			}
			old := m.Certificate("a.weir.test")
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
				leaf, err := a.dial("a.weir.test")
				if err != nil {
					t.Fatal(err)
				}
				if !leaf.Equal(old.Leaf) {
					if key := leaf.PublicKey.(*ecdsa.PublicKey); key.Equal(old.Leaf.PublicKey) {
						t.Error("the key was not replaced")
					}
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("not renewed")
				}
			}
			if e := j.next(); e.Kind != Renewed {
				t.Fatalf("%s: %v", e.Kind, e.Err)
			}
			if opens, _ := window(old.Leaf); m.Certificate("a.weir.test").Leaf.NotBefore.Before(opens.Add(-time.Second)) {
				t.Error("renewed before a third of its life was left")
			}
		})
	}
}

// A rate limit is met once, and its Retry-After respected.
func TestRateLimitIsRespected(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, authorityOptions{})
	a.Block(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != acmetest.NewOrderPath {
			a.Pebble().ServeHTTP(w, r)
			return
		}
		w.Header().Set("Retry-After", "7200")
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusTooManyRequests)
		w.Write([]byte(`{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many\ncertificates"}`))
	})
	_, j := a.run(a.Table(t.TempDir(), "a.weir.test"))
	e := j.next()
	if e.Kind != Failed || e.Retry != 2*time.Hour || !strings.Contains(e.Err.Error(), "too many certificates") {
		t.Errorf("%s, again in %v: %v", e.Kind, e.Retry, e.Err)
	}
	if n := a.Orders.Load(); n != 1 {
		t.Errorf("%d orders", n)
	}
}

func TestAccountThatTheAuthorityLostIsMadeAgain(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, authorityOptions{Options: acmetest.Options{Validity: 6 * time.Second}})
	m, j := a.run(a.Table(t.TempDir(), "a.weir.test"))
	j.until(Obtained)
	a.Reset()
	seen := j.until(Renewed)
	if len(seen) != 2 || !strings.Contains(seen[0].Err.Error(), "accountDoesNotExist") {
		t.Errorf("%v", seen)
	}
	verify(t, a, m, "a.weir.test")
}

func TestCloseEndsAnAttempt(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, authorityOptions{})
	asked := make(chan struct{}, 100)
	a.Block(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	m, j := a.run(a.Table(t.TempDir(), "a.weir.test", "b.weir.test"))
	<-asked
	closed := time.Now()
	m.Close()
	if d := time.Since(closed); d > 5*time.Second {
		t.Errorf("Close took %v", d)
	}
	j.none()
	m.Start()
	m.Close()
}
