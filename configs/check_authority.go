package configs

import (
	"crypto/x509"
	"slices"
	"strings"
)

// authorities checks the certificates that a key names as trusted, and returns them.
// Bundles hold old ones, so dates matter only if none is valid.
func (ck *checker) authorities(p keyPath, value *string) []*x509.Certificate {
	m, ok := ck.material(p, value, isPublic)
	if !ok {
		return nil
	}
	list := ck.certificates(m)
	current := func(c *x509.Certificate) bool { return !ck.now.Before(c.NotBefore) && !ck.now.After(c.NotAfter) }
	if len(list) > 0 && !slices.ContainsFunc(list, current) {
		ck.dates(m, list, 0)
	}
	return list
}

// revocations checks the lists that a key names. cas are those that may sign them;
// nil: not known here.
func (ck *checker) revocations(p keyPath, value *string, cas []*x509.Certificate) {
	m, ok := ck.material(p, value, isPublic)
	if !ok {
		return
	}
	n, other := 0, ""
	for block := range blocks(m.text) {
		if block.Type != "X509 CRL" {
			other = block.Type
			continue
		}
		n++
		crl, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			ck.problemf(p, "", "%s: list %d cannot be read: %s", m.what, n, oneLine(strings.TrimPrefix(err.Error(), "x509: ")))
			return
		}
		signed := func(ca *x509.Certificate) bool { return crl.CheckSignatureFrom(ca) == nil }
		if len(cas) > 0 && !slices.ContainsFunc(cas, signed) {
			ck.warnf(p, "certificates of that authority are not checked by it", "%s: list %d is signed by none of the authorities", m.what, n)
		}
		if !crl.NextUpdate.IsZero() && ck.now.After(crl.NextUpdate) {
			ck.warnf(p, "get a new one from the authority", "%s: list %d was to be replaced by %s", m.what, n, crl.NextUpdate.UTC().Format("2006-01-02"))
		}
	}
	if n == 0 {
		ck.holdsNo(m, "revocation list", "X509 CRL", other)
	}
}

// ticketKeys checks the file of keys that several weirs share.
func (ck *checker) ticketKeys(p keyPath, value *string) {
	m, ok := ck.material(p, value, isSecret)
	if !ok {
		return
	}
	if _, err := ParseTicketKeys(m.text); err != nil {
		ck.problemf(p, "make one with: openssl rand -base64 32", "%s: %s", m.what, err)
	}
}
