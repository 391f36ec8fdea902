package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"weir/engine/tlstest"
)

// The response of a file is stapled; one that is over is not, and the log says so.
func TestTLSStaple(t *testing.T) {
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{edgeName})
	for _, tt := range []struct {
		name string
		due  time.Duration
		sent bool
	}{{"in force", time.Hour, true}, {"over", -time.Hour, false}} {
		t.Run(tt.name, func(t *testing.T) {
			der, err := ocsp.CreateResponse(ca.Cert, ca.Cert, ocsp.Response{
				Status: ocsp.Good, SerialNumber: leaf.Cert.SerialNumber,
				ThisUpdate: time.Now().Add(-2 * time.Hour), NextUpdate: time.Now().Add(tt.due),
			}, ca.Key)
			if err != nil {
				t.Fatal(err)
			}
			file := tlstest.Write(t, t.TempDir(), "ocsp.der", string(der))
			w := start(t, respondAll, fmt.Sprintf("tls.certificates = [{ cert = %q, key = %q, ocsp = %q }]", leaf.Chain+ca.PEM, leaf.Key, file))
			out := w.sClient(ca, "-status")
			if sent := strings.Contains(out, "OCSP Response Status: successful") && strings.Contains(out, "Cert Status: good"); sent != tt.sent {
				t.Errorf("stapled: %v, want %v, in\n%s", sent, tt.sent, out)
			}
			if !tt.sent {
				w.requireLogged("was in force until")
			}
			// Only to those who ask.
			if out := w.sClient(ca); strings.Contains(out, "OCSP Response Data") {
				t.Error("stapled without being asked")
			}
			if state, err := w.handshake(trusting(ca)); err != nil || (string(state.OCSPResponse) == string(der)) != tt.sent {
				t.Errorf("crypto/tls got %d bytes, %v", len(state.OCSPResponse), err)
			}
		})
	}
}
