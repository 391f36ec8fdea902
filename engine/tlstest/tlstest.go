// Package tlstest makes certificate authorities, certificates and revocation lists for
// tests.
package tlstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Authority signs certificates and revocation lists.
type Authority struct {
	Cert *x509.Certificate
	Key  crypto.Signer
	PEM  string
	t    testing.TB
}

// Leaf is a certificate and its key.
type Leaf struct {
	Cert *x509.Certificate
	// Chain and Key are PEM text.
	Chain, Key string
}

// Option changes a certificate before it is signed.
type Option func(c *x509.Certificate, key *crypto.Signer)

// serial is one that nobody had before.
func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}

// RSA gives the certificate an RSA key of 2048 bits instead of one of ECDSA.
func RSA(_ *x509.Certificate, key *crypto.Signer) { *key = rsaKey() }

// rsaKey is one for all, since they take long to find.
var rsaKey = sync.OnceValue(func() crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// Valid sets the dates, relative to now.
func Valid(from, to time.Duration) Option {
	return func(c *x509.Certificate, _ *crypto.Signer) {
		c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to)
	}
}

// Named sets the common name of the subject.
func Named(name string) Option {
	return func(c *x509.Certificate, _ *crypto.Signer) { c.Subject = pkix.Name{CommonName: name} }
}

// New makes an authority.
func New(t testing.TB) *Authority { return NewNamed(t, "test authority") }

// NewNamed makes an authority of that common name. Two of one name are strangers.
func NewNamed(t testing.TB, name string) *Authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-1000 * time.Hour),
		NotAfter:              time.Now().Add(9000 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, text := sign(t, template, template, key.Public(), key)
	return &Authority{Cert: cert, PEM: text, Key: key, t: t}
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, string) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, text("CERTIFICATE", der)
}

func text(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// Issue makes a certificate for names and IP addresses, for either side, valid now,
// with an ECDSA P-256 key.
func (a *Authority) Issue(hosts []string, options ...Option) *Leaf {
	a.t.Helper()
	key := newKey(a.t)
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "leaf"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(2400 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	for _, o := range options {
		o(template, &key)
	}
	cert, chain := sign(a.t, template, a.Cert, key.Public(), a.Key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &Leaf{Cert: cert, Chain: chain, Key: text("PRIVATE KEY", der)}
}

// Revoke makes a list of revoked certificates, in PEM, in force for some hours.
func (a *Authority) Revoke(leaves ...*Leaf) string {
	a.t.Helper()
	template := &x509.RevocationList{
		Number:     serial(),
		ThisUpdate: time.Now().Add(-time.Hour),
		NextUpdate: time.Now().Add(10 * time.Hour),
	}
	for _, l := range leaves {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: l.Cert.SerialNumber, RevocationTime: time.Now().Add(-time.Hour)})
	}
	return a.List(template)
}

// List signs a revocation list and gives it in PEM.
func (a *Authority) List(template *x509.RevocationList) string {
	a.t.Helper()
	der, err := x509.CreateRevocationList(rand.Reader, template, a.Cert, a.Key)
	if err != nil {
		a.t.Fatal(err)
	}
	return text("X509 CRL", der)
}

// Pool holds the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert)
	return pool
}

// Pair is the certificate as crypto/tls wants it.
func (l *Leaf) Pair(t testing.TB) tls.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair([]byte(l.Chain), []byte(l.Key))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// Write puts text into a file of folder, readable by its owner alone, and returns its
// path.
func Write(t testing.TB, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
