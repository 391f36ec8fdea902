package e2e

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/engine/tlstest"
)

// ticketKey is a line of a file of ticket keys.
func ticketKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return base64.StdEncoding.EncodeToString(key) + "\n"
}

// openssl keeps a session in a file, and comes back with it.
func TestTLSTicketsResumeWithOpenSSL(t *testing.T) {
	ca := tlstest.New(t)
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		for _, tickets := range []bool{true, false} {
			w := start(t, respondAll, edgeTLS(ca, fmt.Sprintf("session_tickets = %v", tickets)))
			session := filepath.Join(t.TempDir(), "session")
			first := w.sClient(ca, version, "-sess_out", session)
			if !strings.Contains(first, "New, TLS") || !strings.Contains(first, "200 OK") {
				t.Fatalf("%s: the first time:\n%s", version, first)
			}
			if _, err := os.Stat(session); err != nil && !tickets {
				continue // there is nothing to come back with
			}
			second := w.sClient(ca, version, "-sess_in", session)
			if resumed := strings.Contains(second, "Reused, TLS"); resumed != tickets || !strings.Contains(second, "200 OK") {
				t.Errorf("%s, tickets %v: the second time:\n%s", version, tickets, second)
			}
			list := w.lines("exchange", 2)
			if want := any(true); list[0]["resumed"] != nil || tickets && list[1]["resumed"] != want {
				t.Errorf("%s: access log: %v", version, list)
			}
		}
	}
}

// Weirs with one file of ticket keys resume each other's sessions, also with a key
// that no longer encrypts; those with keys of their own do not.
func TestTLSTicketsOfAnotherWeir(t *testing.T) {
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{edgeName})
	older, newer := ticketKey(), ticketKey()
	run := func(keys string) *weir {
		lines := []string{}
		if keys != "" {
			lines = append(lines, fmt.Sprintf("ticket_keys = %q", tlstest.Write(t, t.TempDir(), "keys", keys)))
		}
		return start(t, respondAll, endsTLS([]*tlstest.Leaf{leaf}, lines...))
	}
	for _, tt := range []struct {
		name, first, second string
		resumes             bool
	}{
		{"the same file", older, older, true},
		{"a file with a newer key before it", older, newer + older, true},
		{"a file without the key", older, newer, false},
		{"keys of their own", "", "", false},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(tt.name+", "+tls.VersionName(version), func(t *testing.T) {
				one, two := run(tt.first), run(tt.second)
				defer one.requireQuiet() // each counts the other's descriptors
				defer two.requireQuiet()
				cfg := trusting(ca)
				cfg.MaxVersion, cfg.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
				if state, err := one.handshake(cfg); err != nil || state.DidResume {
					t.Fatalf("the first: resumed %v, %v", state.DidResume, err)
				}
				state, err := two.handshake(cfg)
				if err != nil || state.DidResume != tt.resumes {
					t.Errorf("the second: resumed %v, %v; want %v", state.DidResume, err, tt.resumes)
				}
				if n := two.stats().Resumed; (n == 1) != tt.resumes {
					t.Errorf("%d counted as resumed", n)
				}
				two.stop()
				one.stop()
			})
		}
	}
}
