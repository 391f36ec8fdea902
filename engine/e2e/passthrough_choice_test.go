package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

const (
	passthroughEdge = "protocol = \"tls-passthrough\"\ncluster = \"main\""
	passthroughOnly = "protocol = \"tls-passthrough\"" // for what has no cluster of its own
)

// The server name and the protocols in the ClientHello choose the endpoint, and the
// handshake is the endpoint's own: its certificate, and what it agrees on.
func TestPassthroughChoosesByClientHello(t *testing.T) {
	ca := tlstest.New(t)
	text := `[[listeners.edge.forward]]
server_names = ["one.test"]
alpn = ["acme-tls/1", "h2"]
cluster = "modern"
[[listeners.edge.forward]]
server_names = ["one.test", "uno.test"]
cluster = "one"
[[listeners.edge.forward]]
server_names = ["*.two.test"]
cluster = "two"
[[listeners.edge.forward]]
alpn = ["mail"]
cluster = "mail"
`
	for _, name := range []string{"main", "modern", "one", "two", "mail"} {
		text += clusterOf(name, []string{greetingTLS(t, ca, name, "h2", "http/1.1", "mail")})
	}
	w := start(t, text, passthroughEdge)
	tests := []struct {
		name string
		alpn []string
		want string
	}{
		{"one.test", nil, "one"},
		{"One.Test", nil, "one"},
		{"uno.test", []string{"h2"}, "one"},
		{"one.test", []string{"http/1.1"}, "one"},
		{"one.test", []string{"http/1.1", "h2"}, "modern"},
		{"a.two.test", nil, "two"},
		{"a.b.two.test", []string{"mail"}, "two"},
		{"two.test", nil, "main"},
		{"elsetwo.test", nil, "main"},
		{"other.test", []string{"mail"}, "mail"},
		{"", []string{"mail"}, "mail"},
		{"", nil, "main"},
	}
	for _, tt := range tests {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("%s %v %s", tt.name, tt.alpn, tls.VersionName(version)), func(t *testing.T) {
				c := w.secured(&tls.Config{ServerName: tt.name, NextProtos: tt.alpn, MaxVersion: version, InsecureSkipVerify: true})
				if got := c.ConnectionState().PeerCertificates[0].DNSNames[0]; got != tt.want {
					t.Errorf("the certificate is that of %s, want %s", got, tt.want)
				}
				requireGreeting(t, c, tt.want)
			})
		}
	}
	for _, line := range w.opaqueLines(2 * len(tests)) {
		if line.Kind != "tunnel" || line.TLS != "" || line.Fault != "" || line.BytesOut < 500 {
			t.Errorf("log line %+v", line)
		}
	}
}

// A name that leads nowhere is refused with the alert that says so.
func TestPassthroughUnknownServerName(t *testing.T) {
	addr, seen := untouched(t)
	w := start(t, "[[listeners.edge.forward]]\nserver_names = [\"known.test\"]\ncluster = \"main\"\n"+mainCluster(addr), passthroughOnly)
	for i, name := range []string{"unknown.test", "known.test.evil", ""} {
		c, err := w.trySecured(&tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("%q: %v, want the alert unrecognized_name", name, err)
		}
		_ = c.Close()
		w.eventually("it is counted", func() bool { return w.stats().Faults[fault.UnknownServerName] == int64(i+1) })
	}
	details := map[string]bool{}
	for _, l := range w.opaqueLines(3) {
		details[l.Detail] = true
		if l.Kind != "refused" || l.Fault != "unknown_server_name" || l.Side != "downstream" || l.ClosedBy != "weir" {
			t.Errorf("log line %+v", l)
		}
	}
	if !details["unknown.test"] || !details["known.test.evil"] || !details[""] {
		t.Errorf("the log does not tell which names: %v", details)
	}
	if n := seen(); n > 0 {
		t.Errorf("%d connections reached the endpoint", n)
	}
}

// The alert is a record of its own, and FIN follows it.
func TestPassthroughAlertIsWhole(t *testing.T) {
	w := start(t, "[[listeners.edge.forward]]\nserver_names = [\"known.test\"]\ncluster = \"main\"\n"+mainCluster(deadAddr(t)), passthroughOnly)
	c := w.dial()
	if _, err := c.Write(helloRecord(t, &tls.Config{ServerName: "unknown.test"})); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "\x15\x03\x03\x00\x02\x02\x70" {
		t.Errorf("%x, %v", got, err)
	}
}
