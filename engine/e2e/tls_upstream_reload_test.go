package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"weir/engine/tlstest"
)

// What a cluster trusts, and what weir shows its endpoints, is replaced on disk as
// well.
func TestTLSClusterFilesReplacedOnDisk(t *testing.T) {
	ca, next := tlstest.New(t), tlstest.New(t)
	dir := t.TempDir()
	authorities := tlstest.Write(t, dir, "ca.pem", ca.PEM)
	writePair(t, dir, ca.Issue([]string{"weir.test"}, tlstest.Named("first")))
	backend := httpsBackend(t, &tls.Config{
		Certificates: []tls.Certificate{next.Issue([]string{backendName}).Pair(t)},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
	}, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Connection", "close")
		_, _ = fmt.Fprint(rw, r.TLS.PeerCertificates[0].Subject.CommonName)
	})
	w := start(t, fmt.Sprintf("[clusters.main]\nendpoints = [%q]\nmax_idle = 0\ntls = { server_name = %q, ca = %q, cert = %q, key = %q }\n[[routes]]\ncluster = \"main\"\n",
		backend, backendName, authorities, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")))
	if res, _ := w.get("/"); res.StatusCode != 502 || res.Header.Get("Weir-Error") != "upstream_cert_untrusted" {
		t.Errorf("before: %s, %s", res.Status, res.Header.Get("Weir-Error"))
	}
	tlstest.Write(t, dir, "ca.pem", next.PEM)
	w.eventually("the new authority", func() bool { _, body := w.get("/"); return body == "first" })
	writePair(t, dir, ca.Issue([]string{"weir.test"}, tlstest.Named("second")))
	w.eventually("the new certificate", func() bool { _, body := w.get("/"); return body == "second" })
	tlstest.Write(t, dir, "key.pem", "garbage")
	w.requireLogged("the old ones stay in force")
	if _, body := w.get("/"); body != "second" {
		t.Errorf("after a bad key: %q", body)
	}
}
