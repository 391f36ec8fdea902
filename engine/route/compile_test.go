package route

import (
	"strings"
	"testing"
	"time"

	"weir/configs"
)

func TestCompileRefuses(t *testing.T) {
	header := func(set, add map[string]string, remove ...string) configs.Route {
		return configs.Route{RequestHeaders: configs.HeaderRules{Set: set, Add: add, Remove: remove}}
	}
	redirect := func(regex, to string) configs.Route { return configs.Route{Regex: regex, Redirect: redirectTo(to)} }
	tests := []struct {
		name  string
		route configs.Route
		want  string
	}{
		{"host with a port", configs.Route{Host: "a.com:80"}, "host"},
		{"star inside a host", configs.Route{Host: "a.*.com"}, "host"},
		{"bare wildcard dot", configs.Route{Host: "*."}, "host"},
		{"host with a path", configs.Route{Host: "a.com/x"}, "host"},
		{"long host", configs.Route{Host: strings.Repeat("a", 256)}, "host"},
		{"two path matches", configs.Route{Path: "/a", Prefix: "/b"}, "one of path"},
		{"relative path", configs.Route{Path: "a"}, `begin with "/"`},
		{"path climbs", configs.Route{Prefix: "/../a"}, "above the root"},
		{"path with a query", configs.Route{Path: "/a?b"}, "cannot be a path"},
		{"bad regex", configs.Route{Regex: "/("}, "missing closing"},
		{"regex that leaves its anchors", configs.Route{Regex: "/a)|(?:/b"}, "unexpected )"},
		{"bad method", configs.Route{Methods: []string{"GE T"}}, "not a method"},
		{"bad condition name", configs.Route{Headers: map[string]string{"a b": "*"}}, "not a field name"},
		{"bad condition regex", configs.Route{Query: map[string]string{"a": "~("}}, "query a"},
		{"bad field regex", configs.Route{Headers: map[string]string{"a": "~("}}, "header a"},
		{"no such cluster", configs.Route{Cluster: "nope"}, `no cluster "nope"`},
		{"two actions", configs.Route{Cluster: "c", Respond: &configs.Respond{Status: 200}}, "one of cluster"},
		{"status of a redirect", configs.Route{Redirect: &configs.Redirect{Status: 200, To: "/"}}, "redirect.status"},
		{"status of a respond", configs.Route{Respond: &configs.Respond{Status: 101}}, "respond.status"},
		{"type of a respond", configs.Route{Respond: &configs.Respond{Status: 200, Type: "a\r\nb"}}, "respond.type"},
		{"empty redirect", redirect("", ""), "empty"},
		{"redirect to a host of nobody's", redirect("", "//evil"), "must begin"},
		{"redirect that browsers mend", redirect("", "/\\evil"), "must begin"},
		{"redirect with half a scheme", redirect("/(.*)", "https:/$1"), "must begin"},
		{"redirect from a query", redirect("", "{query}"), "must begin"},
		{"redirect from a scheme alone", redirect("", "{scheme}:{path}"), "must begin"},
		{"redirect with an unknown group", redirect("/(.*)", "/$2"), "names no group"},
		{"redirect with an open group", redirect("/(.*)", "/${"), "names no group"},
		{"redirect with text behind a number", redirect("/(.*)", "/$1x"), "names no group"},
		{"redirect with a nameless group", redirect("/(.*)", "/${}"), "names no group"},
		{"redirect with a line break", redirect("", "/a\nb"), "control"},
		{"redirect with an unknown variable", redirect("", "/{nope}"), "nope"},
		{"relative rewrite", configs.Route{Prefix: "/a", Rewrite: "b"}, `begin with "/"`},
		{"rewrite with a query", configs.Route{Prefix: "/a", Rewrite: "/b?c"}, "cannot be a path"},
		{"relative regex rewrite", configs.Route{Regex: "/(.*)", Rewrite: "x$1"}, `begin with "/"`},
		{"regex rewrite with half an escape", configs.Route{Regex: "/(.*)", Rewrite: "/%4$1"}, "part of a path"},
		{"regex rewrite with dots", configs.Route{Regex: "/(.*)", Rewrite: "/a/./$1"}, "part of a path"},
		{"regex rewrite with an unknown name", configs.Route{Regex: "/(.*)", Rewrite: "/$1_"}, "names no group"},
		{"rewrite with a nameless group", configs.Route{Regex: "/(.*)", Rewrite: "/${}"}, "names no group"},
		{"rewrite with an unknown group", configs.Route{Regex: "/(.*)", Rewrite: "/${nope}"}, "names no group"},
		{"rewrite with an open group", configs.Route{Regex: "/(.*)", Rewrite: "/${1"}, "names no group"},
		{"field that frames", header(map[string]string{"Content-Length": "1"}, nil), "belongs to weir"},
		{"field that frames, added", header(nil, map[string]string{"transfer-encoding": "chunked"}), "belongs to weir"},
		{"field that frames, removed", header(nil, nil, "Connection"), "belongs to weir"},
		{"field name", header(map[string]string{"a:b": "1"}, nil), "not a field name"},
		{"field name with a line break", header(nil, nil, "a\r\n"), "not a field name"},
		{"field value with a line break", header(map[string]string{"a": "1\r\nb: 2"}, nil), "control"},
		{"field twice", header(map[string]string{"X-a": "1", "x-A": "2"}, nil), "twice"},
		{"host added", header(nil, map[string]string{"host": "x"}), "use set"},
		{"host removed", header(nil, nil, "Host"), "needs its Host"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.route.Name = "the name"
			_, err := Compile(toCluster([]*configs.Route{&tt.route}), map[string]int{"c": 0}, nil)
			if err == nil {
				t.Fatal("compiled")
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "the name") {
				t.Errorf("%v; want %q and the name", err, tt.want)
			}
		})
	}
}

func TestCompileRefusesErrorPages(t *testing.T) {
	for key, body := range map[string]string{"x": "", "200": "", "600": "", "404": "{statu}"} {
		if _, err := Compile(nil, nil, map[string]*configs.ErrorPage{key: {Body: body}}); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("errors.%s: %v", key, err)
		}
	}
}

func TestCompiledRoute(t *testing.T) {
	table, err := Compile([]*configs.Route{
		{Host: "a.com", Prefix: "/x/", Cluster: "two", Timeouts: configs.RouteTimeouts{
			Response: configs.Duration(time.Second), ResponseIdle: configs.Duration(2 * time.Second), TunnelIdle: configs.Duration(time.Hour)}},
		{Path: "/y", Respond: &configs.Respond{Status: 418, Body: "{host}", Type: "text/plain"}},
		{Regex: "/z+", Cluster: "one"},
	}, map[string]int{"one": 0, "two": 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := table.Routes()[0], table.Routes()[1], table.Routes()[2]
	if a.Name != "a.com/x/*" || a.Action != ActionCluster || a.Cluster != 1 || a.ClusterName != "two" ||
		a.ResponseTimeout != 1e9 || a.ResponseIdle != 2e9 || a.TunnelIdle != 3600e9 || a.Index != 0 {
		t.Errorf("%+v", a)
	}
	if b.Name != "*/y" || b.Action.String() != "respond" || b.Status != 418 || string(b.Body) != "{host}" || b.ContentType != "text/plain" || b.Index != 1 {
		t.Errorf("%+v", b)
	}
	if c.Name != "* ~/z+" || c.Cluster != 0 {
		t.Errorf("%+v", c)
	}
}
