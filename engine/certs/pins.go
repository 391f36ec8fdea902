package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"time"
)

// PinError says that an endpoint's chain has none of the pinned keys.
type PinError struct{ Subject string }

func (e *PinError) Error() string {
	return "no key in the chain of " + e.Subject + " is pinned"
}

// maxUnverifiedChain bounds the signatures that a chain costs that nobody verified.
const maxUnverifiedChain = 8

// verifyEndpoint is what holds on top of the verification of crypto/tls, or in place
// of it if insecure. It runs when a session is resumed too.
func verifyEndpoint(cs *tls.ConnectionState, pins map[[sha256.Size]byte]bool, r *revocations, insecure bool, now time.Time) error {
	leaf := cs.PeerCertificates[0]
	chains := cs.VerifiedChains
	if insecure {
		chains = [][]*x509.Certificate{signedChain(cs.PeerCertificates)}
	}
	if len(pins) > 0 && !pinned(chains, pins) {
		return &PinError{Subject: leaf.Subject.String()}
	}
	switch {
	case r == nil:
		return nil
	case insecure:
		return r.checkUnverified(leaf)
	}
	return r.check(chains, now)
}

// pinned compares SHA-256 hashes of SubjectPublicKeyInfo, as RFC 7469 2.4 does.
func pinned(chains [][]*x509.Certificate, pins map[[sha256.Size]byte]bool) bool {
	for _, chain := range chains {
		for _, cert := range chain {
			if pins[sha256.Sum256(cert.RawSubjectPublicKeyInfo)] {
				return true
			}
		}
	}
	return false
}

// signedChain is the part of a presented chain in which each certificate signed the
// one before. The rest proves nothing: anybody can append a certificate with a
// pinned key that is not theirs.
func signedChain(presented []*x509.Certificate) []*x509.Certificate {
	presented = presented[:min(len(presented), maxUnverifiedChain)]
	for i := 1; i < len(presented); i++ {
		if presented[i-1].CheckSignatureFrom(presented[i]) != nil {
			return presented[:i]
		}
	}
	return presented
}
