package configs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	cfg, err := Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

const base = `
[listeners.edge]
address = "127.0.0.1:0"
[[routes]]
cluster = "app"
[clusters.app]
endpoints = ["127.0.0.1:9001"]
`

func TestDefaults(t *testing.T) {
	cfg := mustParse(t, base)
	want := Default()
	want.Listeners["edge"] = NewListener("127.0.0.1:0")
	want.Routes = []*Route{NewRoute()}
	want.Routes[0].Cluster = "app"
	want.Clusters["app"] = NewCluster("127.0.0.1:9001")
	if err := want.Check(); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("the file gives %+v, the code %+v", cfg, want)
	}
	r := cfg.Routes[0]
	if r.Prefix != "" || r.Name != "/*" || time.Duration(r.Timeouts.TunnelIdle) != time.Hour {
		t.Errorf("route: %+v", r)
	}
}

func TestExplicitZeroStaysZero(t *testing.T) {
	cfg := mustParse(t, `
[engine]
drain_timeout = 0
[listeners.edge]
address = "127.0.0.1:0"
min_body_rate = "0"
[[routes]]
cluster = "app"
[clusters.app]
endpoints = ["127.0.0.1:9001"]
max_idle = 0
timeouts = { lifetime = "0s" }
`)
	app := cfg.Clusters["app"]
	if cfg.Engine.DrainTimeout != 0 || cfg.Listeners["edge"].MinBodyRate != 0 || app.MaxIdle != 0 || app.Timeouts.Lifetime != 0 {
		t.Errorf("a zero was replaced: %+v %+v %+v", cfg.Engine, cfg.Listeners["edge"], app)
	}
	if app.Timeouts.Connect != 5*second {
		t.Errorf("connect = %v beside an explicit key", app.Timeouts.Connect)
	}
}

func TestEndpointForms(t *testing.T) {
	for _, endpoints := range []string{
		`endpoints = ["a:1", { address = "b:2", weight = 3 }]`,
		"[[clusters.app.endpoints]]\naddress = \"a:1\"\n[[clusters.app.endpoints]]\naddress = \"b:2\"\nweight = 3",
	} {
		cfg := mustParse(t, strings.Replace(base, `endpoints = ["127.0.0.1:9001"]`, endpoints, 1))
		want := []Endpoint{{"a:1", 1}, {"b:2", 3}}
		if got := cfg.Clusters["app"].Endpoints; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", endpoints, got)
		}
	}
}

func TestCompletes(t *testing.T) {
	cfg := mustParse(t, strings.ReplaceAll(base, "[[routes]]", `[[routes]]
host = "*.Example.COM"
respond = {}
[[routes]]
path = "/a"
respond = {}
[[routes]]
path = "/a"
methods = ["GET"]
respond = {}
[[routes]]
regex = "/é(.*)"
respond = {}
[[routes]]`))
	var names []string
	for _, r := range cfg.Routes {
		names = append(names, r.Name)
	}
	if got, want := strings.Join(names, " "), "*.example.com/* /a /a#2 ~/?(.*) /*"; got != want {
		t.Errorf("names %s, want %s", got, want)
	}
	cfg = mustParse(t, strings.Replace(base, "[[routes]]", "trusted_proxies = [\"10.1.2.3\", \"::1\", \"10.0.0.0/8\"]\n[[routes]]", 1))
	if got := cfg.Listeners["edge"].TrustedProxies; !reflect.DeepEqual(got, []string{"10.1.2.3/32", "::1/128", "10.0.0.0/8"}) {
		t.Errorf("trusted_proxies = %q", got)
	}
}

func TestErrorPageFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("fits", maxPage)
	write("over", maxPage+1)
	text := base + "[errors.404]\nfile = \"fits\"\n"
	cfg, err := Parse(filepath.Join(dir, "weir.toml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if page := cfg.Errors["404"]; len(page.Body) != maxPage || page.File != "" {
		t.Errorf("%d bytes read, file %q", len(page.Body), page.File)
	}
	_, err = Parse(filepath.Join(dir, "weir.toml"), []byte(strings.Replace(text, "fits", "over", 1)))
	if err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a page over the bound: %v", err)
	}
}

func TestReadBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "five")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := readBounded(file, 5); err != nil || string(text) != "12345" {
		t.Errorf("at the bound: %q, %v", text, err)
	}
	if _, err := readBounded(file, 4); !errors.Is(err, errTooLarge) {
		t.Errorf("over the bound: %v", err)
	}
}

func TestLoadFileErrors(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "absent.toml"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasSuffix(err.Error(), "absent.toml: no such file or directory") {
		t.Errorf("absent: %v", err)
	}
	var list *Errors
	if _, err = Load(dir); !errors.As(err, &list) || !strings.HasSuffix(err.Error(), ": not a regular file") {
		t.Errorf("a folder: %v", err)
	}
}

func TestCheckCode(t *testing.T) {
	cfg := Default()
	cfg.Listeners["edge"] = nil
	cfg.Routes = []*Route{nil, {Prefix: "/x", Cluster: "ap"}}
	cfg.Clusters["app"] = &Cluster{Balance: "round_robin", MaxHead: kib, MaxFields: 1}
	err := cfg.Check()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"listeners.edge: listener edge has no address",
		"routes[0]: this route does nothing",
		`routes[1].cluster: unknown cluster "ap"; did you mean "app"?`,
		"routes[1].timeouts.response: response cannot be 0",
		"clusters.app: cluster app has no endpoints",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
	if err := new(Config).Check(); err == nil || !strings.Contains(err.Error(), "no listeners") {
		t.Errorf("a zero Config: %v", err)
	}
}

func TestWarningsBesideErrors(t *testing.T) {
	_, err := Parse("w.toml", []byte(base+"[clusters.other]\nendpoints = []\n"))
	var list *Errors
	if !errors.As(err, &list) || len(list.Problems) != 1 || len(list.Warnings) != 1 {
		t.Fatalf("%+v", list)
	}
	if got := list.Warnings[0].String(); got != `w.toml:8: cluster "other" is not used by any route or listener` {
		t.Error(got)
	}
	// A cluster whose name was misspelt in a route is not called unused as well.
	_, err = Parse("w.toml", []byte(strings.Replace(base, `cluster = "app"`, `cluster = "ap"`, 1)))
	if !errors.As(err, &list) || len(list.Problems) != 1 || len(list.Warnings) != 0 {
		t.Errorf("%+v", list)
	}
}
