package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Certificates for development. Nothing here touches a file.

// developmentHosts are what a certificate is for when nothing else is said.
var developmentHosts = []string{"localhost", "127.0.0.1", "::1"}

const (
	// clockSkew is how far behind the clock of a client may be.
	clockSkew     = time.Hour
	authorityDays = 3650
	maxCommonName = 64 // RFC 5280, ub-common-name; nobody but people read it
	day           = 24 * time.Hour
)

// pair is a certificate and its private key (PKCS #8), both in PEM.
type pair struct{ cert, key []byte }

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// leaf says what a certificate is for.
type leaf struct {
	name   string   // its common name
	hosts  []string // DNS names, with or without "*." in front, and IP addresses
	client bool     // it identifies a client, not a server
	rsa    bool     // RSA of 2048 bits instead of ECDSA on P-256
	days   int
}

// newAuthority makes an authority with a name of its own, so that two of them in the
// trust store of a browser are not mistaken for each other.
func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	var id [4]byte
	rand.Read(id[:]) // never fails
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "weir development CA " + hex.EncodeToString(id[:])},
		NotBefore: now.Add(-clockSkew), NotAfter: now.Add(authorityDays * day),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	a := &authority{cert: template, key: key}
	if a.cert, err = a.sign(template, key.Public()); err != nil {
		return nil, err
	}
	return a, nil
}

// parseAuthority reads one that encode has written.
func parseAuthority(p pair) (*authority, error) {
	read, err := tls.X509KeyPair(p.cert, p.key)
	if err != nil {
		return nil, err
	}
	key, ok := read.PrivateKey.(crypto.Signer)
	if !ok || !read.Leaf.IsCA {
		return nil, errors.New("it is not a certificate authority")
	}
	return &authority{cert: read.Leaf, key: key}, nil
}

func (a *authority) encode() (pair, error) { return encodePair(a.cert, a.key) }

// issue makes a certificate and a key for it. It does not outlive the authority's.
func (a *authority) issue(now time.Time, l leaf) (pair, *x509.Certificate, error) {
	if !now.Before(a.cert.NotAfter) {
		return pair{}, nil, fmt.Errorf("the authority %q ended on %s", a.cert.Subject.CommonName, dayOf(a.cert.NotAfter))
	}
	key, err := l.newKey()
	if err != nil {
		return pair{}, nil, err
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: l.name[:min(len(l.name), maxCommonName)]},
		NotBefore: now.Add(-clockSkew), NotAfter: now.Add(-clockSkew + time.Duration(l.days)*day),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if template.NotAfter.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	if l.client {
		template.ExtKeyUsage[0] = x509.ExtKeyUsageClientAuth
	}
	for _, host := range l.hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	cert, err := a.sign(template, key.Public())
	if err != nil {
		return pair{}, nil, err
	}
	p, err := encodePair(cert, key)
	return p, cert, err
}

func (l leaf) newKey() (crypto.Signer, error) {
	if l.rsa {
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// sign gives template a random serial number and the signature of a.
func (a *authority) sign(template *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func encodePair(cert *x509.Certificate, key crypto.Signer) (pair, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair{}, err
	}
	return pair{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	}, nil
}

// selfMade is a certificate for hosts by an authority that nobody keeps.
func selfMade(now time.Time, hosts []string) (pair, error) {
	a, err := newAuthority(now)
	if err != nil {
		return pair{}, err
	}
	p, _, err := a.issue(now, leaf{name: hosts[0], hosts: hosts, days: 30})
	return p, err
}

// checkHost returns host as it goes into a certificate: an IP address, or a DNS name
// in lower case, with "*." in front for any one label.
func checkHost(host string) (string, error) {
	if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil {
		return ip.String(), nil
	}
	host = strings.ToLower(host)
	labels := strings.Split(strings.TrimPrefix(host, "*."), ".")
	for _, label := range labels {
		if !isLabel(label) || len(host) > 253 {
			return "", fmt.Errorf("%q is neither a host name nor an IP address; give it without scheme, port and path, like app.test, *.app.test or ::1", host)
		}
	}
	return host, nil
}

// isLabel reports whether s is a label of a host name (RFC 1123 2.1).
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

func dayOf(t time.Time) string { return t.Format(time.DateOnly) }
