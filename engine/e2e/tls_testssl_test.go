package e2e

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"weir/engine/tlstest"
)

// startDefaults is weir with TLS as it comes, a certificate for localhost, and a fixed
// answer. It returns the file of the authority too.
func startDefaults(t *testing.T) (w *weir, ca string) {
	t.Helper()
	a, dir := tlstest.New(t), t.TempDir()
	leaf := a.Issue([]string{"localhost", "127.0.0.1"})
	cert := tlstest.Write(t, dir, "server.pem", leaf.Chain)
	key := tlstest.Write(t, dir, "server.key", leaf.Key)
	w = start(t, "[[routes]]\nrespond = { body = \"ok\" }\n", "timeouts = { handshake = \"500ms\", request_head = \"500ms\" }", `tls.certificates = [{ cert = "`+cert+`", key = "`+key+`" }]`)
	return w, tlstest.Write(t, dir, "ca.pem", a.PEM)
}

// testsslAccepted are findings that are not about what weir does with TLS.
var testsslAccepted = []string{
	"engine_problem",   // of the tool's own OpenSSL
	"cert_revocation",  // the test's authority has no list and no responder
	"DNS_CAArecord",    // of a name that is in no DNS
	"security_headers", // of the application behind
	"HSTS",             // a route's choice
}

// testssl.sh takes a minute, so it runs where it is asked for: .ci/run does.
func TestTestsslFindsNothing(t *testing.T) {
	if os.Getenv("WEIR_TESTSSL") == "" {
		t.Skip("WEIR_TESTSSL is not set")
	}
	tool, err := exec.LookPath("testssl")
	if err != nil {
		t.Fatal("testssl (of the package testssl.sh) is not installed")
	}
	w, ca := startDefaults(t)
	_, port, _ := net.SplitHostPort(w.addr)
	report := filepath.Join(t.TempDir(), "report.json")
	out, err := exec.Command(tool, "--color", "0", "--quiet", "--warnings", "off", "--add-ca", ca, "--jsonfile", report, "localhost:"+port).CombinedOutput()
	text, readErr := os.ReadFile(report)
	if readErr != nil {
		t.Fatalf("%v, %v\n%s", err, readErr, out)
	}
	var findings []struct{ ID, Severity, Finding string }
	if err := json.Unmarshal(text, &findings); err != nil {
		t.Fatal(err)
	}
	if len(findings) < 80 {
		t.Errorf("only %d findings: it did not get far\n%s", len(findings), out)
	}
	for _, f := range findings {
		if f.Severity != "OK" && f.Severity != "INFO" && !slices.Contains(testsslAccepted, f.ID) {
			t.Errorf("%s %s: %s", f.Severity, f.ID, f.Finding)
		}
	}
}
