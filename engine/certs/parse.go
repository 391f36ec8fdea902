package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	"weir/configs"
)

// versions of TLS by the names of the configuration; absent: Go's.
var versions = map[string]uint16{"": 0, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func parseVersions(low, high string) (lowest, highest uint16, err error) {
	lowest, known := versions[low]
	if !known {
		return 0, 0, fmt.Errorf("min_version: %q is neither 1.2 nor 1.3", low)
	}
	if highest, known = versions[high]; !known {
		return 0, 0, fmt.Errorf("max_version: %q is neither 1.2 nor 1.3", high)
	}
	if highest != 0 && lowest > highest {
		return 0, 0, fmt.Errorf("min_version: %s is above max_version", low)
	}
	return max(lowest, tls.VersionTLS12), highest, nil
}

func parseCurves(names []string) ([]tls.CurveID, error) {
	ids := configs.CurveIDs(names)
	if len(ids) != len(names) {
		return nil, fmt.Errorf("curves: one of %q is not known", names)
	}
	return ids, nil
}

// defaultSuites are those of TLS 1.2 with forward secrecy and an AEAD. Go's own
// default still has CBC.
var defaultSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

func parseSuites(names []string) ([]uint16, error) {
	if len(names) == 0 {
		return defaultSuites, nil
	}
	ids := configs.CipherSuiteIDs(names)
	if len(ids) != len(names) {
		return nil, fmt.Errorf("cipher_suites: one of %q is not a suite of TLS 1.2 that is safe", names)
	}
	return ids, nil
}

// parsePair makes a chain and its key one certificate. The errors of crypto/tls
// name the types of blocks, never what they hold.
func parsePair(chain, key []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, err
	}
	if pair.Leaf == nil { // GODEBUG x509keypairleaf=0
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, err
		}
	}
	return &pair, nil
}

// parseAuthorities is stricter than x509.CertPool.AppendCertsFromPEM, which skips
// what it cannot parse: an authority that silently is not there refuses clients.
func parseAuthorities(text []byte) (*x509.CertPool, error) {
	pool, n := x509.NewCertPool(), 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", n+1, err)
		}
		pool.AddCert(cert)
		n++
	}
	if n == 0 {
		return nil, errors.New("no CERTIFICATE block of PEM")
	}
	return pool, nil
}

func parsePins(texts []string) (map[[sha256.Size]byte]bool, error) {
	pins := map[[sha256.Size]byte]bool{}
	for i, text := range texts {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) != sha256.Size {
			return nil, fmt.Errorf("pins[%d]: not a SHA-256 in base64", i)
		}
		pins[[sha256.Size]byte(raw)] = true
	}
	return pins, nil
}
