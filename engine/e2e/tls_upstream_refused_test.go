package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/engine/tlstest"
)

// requireUpstreamRefusal demands the 502 of a fault, that says to the client what it
// is and no more, and to the operator why.
func (w *weir) requireUpstreamRefusal(want, text, detail string) {
	w.t.Helper()
	res, body := w.get("/")
	if res.StatusCode != 502 || res.Header.Get("Weir-Error") != want || body != "Bad Gateway: "+text+"\n" {
		w.t.Errorf("%s, Weir-Error %q, body %q; want 502, %q, %q", res.Status, res.Header.Get("Weir-Error"), body, want, text)
	}
	w.stop() // the log is written sooner
	line := w.lines("exchange", 1)[0]
	said, _ := line["detail"].(string)
	if line["fault"] != want || line["fault_side"] != "upstream" || !strings.Contains(said, detail) || line["status"] != 502.0 {
		w.t.Errorf("access log: %v; want %s, with a detail that says %q", line, want, detail)
	}
}

func spki(l *tlstest.Leaf) string {
	sum := sha256.Sum256(l.Cert.RawSubjectPublicKeyInfo)
	return fmt.Sprintf("pins = [%q]", base64.StdEncoding.EncodeToString(sum[:]))
}

// An endpoint that cannot prove who it is gets no request.
func TestTLSEndpointsCertificate(t *testing.T) {
	ca, stranger := tlstest.New(t), tlstest.New(t)
	names := []string{backendName}
	good, other, revoked := ca.Issue(names), ca.Issue(names), ca.Issue(names)
	crl := fmt.Sprintf("crl = %q", ca.Revoke(revoked))
	for _, tt := range []struct {
		name               string
		leaf               *tlstest.Leaf
		more               []string
		fault, text, words string
	}{
		{"good", good, []string{crl, spki(good)}, "", "", ""},
		{"expired", ca.Issue(names, tlstest.Valid(-2*time.Hour, -time.Hour)), nil,
			"upstream_cert_expired", "the endpoint's certificate is expired or not yet valid", "expired"},
		{"not yet valid", ca.Issue(names, tlstest.Valid(time.Hour, 2*time.Hour)), nil,
			"upstream_cert_expired", "the endpoint's certificate is expired or not yet valid", "not yet valid"},
		{"for another host", ca.Issue([]string{"other.test"}), nil,
			"upstream_cert_wrong_host", "the endpoint's certificate is for another host", "other.test"},
		{"for no host", ca.Issue(nil), nil,
			"upstream_cert_wrong_host", "the endpoint's certificate is for another host", ""},
		{"of another authority", stranger.Issue(names), nil,
			"upstream_cert_untrusted", "the endpoint's certificate is not signed by a trusted authority", "unknown authority"},
		{"revoked", revoked, []string{crl},
			"upstream_cert_revoked", "the endpoint's certificate is revoked", "revoked"},
		{"without the pinned key", good, []string{spki(other)},
			"upstream_cert_pin", "the endpoint's certificate has none of the pinned keys", "pin"},
	} {
		for _, version := range []string{"1.2", "1.3"} {
			t.Run(tt.name+", TLS "+version, func(t *testing.T) {
				requests := make(chan string, 1)
				backend := httpsBackend(t, &tls.Config{Certificates: []tls.Certificate{tt.leaf.Pair(t)}}, func(rw http.ResponseWriter, r *http.Request) {
					requests <- r.TLS.ServerName
				})
				w := start(t, secureCluster(backend, ca, append(tt.more, fmt.Sprintf("max_version = %q", version))...))
				if tt.fault == "" {
					if res, _ := w.get("/"); res.StatusCode != 200 || receive(t, requests) != backendName {
						t.Errorf("%s", res.Status)
					}
					return
				}
				w.requireUpstreamRefusal(tt.fault, tt.text, tt.words)
				w.requireLogged(`"message":"TLS with an endpoint failed"`, tt.fault)
				if len(requests) > 0 {
					t.Error("the endpoint got the request")
				}
			})
		}
	}
}

// A certificate that signs itself, from openssl; and the name that is verified without
// a server_name is the endpoint's own, here an address.
func TestTLSEndpointsSelfSignedCertificate(t *testing.T) {
	ca := tlstest.New(t)
	addr := sServer(t, selfSigned(t))
	w := start(t, secureCluster(addr, ca))
	w.requireUpstreamRefusal("upstream_cert_untrusted", "the endpoint's certificate is not signed by a trusted authority", "unknown authority")
	w.stop()
	for _, host := range []string{"127.0.0.1", backendName} {
		backend := httpsBackend(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue([]string{host}).Pair(t)}}, func(rw http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(rw, "SNI "+r.TLS.ServerName)
		})
		w := start(t, fmt.Sprintf("[clusters.main]\nendpoints = [%q]\ntls.ca = %q\n[[routes]]\ncluster = \"main\"\n", backend, ca.PEM))
		if host == backendName {
			w.requireUpstreamRefusal("upstream_cert_wrong_host", "the endpoint's certificate is for another host", "127.0.0.1")
		} else if res, body := w.get("/"); res.StatusCode != 200 || body != "SNI " { // an address is no server name
			t.Errorf("%s, %q", res.Status, body)
		}
		w.stop()
	}
}

func selfSigned(t *testing.T) *tlstest.Leaf {
	t.Helper()
	dir := t.TempDir()
	out := openssl(t, "", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
		"-subj", "/CN="+backendName, "-addext", "subjectAltName=DNS:"+backendName, "-keyout", dir+"/key.pem", "-out", dir+"/cert.pem")
	return &tlstest.Leaf{Chain: readFile(t, dir+"/cert.pem", out), Key: readFile(t, dir+"/key.pem", out)}
}

// Endpoints that do not speak what weir speaks.
func TestTLSEndpointThatCannot(t *testing.T) {
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{backendName})
	const text = "the TLS handshake with the endpoint failed"
	for _, tt := range []struct {
		name   string
		addr   func(t *testing.T) string
		more   []string
		detail string
	}{
		{"plain HTTP", func(t *testing.T) string { return httpBackend(t, func(http.ResponseWriter, *http.Request) {}) }, nil, "does not look like a TLS handshake"},
		{"TLS 1.0 at most", func(t *testing.T) string { return sServer(t, leaf, "-tls1", "-cipher", "ALL:@SECLEVEL=0") }, nil, "protocol version"},
		{"no cipher in common", func(t *testing.T) string {
			return sServer(t, leaf, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-CCM")
		}, nil, "handshake failure"},
		{"TLS 1.2 at most, when 1.3 is demanded", func(t *testing.T) string { return sServer(t, leaf, "-tls1_2") }, []string{`min_version = "1.3"`}, "protocol version"},
		{"closes at once", func(t *testing.T) string { return rawBackend(t, func(*net.TCPConn) {}) }, nil, ""},
		{"closes behind the ClientHello", func(t *testing.T) string {
			return rawBackend(t, func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 16<<10)) })
		}, nil, "EOF"},
		{"garbage", func(t *testing.T) string {
			return rawBackend(t, func(c *net.TCPConn) {
				_, _ = c.Read(make([]byte, 16<<10))
				_, _ = c.Write(pattern(1, 1000))
				_, _ = io.Copy(io.Discard, c)
			})
		}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, secureCluster(tt.addr(t), ca, tt.more...))
			w.requireUpstreamRefusal("upstream_handshake", text, tt.detail)
		})
	}
}

// An endpoint that never answers the ClientHello costs connect's time, no more.
func TestTLSEndpointThatIsSilent(t *testing.T) {
	ca := tlstest.New(t)
	backend := rawBackend(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
	w := start(t, strings.Replace(secureCluster(backend, ca), "[[routes]]", "timeouts = { connect = \"80ms\" }\n[[routes]]", 1))
	if res, _ := w.get("/"); res.StatusCode != 504 || res.Header.Get("Weir-Error") != "connect_timeout" {
		t.Errorf("%s, %s", res.Status, res.Header.Get("Weir-Error"))
	}
}

// An endpoint that demands a certificate gets weir's; without one, or with one that it
// does not trust, the operator reads why.
func TestTLSEndpointThatWantsACertificate(t *testing.T) {
	ca, stranger := tlstest.New(t), tlstest.New(t)
	for _, tt := range []struct {
		name   string
		leaf   *tlstest.Leaf
		detail string
	}{
		{"with one", ca.Issue([]string{"weir.test"}, tlstest.Named("weir")), ""},
		{"without", nil, "certificate required"},
		{"with a stranger's", stranger.Issue([]string{"weir.test"}), "unknown"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(tt.name+", "+tls.VersionName(version), func(t *testing.T) {
				cfg := serving(t, ca)
				cfg.ClientAuth, cfg.ClientCAs, cfg.MaxVersion = tls.RequireAndVerifyClientCert, ca.Pool(), version
				backend := httpsBackend(t, cfg, func(rw http.ResponseWriter, r *http.Request) {
					_, _ = io.WriteString(rw, r.TLS.PeerCertificates[0].Subject.CommonName)
				})
				var more []string
				if tt.leaf != nil {
					more = []string{fmt.Sprintf("cert = %q", tt.leaf.Chain), fmt.Sprintf("key = %q", tt.leaf.Key)}
				}
				w := start(t, secureCluster(backend, ca, more...))
				if tt.detail == "" {
					if res, body := w.get("/"); res.StatusCode != 200 || body != "weir" {
						t.Errorf("%s, %q", res.Status, body)
					}
					return
				}
				detail := tt.detail
				if version == tls.VersionTLS12 && tt.leaf == nil {
					detail = "" // the alert of that version says less
				}
				w.requireUpstreamRefusal("upstream_handshake", "the TLS handshake with the endpoint failed", detail)
			})
		}
	}
}

// insecure = true works, and the log does not let anybody forget it.
func TestTLSInsecureIsSaidAtStart(t *testing.T) {
	ca := tlstest.New(t)
	backend := httpsBackend(t, &tls.Config{Certificates: []tls.Certificate{tlstest.New(t).Issue([]string{"x"}, tlstest.Valid(-2*time.Hour, -time.Hour)).Pair(t)}},
		func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, r.TLS.ServerName) })
	w := start(t, secureCluster(backend, ca, "insecure = true"))
	if res, body := w.get("/"); res.StatusCode != 200 || body != backendName {
		t.Errorf("%s, %q", res.Status, body)
	}
	w.requireLogged(`"level":"warn"`, "endpoints are not verified", `"cluster":"main"`)
}

// The next endpoint is tried, since nothing has been sent.
func TestTLSEndpointRefusedThenTheNext(t *testing.T) {
	ca, stranger := tlstest.New(t), tlstest.New(t)
	backend := func(a *tlstest.Authority) string {
		return httpsBackend(t, serving(t, a), func(rw http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			_, _ = rw.Write(b)
		})
	}
	w := start(t, fmt.Sprintf("[clusters.main]\nendpoints = [%q, %q]\ntls = { server_name = %q, ca = %q }\n[[routes]]\ncluster = \"main\"\n",
		backend(stranger), backend(ca), backendName, ca.PEM))
	for range 4 {
		c := w.client()
		c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
		if res, body := c.response("POST"); res.StatusCode != 200 || body != "abc" {
			t.Errorf("%s, %q", res.Status, body)
		}
		_ = c.Close()
	}
}
