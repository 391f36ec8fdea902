package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync/atomic"
	"time"
)

// RevokedError says that a peer's certificate is on the list of its issuer.
type RevokedError struct {
	Serial *big.Int
	Issuer string
}

func (e *RevokedError) Error() string {
	return fmt.Sprintf("certificate %x of %q is revoked", e.Serial, e.Issuer)
}

// RevocationUnknownError says that no list in force could clear a peer's
// certificate: there is none of its issuer, or its time is over.
type RevocationUnknownError struct {
	Issuer string
	Reason string
}

func (e *RevocationUnknownError) Error() string {
	return fmt.Sprintf("revocation list of %q: %s", e.Issuer, e.Reason)
}

// revocations are the lists that peers are held against. As with CRL_CHECK of
// OpenSSL only the leaf is, and a leaf that no list clears is refused: a list that
// went missing must not let in whom it named. The zero value of a pointer, nil,
// checks nothing.
type revocations struct{ lists []*revocationList }

type revocationList struct {
	list   *x509.RevocationList
	points []string        // it is of certificates that name one of these; none: of all
	serial map[string]bool // of the revoked, the bytes of the number
	// signer is the certificate that last proved to have signed the list, so that
	// the signature is not verified again in every handshake.
	signer atomic.Pointer[x509.Certificate]
}

// parseRevocations reads PEM blocks of type X509 CRL.
func parseRevocations(text []byte) (*revocations, error) {
	r := &revocations{}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "X509 CRL" {
			continue
		}
		l, err := parseList(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("list %d: %w", len(r.lists)+1, err)
		}
		r.lists = append(r.lists, l)
	}
	if len(r.lists) == 0 {
		return nil, errors.New("no X509 CRL block of PEM")
	}
	return r, nil
}

// parseList refuses critical extensions that it does not know (RFC 5280 5.2): of a
// delta, say, silence does not mean that a certificate is good.
func parseList(der []byte) (*revocationList, error) {
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, err
	}
	l := &revocationList{list: list, serial: make(map[string]bool, len(list.RevokedCertificateEntries))}
	for _, e := range list.Extensions {
		switch {
		case e.Id.Equal(issuingPointID):
			if l.points, err = parseIssuingPoint(e.Value); err != nil {
				return nil, err
			}
		case e.Critical:
			return nil, fmt.Errorf("critical extension %s is not supported", e.Id)
		}
	}
	for _, e := range list.RevokedCertificateEntries {
		l.serial[string(e.SerialNumber.Bytes())] = true
	}
	list.RevokedCertificateEntries = nil // some hundred bytes each
	return l, nil
}

var issuingPointID = asn1.ObjectIdentifier{2, 5, 29, 28}

// issuingPoint limits what a list is of (RFC 5280 5.2.5).
type issuingPoint struct {
	Point struct {
		FullName []asn1.RawValue `asn1:"optional,tag:0"`
		Relative asn1.RawValue   `asn1:"optional,tag:1"`
	} `asn1:"optional,tag:0"`
	OnlyUsers      bool           `asn1:"optional,tag:1"` // which is all that are checked
	OnlyCAs        bool           `asn1:"optional,tag:2"`
	OnlyReasons    asn1.BitString `asn1:"optional,tag:3"`
	Indirect       bool           `asn1:"optional,tag:4"`
	OnlyAttributes bool           `asn1:"optional,tag:5"`
}

var errLimited = errors.New("the list is limited to some authorities, reasons or issuers")

// parseIssuingPoint returns the addresses of which a certificate must name one to be
// cleared by the list (RFC 5280 6.3.3 b 2), so that a part of an authority's list
// does not pass for the whole.
func parseIssuingPoint(der []byte) (points []string, err error) {
	var p issuingPoint
	rest, err := asn1.Unmarshal(der, &p)
	if err != nil || len(rest) > 0 {
		return nil, errors.New("the issuing distribution point is malformed")
	}
	if p.OnlyCAs || p.OnlyAttributes || p.Indirect || p.OnlyReasons.BitLength > 0 || len(p.Point.Relative.FullBytes) > 0 {
		return nil, errLimited
	}
	for _, name := range p.Point.FullName {
		if name.Class == asn1.ClassContextSpecific && name.Tag == 6 { // uniformResourceIdentifier
			points = append(points, string(name.Bytes))
		}
	}
	if len(p.Point.FullName) > 0 && len(points) == 0 {
		return nil, errLimited
	}
	return points, nil
}

// isOf reports whether the list, if it does not hold leaf, clears it.
func (l *revocationList) isOf(leaf *x509.Certificate) bool {
	return len(l.points) == 0 || slices.ContainsFunc(leaf.CRLDistributionPoints, func(p string) bool {
		return slices.Contains(l.points, p)
	})
}

// current reports whether the list is in force. One without a next update is never
// over; RFC 5280 5.1.2.5 demands one, and some tools leave it out.
func (l *revocationList) current(now time.Time) bool {
	return !now.Before(l.list.ThisUpdate) && (l.list.NextUpdate.IsZero() || now.Before(l.list.NextUpdate))
}

// stale names the lists whose time is over.
func (r *revocations) stale(key string, now time.Time) []error {
	if r == nil {
		return nil
	}
	var list []error
	for _, l := range r.lists {
		if !l.current(now) {
			list = append(list, fmt.Errorf("%s: the list of %q is in force from %s to %s; peers are refused", key, l.list.Issuer, date(l.list.ThisUpdate), date(l.list.NextUpdate)))
		}
	}
	return list
}

// signedBy reports whether issuer signed the list and may sign lists.
func (l *revocationList) signedBy(issuer *x509.Certificate) bool {
	if last := l.signer.Load(); last != nil && last.Equal(issuer) {
		return true
	}
	if l.list.CheckSignatureFrom(issuer) != nil {
		return false
	}
	l.signer.Store(issuer)
	return true
}

// check refuses a leaf that is revoked by way of any of its verified chains, and one
// that no chain clears.
func (r *revocations) check(chains [][]*x509.Certificate, now time.Time) error {
	var cleared bool
	var unknown error = &RevocationUnknownError{Reason: "no verified chain"}
	for _, chain := range chains {
		// A leaf that is itself an authority trusted has nobody above it.
		err := r.checkLeaf(chain[0], chain[min(1, len(chain)-1)], now)
		var revoked *RevokedError
		switch {
		case err == nil:
			cleared = true
		case errors.As(err, &revoked):
			return err
		default:
			unknown = err
		}
	}
	if cleared {
		return nil
	}
	return unknown
}

func (r *revocations) checkLeaf(leaf, issuer *x509.Certificate, now time.Time) error {
	found, reason := false, "there is none"
	for _, l := range r.lists {
		if !bytes.Equal(l.list.RawIssuer, issuer.RawSubject) {
			continue
		}
		if !l.signedBy(issuer) {
			reason = "its signature is not the issuer's"
			continue
		}
		// Also a list that is over tells of those revoked before.
		if l.serial[string(leaf.SerialNumber.Bytes())] {
			return &RevokedError{Serial: leaf.SerialNumber, Issuer: issuer.Subject.String()}
		}
		switch {
		case !l.isOf(leaf):
			reason = "it is of another distribution point than the certificate"
		case !l.current(now):
			reason = "it is not in force, by its dates"
		default:
			found = true
		}
	}
	if !found {
		return &RevocationUnknownError{Issuer: issuer.Subject.String(), Reason: reason}
	}
	return nil
}

// checkUnverified is all that can be said of a chain that nobody verified: whether
// a list of the issuer that the leaf names holds its number.
func (r *revocations) checkUnverified(leaf *x509.Certificate) error {
	for _, l := range r.lists {
		if bytes.Equal(l.list.RawIssuer, leaf.RawIssuer) && l.serial[string(leaf.SerialNumber.Bytes())] {
			return &RevokedError{Serial: leaf.SerialNumber, Issuer: leaf.Issuer.String()}
		}
	}
	return nil
}
