package route

import (
	"net/url"
	"strings"
	"testing"

	"weir/configs"
)

func redirectTo(to string) *configs.Redirect { return &configs.Redirect{Status: 302, To: to} }

func TestAppendLocation(t *testing.T) {
	tests := []struct {
		name, regex, to string
		path, query     string
		host            string // default h.example
		want            string
	}{
		{name: "fixed", to: "https://new.example/x", path: "/a", want: "https://new.example/x"},
		{name: "to https", to: "https://{host}{uri}", path: "/a", query: "b=c", want: "https://h.example/a?b=c"},
		{name: "empty query", to: "{uri}", path: "/a", query: "?", want: "/a?"},
		{name: "scheme", to: "{scheme}://www.{host}:8443{path}", path: "/a", want: "http://www.h.example:8443/a"},
		{name: "query", to: "/x?was={path}&{query}", path: "//a", query: "b=c", want: "/x?was=//a&b=c"},
		{name: "doubled slash in front", to: "{path}", path: "//evil.example", want: "/evil.example"},
		{name: "doubled slash in front, uri", to: "{uri}", path: "///evil.example", query: "//x", want: "/evil.example?//x"},
		{name: "doubled slash behind a slash", to: "/{path}", path: "//evil.example", want: "/evil.example"},
		{name: "doubled slash behind a host", to: "https://{host}{path}", path: "//evil.example", want: "https://h.example//evil.example"},
		{name: "group of slashes", regex: "/go(.*)", to: "$1", path: "/go//evil.example", want: "/evil.example"},
		{name: "group with a scheme", regex: "/go/(.*)", to: "$1", path: "/go/https://evil.example", want: "/https://evil.example"},
		{name: "group behind a slash", regex: "/go/(.*)", to: "/$1", path: "/go/x", want: "/x"},
		{name: "backslash is refused before, and harmless here", to: "{path}", path: "/\\evil.example", want: "/evil.example"},
		{name: "group extends a host", regex: "/go(.*)", to: "https://good.example$1", path: "/go.evil.example/x", want: "https://good.example/.evil.example/x"},
		{name: "group hides a host", regex: "/go(.*)", to: "https://good.example$1", path: "/go@evil.example", want: "https://good.example/@evil.example"},
		{name: "group behind a host", regex: "/go(.*)", to: "https://good.example$1", path: "/go/x", want: "https://good.example/x"},
		{name: "group in a host", regex: "/u/([^/]+)(.*)", to: "https://$1.good.example$2", path: "/u/alice/x", want: "https://alice.good.example/x"},
		{name: "group leaves its host", regex: "/u/(.*)", to: "https://$1.good.example/", path: "/u/evil.example/x", want: "https://evil.example.good.example/"},
		{name: "group with user part", regex: "/u/(.*)", to: "https://$1.good.example/", path: "/u/a@evil.example:1/", want: "https://a.good.example/"},
		{name: "group in a later label", regex: "/u/(.*)", to: "https://eu.$1.good.example/", path: "/u/a/b", want: "https://eu.a.good.example/"},
		{name: "named group", regex: "/(?P<id>[0-9]+)", to: "/item/${id}?$$", path: "/42", want: "/item/42?$"},
		{name: "group that took no part", regex: "/a(/b)?", to: "/x$1", path: "/a", want: "/x"},
		{name: "dollar without a regex", to: "/$1", path: "/a", want: "/$1"},
		{name: "line break in a query", to: "/x?{query}", path: "/a", query: "b\r\nSet-Cookie: c\x00", want: "/x?bSet-Cookie: c"},
		{name: "line break in a host", to: "https://{host}/", path: "/", host: "h\r\nX: y", want: "https://hX: y/"},
		{name: "root host", to: "https://{host}{path}", path: "/a", host: "h.example.", want: "https://h.example./a"},
		{name: "no host", to: "https://{host}{path}", path: "//evil.example", host: "-", want: "https://"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := mustCompile(t, &configs.Route{Regex: tt.regex, Redirect: redirectTo(tt.to)})
			v := &Vars{Host: []byte("h.example"), Path: []byte(tt.path), Scheme: "http"}
			if tt.host != "" {
				v.Host = []byte(strings.TrimPrefix(tt.host, "-"))
			}
			if v.HasQuery = tt.query != ""; v.HasQuery {
				v.Query = []byte(strings.TrimPrefix(tt.query, "?"))
			}
			r := table.Match(&Request{Path: v.Path})
			if r == nil || r.Action != ActionRedirect || r.Status != 302 || r.Cluster != -1 {
				t.Fatalf("matched %+v", r)
			}
			if got := r.AppendLocation([]byte("kept"), v, v.Path); string(got) != "kept"+tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzAppendLocation: no path or query sends a client to another host, as a URL
// parser and as browsers (backslash is slash, slashes are skipped) see it.
func FuzzAppendLocation(f *testing.F) {
	var routes []*configs.Route
	for _, to := range []string{"$1", "/$1", "$1$2", "{path}", "/{path}", "{uri}", "https://h.example$1", "https://h.example{uri}", "https://$1.h.example/", "https://h.example/$2"} {
		routes = append(routes, &configs.Route{Regex: "(/?.?)(.*)", Redirect: redirectTo(to)})
	}
	for _, s := range []string{"//evil.example", "/\\evil", "/@evil", "/.evil.example", "/:80", "/a/b"} {
		f.Add([]byte(s), []byte("q"))
	}
	table := mustCompile(f, routes...)
	f.Fuzz(func(t *testing.T, in, query []byte) {
		path, _, code := Canonicalize(nil, in, true)
		if code != PathOK {
			return
		}
		v := &Vars{Path: path, Query: query, HasQuery: len(query) > 0}
		for _, r := range table.Routes() {
			got := string(r.AppendLocation(nil, v, path))
			if strings.ContainsFunc(got, func(c rune) bool { return c < ' ' || c == 0x7f }) {
				t.Fatalf("route %d: %q holds a control byte", r.Index, got)
			}
			seen, _, _ := strings.Cut(strings.ReplaceAll(got, "\\", "/"), "?")
			if rest, ok := strings.CutPrefix(seen, "https://"); ok {
				u, err := url.Parse("https://" + rest)
				if err == nil && u.Host != "h.example" && !strings.HasSuffix(u.Host, ".h.example") {
					t.Fatalf("route %d: %q goes to %q", r.Index, got, u.Host)
				}
			} else if !strings.HasPrefix(seen, "/") || strings.HasPrefix(seen, "//") {
				t.Fatalf("route %d: %q may go elsewhere", r.Index, got)
			}
		}
	})
}
