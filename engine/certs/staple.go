package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ocsp"
)

// staple is a response of an OCSP responder (RFC 6960) for one certificate.
type staple struct {
	der    []byte
	expiry time.Time // zero: none given
}

// parseStaple checks that der is a response for the leaf of pair. The signature can
// only be checked if the chain holds the issuer.
func parseStaple(der []byte, pair *tls.Certificate) (*staple, error) {
	var issuer *x509.Certificate
	if len(pair.Certificate) > 1 {
		var err error
		if issuer, err = x509.ParseCertificate(pair.Certificate[1]); err != nil {
			return nil, fmt.Errorf("the issuer in the chain: %w", err)
		}
	}
	r, err := ocsp.ParseResponseForCert(der, pair.Leaf, issuer)
	if err != nil {
		return nil, err
	}
	// ParseResponseForCert takes a lone answer for any number if no issuer is known.
	if r.SerialNumber == nil || r.SerialNumber.Cmp(pair.Leaf.SerialNumber) != 0 {
		return nil, errors.New("the response is for another certificate")
	}
	if r.Status != ocsp.Good {
		return nil, errors.New("the response does not say that the certificate is good")
	}
	return &staple{der: der, expiry: r.NextUpdate}, nil
}

// current reports whether clients would accept it.
func (s *staple) current(now time.Time) bool {
	return s.expiry.IsZero() || now.Before(s.expiry)
}
