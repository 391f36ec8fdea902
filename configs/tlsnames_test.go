package configs

import (
	"crypto/tls"
	"slices"
	"testing"
)

func TestCurveIDs(t *testing.T) {
	got := CurveIDs([]string{"P-256", "X25519MLKEM768", "unknown", "X25519"})
	if want := []tls.CurveID{tls.CurveP256, tls.X25519MLKEM768, tls.X25519}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if len(CurveIDs(CurveNames())) != len(curves) || CurveIDs(nil) != nil {
		t.Error("not every curve has its number, or none has one")
	}
}

// All suites of TLS 1.2 that Go thinks well of, and no other, may be named.
func TestCipherSuiteIDs(t *testing.T) {
	n := 0
	for _, s := range tls.CipherSuites() {
		want := []uint16{s.ID}
		if !slices.Contains(s.SupportedVersions, tls.VersionTLS12) {
			want = nil
		}
		n += len(want)
		if got := CipherSuiteIDs([]string{s.Name}); !slices.Equal(got, want) {
			t.Errorf("%s: %x, want %x", s.Name, got, want)
		}
	}
	for _, s := range tls.InsecureCipherSuites() {
		if got := CipherSuiteIDs([]string{s.Name}); got != nil {
			t.Errorf("%s, which is insecure: %x", s.Name, got)
		}
	}
	if n < 6 {
		t.Errorf("only %d suites", n)
	}
}

func TestFromOpenSSL(t *testing.T) {
	known := ordered(suites12(tls.CipherSuites()))
	for name, want := range map[string]string{
		"ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
		"ECDHE-RSA-CHACHA20-POLY1305":   "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
		"ECDHE-RSA-AES128-SHA":          "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
		"AES128-GCM-SHA256":             "",
		"ECDHE":                         "",
		"":                              "",
	} {
		if got := fromOpenSSL(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
