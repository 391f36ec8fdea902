package configs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
)

// certificate checks a chain, its key and its staple.
func (ck *checker) certificate(p keyPath, c *Certificate) {
	if c.Cert == "" {
		ck.missingf(p, `add cert = "FILE"`, "a certificate has no cert")
	}
	if c.Key == "" {
		ck.missingf(p, `add key = "FILE"`, "a certificate has no key")
	}
	leaf := ck.pair(p, &c.Cert, &c.Key)
	if leaf != nil && len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		ck.warnf(p.child("cert"), "clients look at its subject alternative names only", "the certificate is for no name")
	}
	ck.staple(p.child("ocsp"), &c.OCSP)
}

// pair checks the chain and the key of the table at p. It returns the leaf of a
// chain that could be read, or nil.
func (ck *checker) pair(p keyPath, cert, key *string) *x509.Certificate {
	chainText, hasChain := ck.material(p.child("cert"), cert, isPublic)
	keyText, hasKey := ck.material(p.child("key"), key, isSecret)
	var chain []*x509.Certificate
	if hasChain {
		if chain = ck.certificates(chainText); len(chain) > 0 {
			for i := range chain {
				ck.dates(chainText, chain, i)
			}
		}
	}
	var private crypto.Signer
	if hasKey {
		private = ck.privateKey(keyText)
	}
	if len(chain) == 0 {
		return nil
	}
	if private != nil {
		ck.belongs(chainText, keyText, chain, private)
	}
	return chain[0]
}

// certificates are those in m, at least one, or nil after what is wrong is reported.
func (ck *checker) certificates(m material) []*x509.Certificate {
	var list []*x509.Certificate
	other := ""
	for block := range blocks(m.text) {
		if block.Type != "CERTIFICATE" {
			other = block.Type
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			ck.problemf(m.at, "", "%s: certificate %d cannot be read: %s", m.what, len(list)+1, oneLine(strings.TrimPrefix(err.Error(), "x509: ")))
			return nil
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		ck.holdsNo(m, "certificate", "CERTIFICATE", other)
	}
	return list
}

// holdsNo reports text without a block of the type that is needed.
func (ck *checker) holdsNo(m material, thing, block, other string) {
	hint := fmt.Sprintf("write it as PEM, from \"-----BEGIN %s-----\" on", block)
	if other != "" {
		hint = fmt.Sprintf("it holds a %s instead", quote(other))
	}
	ck.problemf(m.at, hint, "%s holds no %s", m.what, thing)
}

// blocks are the PEM blocks of text.
func blocks(text []byte) func(yield func(*pem.Block) bool) {
	return func(yield func(*pem.Block) bool) {
		for {
			var block *pem.Block
			if block, text = pem.Decode(text); block == nil || !yield(block) {
				return
			}
		}
	}
}

// privateKey is the first key in m, or nil after what is wrong is reported. Errors
// of the parsers are not shown: they were not written with secrets in mind.
func (ck *checker) privateKey(m material) crypto.Signer {
	other := ""
	for block := range blocks(m.text) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			ck.problemf(m.at, "decrypt it with: openssl pkey -in KEY -out PLAIN", "%s is encrypted, and weir asks for no passphrase", m.what)
			return nil
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			key, ok := parseKey(block.Bytes)
			if !ok {
				ck.problemf(m.at, "", "%s is not an ECDSA, RSA or Ed25519 key, or it is damaged", m.what)
			}
			return key
		}
		other = block.Type
	}
	ck.holdsNo(m, "private key", "PRIVATE KEY", other)
	return nil
}

// parseKey reads the three forms that crypto/tls reads.
func parseKey(der []byte) (crypto.Signer, bool) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, true
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, ok := key.(crypto.Signer)
		return signer, ok
	}
	key, err := x509.ParseECPrivateKey(der)
	return key, err == nil
}

// belongs reports a key that is not that of the leaf.
func (ck *checker) belongs(chainText, keyText material, chain []*x509.Certificate, private crypto.Signer) {
	if _, err := tls.X509KeyPair(chainText.text, keyText.text); err == nil {
		return
	}
	public, ok := private.Public().(interface{ Equal(crypto.PublicKey) bool })
	i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return ok && public.Equal(c.PublicKey) })
	switch {
	case i > 0:
		ck.problemf(chainText.at, "put the certificate of the key first, then the one that signed it",
			"%s has its certificates out of order", chainText.what)
	case i == 0:
		ck.problemf(chainText.at, "use ECDSA, RSA or Ed25519", "TLS has no use for the certificate of %s", chainText.what)
	default:
		ck.problemf(keyText.at, "", "%s does not belong to %s", keyText.what, chainText.what)
	}
}

// dates warns of certificate i of a list that is not valid now. It is no mistake:
// the file may be replaced at any time, and weir must start meanwhile.
func (ck *checker) dates(m material, list []*x509.Certificate, i int) {
	which := ""
	if i > 0 {
		which = fmt.Sprintf("certificate %d of ", i+1)
	}
	const day = "2006-01-02"
	switch c := list[i]; {
	case ck.now.After(c.NotAfter):
		ck.warnf(m.at, "peers will refuse it", "%s%s expired on %s", which, m.what, c.NotAfter.UTC().Format(day))
	case ck.now.Before(c.NotBefore):
		ck.warnf(m.at, "peers will refuse it until then", "%s%s is not valid before %s", which, m.what, c.NotBefore.UTC().Format(day))
	}
}

// staple checks that a file holds an OCSP response (RFC 6960 section 4.2.1) that is
// worth sending. Whether it fits the certificate shows when it is loaded.
func (ck *checker) staple(p keyPath, value *string) {
	if IsInline(*value) {
		ck.problemf(p, "name a file with the DER response", "ocsp takes no PEM text")
		return
	}
	m, ok := ck.material(p, value, isPublic)
	if !ok {
		return
	}
	var response struct {
		Status asn1.Enumerated
		Bytes  asn1.RawValue `asn1:"explicit,tag:0,optional"`
	}
	rest, err := asn1.Unmarshal(m.text, &response)
	switch {
	case err == nil && response.Status != 0:
		ck.problemf(p, "ask the responder again", "%s says that the responder failed, status %d", m.what, response.Status)
	case err != nil || len(rest) > 0 || len(response.Bytes.FullBytes) == 0:
		hint := "get one with: openssl ocsp -issuer CA -cert CERT -url URL -respout FILE"
		if IsInline(string(m.text)) {
			hint = "it is PEM; write it as DER"
		}
		ck.problemf(p, hint, "%s is not an OCSP response", m.what)
	}
}
