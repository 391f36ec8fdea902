package route

import (
	"testing"

	"weir/configs"
)

func TestAppendPath(t *testing.T) {
	tests := []struct {
		name  string
		route configs.Route
		in    string
		want  string
		fails bool
	}{
		{"none", configs.Route{Prefix: "/a"}, "/a//b", "/a//b", false},
		{"prefix to the root", configs.Route{Prefix: "/chat/", Rewrite: "/"}, "/chat/x", "/x", false},
		{"prefix to the root, nothing behind", configs.Route{Prefix: "/chat/", Rewrite: "/"}, "/chat/", "/", false},
		{"prefix without slash to the root", configs.Route{Prefix: "/api", Rewrite: "/"}, "/api/x", "/x", false},
		{"prefix without slash to the root, alone", configs.Route{Prefix: "/api", Rewrite: "/"}, "/api", "/", false},
		{"prefix to prefix", configs.Route{Prefix: "/api", Rewrite: "/v1"}, "/api/x", "/v1/x", false},
		{"prefix to prefix, alone", configs.Route{Prefix: "/api", Rewrite: "/v1"}, "/api", "/v1", false},
		{"prefix to prefix, slash", configs.Route{Prefix: "/api", Rewrite: "/v1"}, "/api/", "/v1/", false},
		{"prefix to prefix with slash", configs.Route{Prefix: "/api", Rewrite: "/v1/"}, "/api/x", "/v1/x", false},
		{"slash prefix to prefix", configs.Route{Prefix: "/api/", Rewrite: "/v1"}, "/api/x", "/v1/x", false},
		{"root prefix", configs.Route{Prefix: "/", Rewrite: "/v1"}, "/x", "/v1/x", false},
		{"root prefix, root", configs.Route{Prefix: "/", Rewrite: "/v1"}, "/", "/v1/", false},
		{"no path match", configs.Route{Rewrite: "/v1/"}, "/x", "/v1/x", false},
		{"doubled slashes at the border", configs.Route{Prefix: "/a/b", Rewrite: "/"}, "//a//b//evil.example//x", "/evil.example//x", false},
		{"escapes in the matched part", configs.Route{Prefix: "/@a", Rewrite: "/b"}, "/%40a/%40c", "/b/%40c", false},
		{"exact", configs.Route{Path: "/a", Rewrite: "/b/c"}, "//a", "/b/c", false},
		{"literal is put in normal form", configs.Route{Path: "/a", Rewrite: "/%7eb/./c"}, "/a", "/~b/c", false},
		{"dollar is text without a regex", configs.Route{Path: "/a", Rewrite: "/$1"}, "/a", "/$1", false},
		{"group", configs.Route{Regex: "/u/([0-9]+)/(.*)", Rewrite: "/$2/of/${1}"}, "/u/7/a/b", "/a/b/of/7", false},
		{"named group, digits behind", configs.Route{Regex: "/(?P<id>[0-9]+)", Rewrite: "/v${id}0$$"}, "/7", "/v70$", false},
		{"bare name, whole path, loose dollar", configs.Route{Regex: "/(?P<id>[0-9]+)", Rewrite: "/$id-$$/$/$0"}, "/7", "/7-$/$//7", false},
		{"text of a template is put in normal form", configs.Route{Regex: "/(.*)", Rewrite: "/%7ea%2f/$1"}, "/7", "/~a%2F/7", false},
		{"group that took no part", configs.Route{Regex: "/a(/b)?", Rewrite: "/x$1"}, "/a", "/x", false},
		{"group keeps its spelling", configs.Route{Regex: "/@/(.*)/z", Rewrite: "/$1"}, "/%40//a%40%3Bb/%20/z", "/a%40%3Bb/%20", false},
		{"groups make a dot segment", configs.Route{Regex: "/(.*)-(.*)", Rewrite: "/$1$2"}, "/.-.", "", true},
		{"group next to text makes a dot segment", configs.Route{Regex: "/a(.*)", Rewrite: "/b/.$1"}, "/a.", "", true},
		{"group makes a parameter trick", configs.Route{Regex: "/a(.*)", Rewrite: "/b/.$1"}, "/a.;x", "", true},
		{"group does not begin with a slash", configs.Route{Regex: "/(.*)", Rewrite: "$1"}, "/x", "", true},
		{"group is empty", configs.Route{Regex: "/(.*)", Rewrite: "$1"}, "/", "", true},
		{"groups cut an escape", configs.Route{Regex: "/(.*)F(.*)", Rewrite: "/$1$2"}, "/%2F", "", true},
		{"groups spell a slash", configs.Route{Regex: "/(.)(.)(.)", Rewrite: "/$1$3$2"}, "/%F2", "", true},
		{"groups spell an unreserved escape", configs.Route{Regex: "/(.)(.)(.)", Rewrite: "/$1$3$2"}, "/%E2", "", true},
		{"kept slash passes", configs.Route{Regex: "/a/(.*)", Rewrite: "/$1"}, "/a/b%2Fc", "/b%2Fc", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := mustCompile(t, &tt.route)
			r := table.Match(&Request{Path: []byte(tt.in)})
			if r == nil {
				t.Fatal("no match")
			}
			out, ok := r.AppendPath([]byte("kept"), []byte(tt.in))
			if ok == tt.fails || (ok && string(out) != "kept"+tt.want) || r.HasRewrite != (tt.route.Rewrite != "") {
				t.Errorf("%q, %v; want %q", out, ok, tt.want)
			}
		})
	}
}

// FuzzAppendPath: whatever is forwarded is in canonical form.
func FuzzAppendPath(f *testing.F) {
	table := mustCompile(f,
		&configs.Route{Regex: "/a(.*)/(.*)", Rewrite: "/x$2.$1"},
		&configs.Route{Regex: "/b(.*)(.)(.)(.)", Rewrite: "/$4$3$2$1"},
		&configs.Route{Regex: "/c(.*)", Rewrite: "$1"},
		&configs.Route{Prefix: "/d/@", Rewrite: "/.x/y"},
		&configs.Route{Prefix: "/d/", Rewrite: "/"},
	)
	for _, s := range []string{"/a./.", "/bE2%", "/c/x", "//d//%40//y", "/d/../d/x", "/a%2f/.."} {
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, keep bool) {
		path, _, code := Canonicalize(nil, in, keep)
		if code != PathOK {
			return
		}
		r := table.Match(&Request{Path: path})
		if r == nil {
			return
		}
		out, ok := r.AppendPath(nil, path)
		if !ok {
			return
		}
		if _, changed, code := Canonicalize(nil, out, keep); changed || code != PathOK {
			t.Fatalf("%q by route %d: %q is not canonical: %v", path, r.Index, out, code)
		}
	})
}
