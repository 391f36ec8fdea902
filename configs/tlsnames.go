package configs

import (
	"crypto/tls"
	"slices"
)

// curves are the key exchanges that crypto/tls has, by the names people use.
var curves = []struct {
	name string
	id   tls.CurveID
}{
	{"X25519MLKEM768", tls.X25519MLKEM768},
	{"SecP256r1MLKEM768", tls.SecP256r1MLKEM768},
	{"SecP384r1MLKEM1024", tls.SecP384r1MLKEM1024},
	{"X25519", tls.X25519},
	{"P-256", tls.CurveP256},
	{"P-384", tls.CurveP384},
	{"P-521", tls.CurveP521},
}

// CurveNames are the names of all key exchanges, the preferred first.
func CurveNames() []string {
	names := make([]string, len(curves))
	for i, c := range curves {
		names[i] = c.name
	}
	return names
}

// CurveIDs are what the names stand for, in their order; nil for none, which is
// Go's choice. A name that Check would refuse is left out.
func CurveIDs(names []string) []tls.CurveID {
	var ids []tls.CurveID
	for _, name := range names {
		for _, c := range curves {
			if c.name == name {
				ids = append(ids, c.id)
			}
		}
	}
	return ids
}

// suites12 are the suites of TLS 1.2 in list, by their IANA names.
func suites12(list []*tls.CipherSuite) map[string]uint16 {
	suites := map[string]uint16{}
	for _, s := range list {
		if slices.Contains(s.SupportedVersions, tls.VersionTLS12) {
			suites[s.Name] = s.ID
		}
	}
	return suites
}

// CipherSuiteIDs are the suites of TLS 1.2 that the names stand for, in their
// order; nil for none, which is Go's choice. A name that Check would refuse is left
// out.
func CipherSuiteIDs(names []string) []uint16 {
	known := suites12(tls.CipherSuites())
	var ids []uint16
	for _, name := range names {
		if id, ok := known[name]; ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// isSuite13 says whether name is a suite of TLS 1.3 only.
func isSuite13(name string) bool {
	return slices.ContainsFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool {
		return s.Name == name && !slices.Contains(s.SupportedVersions, tls.VersionTLS12)
	})
}
