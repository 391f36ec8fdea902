package route

import (
	"strings"
	"testing"

	"weir/configs"
)

// names of routes are expected, so every case says what it shows.
func TestMatchMostSpecificWins(t *testing.T) {
	table := mustCompile(t,
		&configs.Route{Name: "any"},
		&configs.Route{Name: "any /x", Path: "/x"},
		&configs.Route{Name: "*.com", Host: "*.com", Prefix: "/"},
		&configs.Route{Name: "*.a.com", Host: "*.a.com", Prefix: "/w"},
		&configs.Route{Name: "a any", Host: "a.com"},
		&configs.Route{Name: "a regex 1", Host: "a.com", Regex: "/r[0-9]+"},
		&configs.Route{Name: "a regex 2", Host: "a.com", Regex: "/r.*"},
		&configs.Route{Name: "a /p", Host: "a.com", Prefix: "/p"},
		&configs.Route{Name: "a /p/", Host: "a.com", Prefix: "/p/"},
		&configs.Route{Name: "a /p/q", Host: "a.com", Prefix: "/p/q"},
		&configs.Route{Name: "a =/p/q", Host: "a.com", Path: "/p/q"},
		&configs.Route{Name: "a =/p/q/", Host: "a.com", Path: "/p/q/"},
		&configs.Route{Name: "a =/p/q POST", Host: "a.com", Path: "/p/q", Methods: []string{"POST"}},
		&configs.Route{Name: "a =/p/q POST k", Host: "a.com", Path: "/p/q", Methods: []string{"POST"}, Query: map[string]string{"k": "*"}},
		&configs.Route{Name: "b POST", Host: "b.a.com", Path: "/w/1", Methods: []string{"POST"}},
		&configs.Route{Name: "d prefix", Host: "d.com", Prefix: "/"},
		&configs.Route{Name: "d prefix GET", Host: "d.com", Methods: []string{"GET"}},
		&configs.Route{Name: "d regex", Host: "d.com", Regex: "/r"},
		&configs.Route{Name: "v6", Host: "[2001:db8::1]"},
	)
	tests := []struct{ host, method, target, want string }{
		{"a.com", "GET", "/p/q", "a =/p/q"},
		{"a.com", "POST", "/p/q", "a =/p/q POST"},
		{"a.com", "POST", "/p/q?k", "a =/p/q POST k"},
		{"a.com", "POST", "/p/q?j=k", "a =/p/q POST"},
		{"a.com", "GET", "/p/q/", "a =/p/q/"},
		{"a.com", "GET", "/p/q/z", "a /p/q"},
		{"a.com", "GET", "/p/qz", "a /p/"},
		{"a.com", "GET", "/p/", "a /p/"},
		{"a.com", "GET", "/p", "a /p"},
		{"a.com", "GET", "/px", "a any"},
		{"a.com", "GET", "//p///q", "a =/p/q"},
		{"a.com", "GET", "/r1", "a regex 1"},
		{"a.com", "GET", "//r1", "a regex 1"},
		{"a.com", "GET", "/rx", "a regex 2"},
		{"a.com", "GET", "/x", "a any"}, // a host that matches hides any host
		{"A.Com.:8080", "GET", "/p", "a /p"},
		{"a.com..", "GET", "/p", "any"},
		{"b.a.com", "POST", "/w/1", "b POST"},
		{"b.a.com", "GET", "/w/1", "*.a.com"}, // conditions fail: a less specific host
		{"b.a.com", "GET", "/v", "*.com"},
		{"c.b.a.com", "GET", "/w", "*.a.com"},
		{"xa.com", "GET", "/w", "*.com"},
		{".com", "GET", "/w", "any"}, // a wildcard stands for at least one character
		{"com", "GET", "/w", "any"},
		{"[2001:DB8::1]:443", "GET", "/", "v6"},
		{"[2001:db8::1]", "GET", "/", "v6"},
		{"", "GET", "/x", "any /x"},
		{"other", "GET", "/y", "any"},
		{"d.com", "GET", "/r", "d regex"}, // the prefix "/" is no more specific than no path
		{"d.com", "GET", "/x", "d prefix GET"},
		{"d.com", "PUT", "/", "d prefix"},
		{strings.Repeat("a", 5000), "GET", "/y", "any"},
		{strings.Repeat("a.", 2000) + "com", "GET", "/x", "any /x"},
	}
	for _, tt := range tests {
		path, query, _ := strings.Cut(tt.target, "?")
		r := &Request{Host: []byte(tt.host), Method: []byte(tt.method), Path: []byte(path), Query: []byte(query)}
		got := "none"
		if m := table.Match(r); m != nil {
			got = m.Name
		}
		if got != tt.want {
			t.Errorf("%s %.40q %s: %s, want %s", tt.method, tt.host, tt.target, got, tt.want)
		}
	}
}

func TestMatchNone(t *testing.T) {
	table := mustCompile(t, &configs.Route{Host: "a.com", Prefix: "/p"}, &configs.Route{Host: "*.a.com", Regex: "/r"})
	for _, r := range []*Request{
		{Host: []byte("a.com"), Path: []byte("/")},
		{Host: []byte("x.a.com"), Path: []byte("/rr")},
		{Host: []byte("b.com"), Path: []byte("/p")},
		{Path: []byte("/p")},
		{},
	} {
		if m := table.Match(r); m != nil {
			t.Errorf("%q %q: %s", r.Host, r.Path, m.Name)
		}
	}
}

func TestConditions(t *testing.T) {
	tests := []struct {
		name    string
		headers map[string]string
		query   map[string]string
		fields  fields
		given   string
		want    bool
	}{
		{name: "exact field", headers: map[string]string{"X-A": "1"}, fields: fields{"x-a": "1"}, want: true},
		{name: "exact field differs", headers: map[string]string{"X-A": "1"}, fields: fields{"x-a": "11"}},
		{name: "field absent", headers: map[string]string{"X-A": "*"}, fields: fields{}},
		{name: "no fields at all", headers: map[string]string{"X-A": "*"}},
		{name: "field present, empty", headers: map[string]string{"X-A": "*"}, fields: fields{"x-a": ""}, want: true},
		{name: "regex takes the whole value", headers: map[string]string{"X-A": "~a|b"}, fields: fields{"x-a": "b"}, want: true},
		{name: "regex takes a part", headers: map[string]string{"X-A": "~a|b"}, fields: fields{"x-a": "bc"}},
		{name: "query value", query: map[string]string{"k": "v w"}, given: "k=v+w", want: true},
		{name: "query value escaped", query: map[string]string{"k": "v w"}, given: "%6B=v%20w", want: true},
		{name: "second of the name", query: map[string]string{"k": "2"}, given: "k=1&k=2", want: true},
		{name: "present without a value", query: map[string]string{"k": "*"}, given: "k", want: true},
		{name: "value with an equals sign", query: map[string]string{"k": "a=b"}, given: "k=a=b", want: true},
		{name: "malformed escape means itself", query: map[string]string{"k": "%2"}, given: "k=%2", want: true},
		{name: "name within a name", query: map[string]string{"k": "*"}, given: "kk=1&xk=2"},
		{name: "no query", query: map[string]string{"k": "*"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := mustCompile(t, &configs.Route{Headers: tt.headers, Query: tt.query})
			r := &Request{Path: []byte("/"), Query: []byte(tt.given)}
			if tt.fields != nil {
				r.Fields = tt.fields
			}
			if got := table.Match(r) != nil; got != tt.want {
				t.Errorf("match %v, want %v", got, tt.want)
			}
		})
	}
}
