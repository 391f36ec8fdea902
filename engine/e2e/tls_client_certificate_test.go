package e2e

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/engine/tlstest"
)

// Client certificates: not asked for, wanted, or demanded. Why one is refused is in
// the log by name, and the client gets an alert.
func TestTLSClientCertificates(t *testing.T) {
	ca, stranger := tlstest.New(t), tlstest.New(t)
	leaf := func(a *tlstest.Authority, options ...tlstest.Option) *tlstest.Leaf {
		return a.Issue([]string{"client.test"}, append(options, tlstest.Named("alice"))...)
	}
	good, revoked := leaf(ca), leaf(ca)
	type try struct {
		name string
		leaf *tlstest.Leaf // nil: none is sent
		// What becomes of it, if one is wanted and if one is demanded: a fault, or "".
		request, require string
	}
	tries := []try{
		{"good", good, "", ""},
		{"none", nil, "", "client_cert_missing"},
		{"expired", leaf(ca, tlstest.Valid(-2*time.Hour, -time.Hour)), "client_cert_expired", "client_cert_expired"},
		{"not yet valid", leaf(ca, tlstest.Valid(time.Hour, 2*time.Hour)), "client_cert_expired", "client_cert_expired"},
		{"of another authority", leaf(stranger), "client_cert_untrusted", "client_cert_untrusted"},
		{"revoked", revoked, "client_cert_revoked", "client_cert_revoked"},
	}
	for _, auth := range []string{"none", "request", "require"} {
		keys := []string{fmt.Sprintf("client_auth = %q", auth)}
		if auth != "none" {
			keys = append(keys, fmt.Sprintf("client_ca = %q", ca.PEM), fmt.Sprintf("client_crl = %q", ca.Revoke(revoked)))
		}
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for _, try := range tries {
				t.Run(fmt.Sprintf("%s, %s, %s", auth, tls.VersionName(version), try.name), func(t *testing.T) {
					w := start(t, respondAll, edgeTLS(ca, keys...))
					cfg := trusting(ca)
					cfg.MaxVersion = version
					if try.leaf != nil {
						certificate := try.leaf.Pair(t)
						// Whatever the listener says it would take.
						cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
					}
					want := map[string]string{"none": "", "request": try.request, "require": try.require}[auth]
					_, err := w.handshake(cfg)
					w.finish()
					if want != "" {
						requireError(t, err, "remote error: tls: ")
						if line := w.handshakeLines(1)[0]; line["fault"] != want || line["detail"] == nil || line["fault_side"] != "downstream" {
							t.Errorf("access log: %v, want %s", line, want)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					name := any("alice")
					if auth == "none" || try.leaf == nil {
						name = nil
					}
					if line := w.lines("exchange", 1)[0]; line["client_cert"] != name || line["status"] != 200.0 {
						t.Errorf("access log: %v, want client_cert %v", line, name)
					}
				})
			}
		}
	}
}

// The same with a client that is not Go's.
func TestTLSClientCertificateWithOpenSSL(t *testing.T) {
	ca := tlstest.New(t)
	good := ca.Issue([]string{"client.test"})
	dir := t.TempDir()
	cert, key := tlstest.Write(t, dir, "cert.pem", good.Chain), tlstest.Write(t, dir, "key.pem", good.Key)
	w := start(t, respondAll, edgeTLS(ca, `client_auth = "require"`, fmt.Sprintf("client_ca = %q", ca.PEM)))
	if out := w.sClient(ca, "-cert", cert, "-key", key); !strings.Contains(out, "200 OK") || !strings.Contains(out, "CN = test authority\nRequested Signature") && !strings.Contains(out, "Acceptable client certificate CA names") {
		t.Errorf("with a certificate:\n%s", out)
	}
	if out := w.sClient(ca); strings.Contains(out, "200 OK") || !strings.Contains(out, "certificate required") {
		t.Errorf("without one:\n%s", out)
	}
	if got := w.curlEdge(ca, "https", "--cert", cert, "--key", key, "EDGE/"); got != "hello" {
		t.Errorf("curl got %q", got)
	}
}
