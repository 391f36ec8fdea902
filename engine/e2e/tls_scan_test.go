package e2e

import (
	"os/exec"
	"regexp"
	"testing"

	"weir/engine/tlstest"
)

// What somebody finds who scans a listener with the default configuration.
func TestTLSScan(t *testing.T) {
	ca := tlstest.New(t)
	w := start(t, respondAll, endsTLS([]*tlstest.Leaf{ca.Issue([]string{edgeName}), ca.Issue([]string{edgeName}, tlstest.RSA)}))
	out, err := exec.Command(tool(t, "sslscan"), "--no-colour", "--sni-name="+edgeName, w.addr).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		`SSLv2 +disabled`, `SSLv3 +disabled`, `TLSv1\.0 +disabled`, `TLSv1\.1 +disabled`, `TLSv1\.2 +enabled`, `TLSv1\.3 +enabled`,
		`Server supports TLS Fallback SCSV`, `Session renegotiation not supported`, `TLSv1\.2 not vulnerable to heartbleed`,
	} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("not found: %s", want)
		}
	}
	suites := regexp.MustCompile(`(?m)^(?:Accepted|Preferred)\s+\S+\s+\d+ bits\s+(\S+)`).FindAllSubmatch(out, -1)
	good := regexp.MustCompile(`^(TLS_|ECDHE-(ECDSA|RSA)-).*(GCM-?_?SHA\d+|CHACHA20[-_]POLY1305.*)$`)
	for _, s := range suites {
		if !good.Match(s[1]) {
			t.Errorf("the suite %s is on", s[1])
		}
	}
	if len(suites) < 6 || t.Failed() {
		t.Errorf("sslscan said\n%s", out)
	}
}
