package configs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var certs = flag.Bool("certs", false, "make the certificates of examples/tls and testdata/tls again")

const development = "For development only. Made by: go test ./configs -run MakeCertificates -certs\n"

// maker makes files, and fails its test when it cannot.
type maker struct {
	t   *testing.T
	dir string
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newKey() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func day(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }

func (m maker) write(name string, text []byte) {
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.dir, name), text, 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// pem writes blocks of one type below a note.
func (m maker) pem(name, kind string, ders ...[]byte) {
	text := bytes.NewBufferString(development)
	for _, der := range ders {
		if err := pem.Encode(text, &pem.Block{Type: kind, Bytes: der}); err != nil {
			m.t.Fatal(err)
		}
	}
	m.write(name, text.Bytes())
}

func (m maker) key(name string, key *ecdsa.PrivateKey) {
	m.pem(name, "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key)))
}

// leaf is a template, valid between two years, for servers and clients.
func leaf(serial int64, name string, from, to int) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{Organization: []string{"weir development"}, CommonName: name},
		NotBefore:    day(from),
		NotAfter:     day(to),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     []string{name},
	}
}

// authority is a certificate that signs others, with its key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(name string) authority {
	template := leaf(1, name, 2020, 2125)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage, template.ExtKeyUsage, template.DNSNames = x509.KeyUsageCertSign|x509.KeyUsageCRLSign|x509.KeyUsageDigitalSignature, nil, nil
	key := newKey()
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	return authority{must(x509.ParseCertificate(der)), key}
}

func (a authority) sign(template *x509.Certificate, key crypto.Signer) []byte {
	return must(x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key))
}

func (a authority) revoke(number int64, next int) []byte {
	return must(x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(number), ThisUpdate: day(2000), NextUpdate: day(next),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(99), RevocationTime: day(2020)}},
	}, a.cert, a.key))
}

// staple is a response that calls cert good (RFC 6960 section 4.2.1).
func (a authority) staple(cert *x509.Certificate) []byte {
	type certID struct {
		Hash      pkix.AlgorithmIdentifier
		Name, Key []byte
		Serial    *big.Int
	}
	type single struct {
		ID         certID
		Good       asn1.Flag `asn1:"tag:0"`
		ThisUpdate time.Time `asn1:"generalized"`
		NextUpdate time.Time `asn1:"generalized,explicit,tag:0"`
	}
	type data struct {
		Responder []byte    `asn1:"explicit,tag:2"`
		Produced  time.Time `asn1:"generalized"`
		Responses []single
	}
	type basic struct {
		Data      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	type answer struct {
		Type asn1.ObjectIdentifier
		Body []byte
	}
	type response struct {
		Status asn1.Enumerated
		Answer answer `asn1:"explicit,tag:0"`
	}
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	must(asn1.Unmarshal(a.cert.RawSubjectPublicKeyInfo, &spki))
	name, key := sha1.Sum(a.cert.RawSubject), sha1.Sum(spki.Key.Bytes)
	signed := must(asn1.Marshal(data{key[:], day(2020), []single{{
		certID{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}}, name[:], key[:], cert.SerialNumber},
		true, day(2020), day(2125),
	}}}))
	hash := sha256.Sum256(signed)
	signature := must(ecdsa.SignASN1(rand.Reader, a.key, hash[:]))
	body := must(asn1.Marshal(basic{
		asn1.RawValue{FullBytes: signed},
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}},
		asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	}))
	return must(asn1.Marshal(response{0, answer{asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}, body}}))
}

// TestMakeCertificates writes what the examples and the bad files read. The keys of
// the authorities are thrown away, so all of a folder is made at once.
func TestMakeCertificates(t *testing.T) {
	root := t.TempDir() // without the flag it is only tried
	if *certs {
		root = "."
	}
	ca := newAuthority("weir development CA")

	m := maker{t, filepath.Join(root, "examples/tls")}
	m.pem("ca.pem", "CERTIFICATE", ca.cert.Raw)
	server, client := newKey(), newKey()
	template := leaf(2, "localhost", 2020, 2125)
	template.DNSNames = append(template.DNSNames, "*.localhost")
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	dev := ca.sign(template, server)
	m.pem("dev.pem", "CERTIFICATE", dev)
	m.key("dev.key", server)
	m.write("dev.ocsp", ca.staple(must(x509.ParseCertificate(dev))))
	m.pem("client.pem", "CERTIFICATE", ca.sign(leaf(3, "client.localhost", 2020, 2125), client))
	m.key("client.key", client)
	m.pem("client.crl", "X509 CRL", ca.revoke(1, 2125))
	tickets := bytes.NewBufferString("# For development only: the keys are public. One a line: openssl rand -base64 32\n")
	for range 2 {
		key := make([]byte, 32)
		must(rand.Read(key))
		tickets.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	}
	m.write("ticket.keys", tickets.Bytes())

	m.dir = filepath.Join(root, "testdata/tls")
	key := newKey()
	good := ca.sign(leaf(4, "good.example", 2020, 2125), key)
	nameless := leaf(5, "nameless", 2020, 2125)
	nameless.DNSNames = nil
	m.pem("good.pem", "CERTIFICATE", good)
	m.key("good.key", key)
	m.key("other.key", newKey())
	m.pem("expired.pem", "CERTIFICATE", ca.sign(leaf(6, "expired.example", 2000, 2001), key))
	m.pem("future.pem", "CERTIFICATE", ca.sign(leaf(7, "future.example", 2120, 2125), key))
	m.pem("nameless.pem", "CERTIFICATE", ca.sign(nameless, key))
	m.pem("backwards.pem", "CERTIFICATE", ca.cert.Raw, good)
	m.pem("damaged.pem", "CERTIFICATE", good[:len(good)/2])
	m.pem("damaged.key", "PRIVATE KEY", []byte("not a key"))
	m.pem("encrypted.key", "ENCRYPTED PRIVATE KEY", []byte("not read"))
	m.pem("foreign.crl", "X509 CRL", newAuthority("another CA").revoke(1, 2125))
	m.pem("old.crl", "X509 CRL", ca.revoke(2, 2001))
	m.pem("ca.pem", "CERTIFICATE", ca.cert.Raw)
	m.write("empty.pem", nil)
	m.write("short.keys", []byte("# two keys, one too short\n"+base64.StdEncoding.EncodeToString(make([]byte, 48))+"\n\nAAAAAAAAAAAAAAAAAAAAAA==\n"))
	m.write("later.ocsp", []byte{0x30, 3, 0x0a, 1, 3}) // tryLater
}
