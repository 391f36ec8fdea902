package certs

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"weir/engine/tlstest"
)

// authority is one of tlstest, with what these tests ask of it besides.
type authority struct {
	*tlstest.Authority
	cert *x509.Certificate
	key  crypto.Signer
	t    testing.TB
}

// leaf is a certificate; Cert and Key are PEM text, as in a configuration.
type leaf struct {
	cert      *x509.Certificate
	Cert, Key string
}

type option = tlstest.Option

var rsaKey = tlstest.RSA

func ed25519Key(_ *x509.Certificate, key *crypto.Signer) {
	_, *key, _ = ed25519.GenerateKey(rand.Reader)
}

// valid sets the dates, in hours from now.
func valid(from, to int) option {
	return tlstest.Valid(time.Duration(from)*time.Hour, time.Duration(to)*time.Hour)
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := tlstest.NewNamed(t, name)
	return &authority{a, a.Cert, a.Key, t}
}

func (a *authority) issue(hosts []string, options ...option) *leaf {
	l := a.Issue(hosts, options...)
	return &leaf{l.Cert, l.Chain, l.Key}
}

// revoke makes a list of the leaves, in force from and to so many hours from now.
func (a *authority) revoke(from, to int, leaves ...*leaf) string {
	template := &x509.RevocationList{
		Number:     big.NewInt(1),
		ThisUpdate: time.Now().Add(time.Duration(from) * time.Hour),
		NextUpdate: time.Now().Add(time.Duration(to) * time.Hour),
	}
	for _, l := range leaves {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: l.cert.SerialNumber, RevocationTime: time.Now().Add(-time.Hour)})
	}
	return a.list(template)
}

func (a *authority) list(template *x509.RevocationList) string { return a.List(template) }

func (a *authority) pool() *x509.CertPool { return a.Pool() }

// write puts text into a file of folder and returns its path.
var write = tlstest.Write
