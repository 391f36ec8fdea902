package configs

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const secureBase = `
[listeners.edge]
address = "127.0.0.1:0"
PROTOCOL
[listeners.edge.tls]
certificates = [{ cert = "good.pem", key = "good.key" }]
TLS
[clusters.app]
endpoints = ["127.0.0.1:9001"]
[[routes]]
cluster = "app"
`

// parseSecure is a configuration that lies beside the certificates of testdata/tls.
func parseSecure(t *testing.T, protocol, tls string) *Config {
	t.Helper()
	text := strings.NewReplacer("PROTOCOL", protocol, "TLS", tls).Replace(secureBase)
	cfg, err := Parse("testdata/tls/weir.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestTLSDefaults(t *testing.T) {
	for _, c := range []struct {
		protocol, tls string
		want          []string
	}{
		{"", "", []string{"http/1.1"}},
		{`protocol = "auto"`, "", []string{"http/1.1"}},
		{"protocol = \"tcp\"\ncluster = \"app\"", "", nil},
		{"", "alpn = []", []string{}},
		{"protocol = \"tcp\"\ncluster = \"app\"", `alpn = ["mqtt"]`, []string{"mqtt"}},
	} {
		got := parseSecure(t, c.protocol, c.tls).Listeners["edge"].TLS
		want := NewListenerTLS(&Certificate{Cert: "testdata/tls/good.pem", Key: "testdata/tls/good.key"})
		want.ALPN = c.want
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s %s: %+v, want %+v", c.protocol, c.tls, got, want)
		}
	}
}

func TestClusterTLSDefaultALPN(t *testing.T) {
	for _, c := range []struct {
		protocol, alpn string
		want           []string
	}{
		{"", "", []string{"http/1.1"}},
		{"", "alpn = []", []string{}},
		{"protocol = \"tcp\"\ncluster = \"app\"", "", nil},
		{"protocol = \"tcp\"\ncluster = \"app\"", `alpn = ["mqtt"]`, []string{"mqtt"}},
	} {
		text := "[listeners.edge]\naddress = \"127.0.0.1:0\"\n" + c.protocol +
			"\n[clusters.app]\nendpoints = [\"127.0.0.1:9001\"]\n[clusters.app.tls]\n" + c.alpn
		if c.protocol == "" {
			text += "\n[[routes]]\ncluster = \"app\"\n"
		}
		cfg, err := Parse("weir.toml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.Clusters["app"].TLS.ALPN; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %s: %#v, want %#v", c.protocol, c.alpn, got, c.want)
		}
	}
}

func TestSessionTickets(t *testing.T) {
	for _, c := range []struct {
		tls  string
		want bool
	}{
		{"", false},
		{"session_tickets = false", false},
		{"session_tickets = true", true},
		{`ticket_keys = "../../examples/tls/ticket.keys"`, true},
		{"session_tickets = true\n" + `ticket_keys = "../../examples/tls/ticket.keys"`, true},
	} {
		cfg := parseSecure(t, "", "strict_sni = true\n"+c.tls)
		if l := cfg.Listeners["edge"].TLS; l.SessionTickets != c.want || !l.StrictSNI {
			t.Errorf("%q: %+v", c.tls, l)
		}
	}
}

func TestProxyProtocolFrom(t *testing.T) {
	cfg := parseSecure(t, "proxy_protocol = { from = [\"10.1.2.3\", \"::1\", \"10.0.0.0/8\"] }", "")
	want := &ProxyProtocol{Mode: "required", From: []string{"10.1.2.3/32", "::1/128", "10.0.0.0/8"}}
	if got := cfg.Listeners["edge"].ProxyProtocol; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestForwardCovers(t *testing.T) {
	for _, c := range []struct {
		f, g Forward
		want bool
	}{
		{Forward{}, Forward{Ports: "1", ALPN: []string{"a"}}, true},
		{Forward{Ports: "5-7"}, Forward{Ports: "5-7"}, true},
		{Forward{Ports: "5-7"}, Forward{Ports: "6"}, true},
		{Forward{Ports: "5-7"}, Forward{Ports: "4-7"}, false},
		{Forward{Ports: "5-7"}, Forward{Ports: "5-8"}, false},
		{Forward{Ports: "5-7"}, Forward{}, false},
		{Forward{ALPN: []string{"a", "b"}}, Forward{ALPN: []string{"b"}}, true},
		{Forward{ALPN: []string{"a"}}, Forward{ALPN: []string{"a", "b"}}, false},
		{Forward{ALPN: []string{"a"}}, Forward{}, false},
	} {
		if got := c.f.covers(&c.g); got != c.want {
			t.Errorf("%+v covers %+v: %v", c.f, c.g, got)
		}
	}
}

// Paths lead to the folder of the file, text stays what it is, and a second check
// finds the same.
func TestPathsAreResolved(t *testing.T) {
	ca, err := os.ReadFile("testdata/tls/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs("testdata/tls")
	if err != nil {
		t.Fatal(err)
	}
	cfg := parseSecure(t, "", "client_auth = \"require\"\nclient_crl = '"+dir+"/old.crl'\nclient_ca = '''"+string(ca)+"'''\n"+
		"ticket_keys = \"../../examples/tls/ticket.keys\"\nacme = { hosts = [\"Example.com\"] }")
	for range 2 {
		l := cfg.Listeners["edge"].TLS
		for _, c := range []struct{ got, want string }{
			{l.Certificates[0].Key, "testdata/tls/good.key"},
			{l.ClientCA, string(ca)},
			{l.ClientCRL, dir + "/old.crl"},
			{l.TicketKeys, "examples/tls/ticket.keys"},
			{l.ACME.Storage, "testdata/tls/acme"},
			{l.ACME.Hosts[0], "example.com"},
		} {
			if c.got != c.want {
				t.Errorf("%q, want %q", c.got, c.want)
			}
		}
		if err := cfg.Check(); err != nil {
			t.Fatal(err)
		}
	}
}

// What anyone may write to is not a key. Reading is left to the folders above.
func TestWritableByAnyone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"good.pem", "good.key"} {
		text, err := os.ReadFile("testdata/tls/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.NewReplacer("PROTOCOL", "", "TLS", "").Replace(secureBase)
	for _, c := range []struct {
		mode os.FileMode
		want string
	}{
		{0o600, ""},
		{0o664, ""},
		{0o666, `key "good.key" may be changed by any user; chmod 600`},
	} {
		if err := os.Chmod(filepath.Join(dir, "good.key"), c.mode); err != nil {
			t.Fatal(err)
		}
		cfg, err := Parse(filepath.Join(dir, "weir.toml"), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range cfg.Warnings {
			got = append(got, w.String())
		}
		if out := strings.Join(got, "\n"); c.want == "" && out != "" || !strings.Contains(out, c.want) {
			t.Errorf("%v: %s", c.mode, out)
		}
	}
}

// No message holds any of a key, wherever it was put and however it is broken.
func TestSecretsAreNotShown(t *testing.T) {
	text, err := os.ReadFile("testdata/tls/good.key")
	if err != nil {
		t.Fatal(err)
	}
	key := string(text[strings.Index(string(text), pemMark):])
	bare := strings.Join(strings.Split(key, "\n")[1:3], "")
	const ticket = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="
	quoted := func(s string) string { return `"""` + s + `"""` }
	for name, entry := range map[string]string{
		"of another":       `certificates = [{ cert = "../../examples/tls/dev.pem", key = ` + quoted(key) + ` }]`,
		"as certificate":   `certificates = [{ cert = ` + quoted(key) + `, key = "good.key" }]`,
		"without frame":    `certificates = [{ cert = "good.pem", key = "` + bare + `" }]`,
		"without its head": `certificates = [{ cert = "good.pem", key = ` + quoted("\n"+bare) + ` }]`,
		"cut":              `certificates = [{ cert = "good.pem", key = ` + quoted(key[:100]) + ` }]`,
		"as table":         `certificates = ` + quoted(key),
		"as word":          `client_auth = ` + quoted(key),
		"as ALPN":          `alpn = [` + quoted(key) + `]`,
		"tickets":          `ticket_keys = "` + ticket + `"`,
		"as authority":     `client_ca = ` + quoted(key),
	} {
		_, err := Parse("testdata/tls/weir.toml", []byte("[listeners.edge]\naddress = \"127.0.0.1:0\"\n[listeners.edge.tls]\n"+entry))
		var list *Errors
		if !errors.As(err, &list) || len(list.Problems) == 0 {
			t.Errorf("%s: no mistake", name)
			continue
		}
		for _, p := range append(list.Problems, list.Warnings...) {
			for _, part := range []string{bare[:12], bare[30:42], bare[60:72], ticket[:12]} {
				if strings.Contains(p.String(), part) {
					t.Errorf("%s: %s", name, p)
				}
			}
		}
	}
}

// Tables that code left nil are reported, not followed.
func TestCheckCodeTLS(t *testing.T) {
	cfg := Default()
	l := NewListener("127.0.0.1:0")
	l.Protocol = "auto"
	l.TLS = NewListenerTLS(nil)
	l.Forward = []*Forward{nil}
	l.ProxyProtocol = &ProxyProtocol{}
	cfg.Listeners["edge"] = l
	cfg.Listeners["plain"] = NewListener("127.0.0.1:0")
	cfg.Listeners["plain"].Protocol = "tcp"
	cfg.Listeners["plain"].Forward = []*Forward{nil}
	err := cfg.Check()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"listeners.edge.tls.certificates[0]: a certificate has no cert",
		"listeners.edge.forward[0]: a forward entry has no cluster",
		"listeners.edge.proxy_protocol: proxy_protocol does not say whose headers are believed",
		`listeners.edge.proxy_protocol.mode: mode = "" is not known`,
		"listeners.plain.forward[0]: a forward entry has no cluster",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}
