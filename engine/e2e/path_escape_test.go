package e2e

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

// No spelling of a guarded path reaches the endpoint by way of another route: what
// the endpoint may understand as /admin is answered by the guard, or refused.
func TestGuardedRouteCannotBeEscapedBySpelling(t *testing.T) {
	backend, heads := heard(t)
	w := start(t, oneCluster(backend)+"[[routes]]\nprefix = \"/admin\"\nrespond = { status = 403, body = \"guarded\" }\n")
	for _, spelling := range []string{
		"/admin", "/admin/", "/admin/x", "/%61dmin", "/adm%69n/x", "/%61%64%6d%69%6e", "/./admin", "/x/../admin", "/x/%2e%2e/admin",
		"/x/.%2E/admin", "/x/%2e./admin/y", "/.//../admin", "//admin", "/x/..//admin", "/%2fadmin", "/x%2f..%2fadmin", "/x/..%2fadmin",
		"/..;/admin", "/x/..;a=b/admin", "/x;/../admin", "/\\admin", "/x\\..\\admin", "/%5cadmin", "/x/..%5cadmin", "/%2561dmin",
		"/admin%00", "/%c0%afadmin", "/%e0%80%afadmin", "/admin;x", "/admin;/x", "/ADMIN", "/admin%2f", "/admin%20", "/admin.", "/x/%252e%252e/admin",
	} {
		for _, form := range []string{spelling, "http://a" + spelling} {
			got := w.raw("GET " + form + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 200 ") {
				if !strings.HasPrefix(got, "HTTP/1.1 403 ") && !strings.HasPrefix(got, "HTTP/1.1 400 ") {
					t.Errorf("%s: %.60q", form, got)
				}
				continue
			}
			target := strings.Fields(receive(t, heads))[1]
			if seen := understood(target); seen == "/admin" || strings.HasPrefix(seen, "/admin/") {
				t.Errorf("%s reached the endpoint as %s, which is %s", form, target, seen)
			}
		}
	}
}

// understood is what an endpoint makes of a path that decodes it once, joins
// slashes and resolves dots.
func understood(target string) string {
	decoded, err := url.PathUnescape(target)
	if err != nil {
		decoded = target
	}
	return path.Clean(strings.ReplaceAll(decoded, "\\", "/"))
}
