package e2e

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

const respondAll = "[[routes]]\nrespond = { body = \"hello\" }\n"

func namedLeaves(ca *tlstest.Authority) []*tlstest.Leaf {
	return []*tlstest.Leaf{
		ca.Issue([]string{edgeName}, tlstest.Named("default")),
		ca.Issue([]string{"a.test"}, tlstest.Named("exact")),
		ca.Issue([]string{"*.a.test"}, tlstest.Named("wildcard")),
		ca.Issue([]string{"b.a.test"}, tlstest.Named("exact below the wildcard")),
	}
}

// The certificate is chosen by SNI: exact, then wildcard, then the first.
func TestTLSCertificateByServerName(t *testing.T) {
	ca := tlstest.New(t)
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprintf("strict_sni = %v", strict), func(t *testing.T) {
			w := start(t, respondAll, endsTLS(namedLeaves(ca), fmt.Sprintf("strict_sni = %v", strict)))
			refused := int64(0)
			for _, tt := range []struct{ name, want string }{
				{edgeName, "default"},
				{"a.test", "exact"},
				{"A.TEST", "exact"},
				{"x.a.test", "wildcard"},
				{"b.a.test", "exact below the wildcard"},
				{"x.y.a.test", ""}, // a wildcard of a certificate is for one label (RFC 6125)
				{"other.test", ""},
				{"", ""},
			} {
				state, err := w.handshake(&tls.Config{ServerName: tt.name, InsecureSkipVerify: true})
				switch {
				case tt.want == "" && strict:
					requireError(t, err, "unrecognized name")
					refused++
				case err != nil:
					t.Errorf("%q: %v", tt.name, err)
				case tt.want == "" && state.PeerCertificates[0].Subject.CommonName != "default":
					t.Errorf("%q: got %q, not the default", tt.name, state.PeerCertificates[0].Subject.CommonName)
				case tt.want != "" && state.PeerCertificates[0].Subject.CommonName != tt.want:
					t.Errorf("%q: got %q, want %q", tt.name, state.PeerCertificates[0].Subject.CommonName, tt.want)
				}
			}
			w.requireFault(fault.UnknownServerName, refused)
			if strict {
				if out := w.sClient(ca, "-servername", "other.test"); !strings.Contains(out, "unrecognized name") {
					t.Errorf("openssl was not told: %s", out)
				}
			}
		})
	}
}

// anyName is a session cache that does not care whose session it gives.
type anyName struct{ session *tls.ClientSessionState }

func (a *anyName) Get(string) (*tls.ClientSessionState, bool)    { return a.session, a.session != nil }
func (a *anyName) Put(_ string, session *tls.ClientSessionState) { a.session = session }

// A session of one name is no way in by another: with strict_sni it does not help
// against having no certificate for that name, though none would be sent.
func TestTLSStrictServerNameOfAResumedSession(t *testing.T) {
	ca := tlstest.New(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		w := start(t, respondAll, endsTLS(namedLeaves(ca), "strict_sni = true", "session_tickets = true"))
		cfg := &tls.Config{ServerName: "a.test", InsecureSkipVerify: true, MaxVersion: version, ClientSessionCache: &anyName{}}
		for _, resumed := range []bool{false, true} {
			if state, err := w.handshake(cfg); err != nil || state.DidResume != resumed {
				t.Fatalf("resumed %v, %v; want %v", state.DidResume, err, resumed)
			}
		}
		cfg = cfg.Clone()
		cfg.ServerName = "other.test"
		_, err := w.handshake(cfg)
		requireError(t, err, "unrecognized name")
		w.requireFault(fault.UnknownServerName, 1)
		w.finish()
	}
}

// One name with two keys: each client gets the one that it can verify.
func TestTLSECDSAAndRSASideBySide(t *testing.T) {
	ca := tlstest.New(t)
	w := start(t, respondAll, endsTLS([]*tlstest.Leaf{
		ca.Issue([]string{edgeName}, tlstest.Named("ecdsa")),
		ca.Issue([]string{edgeName}, tlstest.Named("rsa"), tlstest.RSA),
	}))
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-tls1_3"}, "ECDSA"},
		{[]string{"-tls1_3", "-sigalgs", "ECDSA+SHA256"}, "ECDSA"},
		{[]string{"-tls1_3", "-sigalgs", "RSA-PSS+SHA256:ECDSA+SHA384"}, "RSA-PSS"},
		{[]string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"}, "ECDSA"},
		{[]string{"-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"}, "RSA"},
	} {
		// The authority's own signature is of ECDSA, and openssl would not take it
		// from a server when its client offers none: what is asked here is the key.
		out := w.sClient(ca, append(tt.args, "-brief")...)
		if want := "CN = " + map[string]string{"ECDSA": "ecdsa", "RSA": "rsa", "RSA-PSS": "rsa"}[tt.want]; !strings.Contains(out, want) || !strings.Contains(out, "Signature type: "+tt.want) {
			t.Errorf("%v: want %s, %s in\n%s", tt.args, want, tt.want, out)
		}
	}
}
