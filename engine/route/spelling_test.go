package route

import (
	"strings"
	"testing"

	"weir/configs"
)

// Spellings that some endpoint would read as a path under /admin on admin.example.com.
// None may reach the open route: each is refused, or is guarded.
func TestNoSpellingEscapesAGuardedRoute(t *testing.T) {
	paths := []string{
		"/admin", "/admin/", "/admin/x", "/admin//", "/admin/.", "/admin/./x", "/admin/x/..",
		"//admin", "///admin/x", "/./admin", "/.//admin", "/././admin", "/x/../admin", "/x//../../admin/y",
		"/x/./../admin", "/x/y/../../admin", "/../admin", "/..//admin", "/x/../../admin",
		"/%61dmin", "/%61%64%6d%69%6e", "/%61%64%6D%69%6E/", "/a%64min/x", "/admi%6e", "/%2561/../admin",
		"/%2e/admin", "/%2E/admin", "/x/%2e%2e/admin", "/x/%2E./admin", "/x/.%2e/admin", "/%2e%2e/admin",
		"%2Fadmin", "/%2Fadmin", "/%2fadmin", "/%2f%2fadmin", "/admin%2F", "/admin%2fx", "/x%2f..%2fadmin",
		"/x%2F../admin", "/x/..%2Fadmin", "/x/..%2fadmin/y", "/.%2Fadmin", "/x%5C..%5Cadmin", "/x/..%5cadmin",
		"/%5cadmin", "\\admin", "/\\admin", "/x\\..\\admin", "/x/..\\admin", "/admin\\x",
		"/.;/admin", "/;x/../admin", "/x/..;/admin", "/x/..;a=b/admin", "/x/..%3b/admin", "/x/%2e%2e;/admin", "/..;/admin", "/.;x=y/admin",
		"/%00/../admin", "/admin%00", "/admin%00.png", "/x/..%00/admin", "/%0a/../admin", "/admin%0d%0a", "/\x00admin",
		"/admin#x", "/admin?x", "/x/../admin#", "/ad%6din/%zz", "/admin%", "/admin%2", "/admin%u002f", "/%u0061dmin",
		"/x/%c0%ae%c0%ae/admin", "/x/%C0%AE./admin", "/x%c0%afadmin", "/%e0%80%afadmin", "/%f0%80%80%afadmin", "/x/\xc0\xae\xc0\xae/admin",
		"http://admin.example.com/admin", "admin", "",
	}
	hosts := []string{
		"admin.example.com", "ADMIN.example.COM", "admin.example.com.", "admin.example.com:80",
		"admin.example.com.:80", "Admin.Example.Com:", "x.admin.example.com",
	}
	table := mustCompile(t,
		&configs.Route{Name: "open", Prefix: "/"},
		&configs.Route{Name: "open host", Host: "admin.example.com", Prefix: "/"},
		&configs.Route{Name: "open regex", Host: "admin.example.com", Regex: ".*"},
		&configs.Route{Name: "guarded", Host: "admin.example.com", Prefix: "/admin"},
		&configs.Route{Name: "guarded below", Host: "*.admin.example.com", Prefix: "/admin/"},
		&configs.Route{Name: "guarded below", Host: "*.admin.example.com", Path: "/admin"},
	)
	// With kept slashes these name other paths, which is what the operator asked for.
	harmless := map[string]bool{
		"":             true, // becomes "/"
		"/%2Fadmin":    true,
		"/%2fadmin":    true,
		"/%5cadmin":    true,
		"/admin%2F":    true,
		"/admin%2fx":   true,
		"/%2f%2fadmin": true,
	}
	for _, keep := range []bool{false, true} {
		for _, p := range paths {
			out, _, code := Canonicalize(nil, []byte(p), keep)
			if code != PathOK || (harmless[p] && (keep || p == "")) {
				continue
			}
			for _, h := range hosts {
				m := table.Match(&Request{Host: []byte(h), Path: out})
				if m == nil || !strings.HasPrefix(m.Name, "guarded") {
					t.Errorf("%q on %s, keep %v: forwarded as %q by %v", p, h, keep, out, m.Name)
				}
			}
		}
	}
}

// A character a segment may hold unescaped is the same route escaped.
func TestEscapedReservedCharactersMatch(t *testing.T) {
	table := mustCompile(t,
		&configs.Route{Name: "open"},
		&configs.Route{Name: "guarded", Prefix: "/@admin;v=1"},
		&configs.Route{Name: "guarded", Path: "/a%7Cb"},
		&configs.Route{Name: "guarded", Path: "/%C3%a9"},
		&configs.Route{Name: "guarded", Regex: `/r@[0-9]`},
	)
	for _, p := range []string{"/@admin;v=1", "/%40admin%3Bv%3d1/x", "/%40%61dmin;v=1", "/a|b", "/a%7cb", "/\u00e9", "/%c3%A9", "/r%401", "//r@1"} {
		out, _, code := Canonicalize(nil, []byte(p), false)
		if m := table.Match(&Request{Path: out}); code != PathOK || m.Name != "guarded" {
			t.Errorf("%q: %v, %v", p, code, m.Name)
		}
	}
}

// %2F is never a "/" to a route, even when it is let through.
func TestKeptSlashNeverMatchesASlash(t *testing.T) {
	table := mustCompile(t,
		&configs.Route{Name: "open"},
		&configs.Route{Name: "a/b", Prefix: "/a/b"},
		&configs.Route{Name: "a", Prefix: "/a"},
		&configs.Route{Name: "escaped", Prefix: "/e%2ff"},
	)
	for p, want := range map[string]string{"/a%2Fb": "open", "/a/x%2fy": "a", "/a/b%5C": "a", "/e%2Ff/x": "escaped", "/e/f": "open"} {
		out, _, code := Canonicalize(nil, []byte(p), true)
		if m := table.Match(&Request{Path: out}); code != PathOK || m.Name != want {
			t.Errorf("%q: %v, %v; want %v", p, code, m.Name, want)
		}
	}
}
