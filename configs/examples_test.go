package configs

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestExamplesAreClean(t *testing.T) {
	files, _ := filepath.Glob("examples/*.toml")
	for _, want := range []string{
		"minimal", "websocket", "many-routes", "reference",
		"https-to-http", "https-to-https", "http-to-https", "passthrough", "tcp", "auto", "proxy-protocol", "mtls", "acme",
	} {
		if !slices.Contains(files, "examples/"+want+".toml") {
			t.Errorf("examples/%s.toml is missing", want)
		}
	}
	for _, file := range files {
		cfg, err := Load(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, w := range cfg.Warnings {
			t.Errorf("%v", w)
		}
		for name, l := range cfg.Listeners {
			plain, secure := strings.HasPrefix(l.Address, "127.0.0.1:80"), strings.HasPrefix(l.Address, "127.0.0.1:84")
			// A transparent one takes from the network what rules lead there, and nothing
			// else.
			if !plain && !secure && l.Transparent == "off" {
				t.Errorf("%s: listener %s is not on loopback: %s", file, name, l.Address)
			}
		}
	}
}

// walkKeys calls visit for each key of the schema below t, as a path with "*" for
// the names and indexes that the user chooses.
func walkKeys(t reflect.Type, at string, visit func(string)) {
	switch t.Kind() {
	case reflect.Pointer:
		walkKeys(t.Elem(), at, visit)
	case reflect.Map, reflect.Slice:
		walkKeys(t.Elem(), at+".*", visit)
	case reflect.Struct:
		for i, key := range keysOf(t) {
			if key != "-" {
				visit(at + "." + key)
				walkKeys(t.Field(i).Type, at+"."+key, visit)
			}
		}
	}
}

// anyPath matches p with a pattern of walkKeys.
func anyPath(p keyPath, pattern string) bool {
	parts, want := strings.Split(string(p), "\x00"), strings.Split(pattern, ".")
	if len(parts) != len(want) {
		return false
	}
	for i := range parts {
		if want[i] != "*" && want[i] != parts[i] {
			return false
		}
	}
	return true
}

func TestReferenceNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile("examples/reference.toml")
	if err != nil {
		t.Fatal(err)
	}
	index := scanLines(string(text))
	n := 0
	walkKeys(reflect.TypeFor[Config](), "", func(pattern string) {
		n++
		for p := range index.lines {
			if anyPath(p, pattern) {
				return
			}
		}
		t.Errorf("reference.toml does not show %s", pattern[1:])
	})
	if n < 60 {
		t.Errorf("the schema walk found only %d keys", n)
	}
}

// Each key of the reference stands under a comment of its own.
func TestReferenceExplainsEveryKey(t *testing.T) {
	text, err := os.ReadFile("examples/reference.toml")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if line == "" || line[0] == '#' || line[0] == ' ' || line[0] == ']' {
			continue
		}
		if !strings.HasPrefix(lines[i-1], "#") {
			t.Errorf("reference.toml:%d: no comment above %q", i+1, line)
		}
	}
}

// notDefault are the keys of the reference that have a default and show another
// value, with the reason.
var notDefault = map[string]string{
	".listeners.any.protocol":               "http has neither cluster nor forward",
	".listeners.hidden.transparent":         "off would make the intercept table a mistake",
	".listeners.hidden.intercept.local":     "an interface has another name on each machine",
	".clusters.original.discovery":          "static has none of the keys beside it",
	".clusters.original.mark":               "a listener intercepts connections of this machine",
	".listeners.secure.tls.client_auth":     "none would make client_ca a mistake",
	".listeners.secure.tls.session_tickets": "ticket_keys would make false a mistake",
	".listeners.secure.tls.acme.directory":  "an example must not call a real authority",
}

// Every number, size and duration of the reference is the
// default, and so is every word that has one.
func TestReferenceShowsDefaults(t *testing.T) {
	t.Chdir("examples") // so that the paths of files stay as they are written
	cfg, err := Load("reference.toml")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	var compare func(at string, got, want reflect.Value)
	compare = func(at string, got, want reflect.Value) {
		switch got.Kind() {
		case reflect.Pointer:
			if !got.IsNil() {
				compare(at, got.Elem(), newDefault(got.Type().Elem()).Elem())
			}
		case reflect.Map:
			for _, k := range got.MapKeys() {
				compare(at+"."+k.String(), got.MapIndex(k), reflect.Value{})
			}
		case reflect.Slice:
			for i := range got.Len() {
				e := got.Index(i)
				want := e
				if e.Kind() == reflect.Struct {
					want = newDefault(e.Type()).Elem()
				}
				compare(at+"[]", e, want)
			}
		case reflect.Struct:
			for i, key := range keysOf(got.Type()) {
				if key != "-" {
					compare(at+"."+key, got.Field(i), want.Field(i))
				}
			}
		default:
			if !want.IsValid() || (got.Kind() == reflect.String && want.String() == "") {
				return
			}
			checked++
			if _, ok := notDefault[at]; ok == got.Equal(want) {
				t.Errorf("%s is %v, its default is %v", at, got, want)
			}
		}
	}
	compare("", reflect.ValueOf(*cfg), reflect.ValueOf(*Default()))
	if checked < 40 {
		t.Errorf("only %d values compared", checked)
	}
}
