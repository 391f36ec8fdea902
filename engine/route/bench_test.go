package route

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"weir/configs"
)

// manyRoutes makes n routes of one shape, and a request for each of them in random
// order, so that caches are as cold as a table of that size makes them.
func manyRoutes(b testing.TB, shape string, n int) (*Table, []*Request) {
	routes := make([]*configs.Route, n)
	requests := make([]*Request, n)
	for i := range n {
		c := &configs.Route{Cluster: "c"}
		var host, path string
		switch kind := i % 3; {
		case shape == "hosts" || shape == "mixed" && kind == 0:
			host, path = fmt.Sprintf("service-%d.example.com", i), "/v1/users/42"
			c.Host = host
		case shape == "prefixes" || shape == "mixed" && kind == 1:
			host, path = "example.com", fmt.Sprintf("/team-%d/service-%d/users/42", i/100, i)
			c.Host, c.Prefix = host, fmt.Sprintf("/team-%d/service-%d", i/100, i)
		default:
			host, path = fmt.Sprintf("a.b.tenant-%d.example.org", i), "/v1/users/42"
			c.Host, c.Prefix = fmt.Sprintf("*.tenant-%d.example.org", i), "/v1/"
		}
		routes[i] = c
		requests[i] = &Request{Host: []byte(host), Path: []byte(path), Method: []byte("GET")}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
	return mustCompile(b, routes...), requests
}

func BenchmarkMatch(b *testing.B) {
	for _, shape := range []string{"hosts", "prefixes", "wildcards", "mixed"} {
		for _, n := range []int{10, 1000, 10000} {
			b.Run(fmt.Sprintf("%s/%d", shape, n), func(b *testing.B) {
				table, requests := manyRoutes(b, shape, n)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if table.Match(requests[i%len(requests)]) == nil {
						b.Fatal("no match")
					}
				}
			})
		}
	}
}

func BenchmarkCanonicalize(b *testing.B) {
	buf := make([]byte, 0, 512)
	for name, p := range map[string]string{
		"plain":   "/api/v1/users/42/messages/latest",
		"escapes": "/api/v1/%7eusers/caf%c3%a9/../x/./messages",
	} {
		b.Run(name, func(b *testing.B) {
			in := []byte(p)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, code := Canonicalize(buf, in, false); code != PathOK {
					b.Fatal(code)
				}
			}
		})
	}
}

// oneField is a FieldSource that answers every name with itself.
type oneField []byte

func (f oneField) Field(string) ([]byte, bool) { return f, true }

// The hot path does not allocate once the buffers have grown.
func TestNoAllocations(t *testing.T) {
	table := mustCompile(t,
		&configs.Route{Host: "a.com", Path: "/x", Headers: map[string]string{"X-A": "~[0-9]+"}, Query: map[string]string{"q r": "~v.*"}},
		&configs.Route{Host: "*.a.com", Regex: `/r@/[a-z]+`},
		&configs.Route{Prefix: "/p", Rewrite: "/new", RequestHeaders: configs.HeaderRules{
			Set: map[string]string{"X-Path": "{uri}"}, Remove: []string{"Cookie"}}},
		&configs.Route{Path: "/go", Redirect: redirectTo("https://{host}{uri}")},
	)
	v := &Vars{Host: []byte("a.com"), Path: []byte("/p//x"), Query: []byte("q"), HasQuery: true}
	raw := []byte("/%70//a/../x")
	dst, out := make([]byte, 0, 512), make([]byte, 0, 512)
	prefix, redirect := table.Routes()[2], table.Routes()[3]
	var given FieldSource = oneField("12")
	r := &Request{Fields: given}
	match := func(host, path, query string, want int) func() {
		h, p, q := []byte(host), []byte(path), []byte(query)
		return func() {
			r.Host, r.Path, r.Query = h, p, q
			if m := table.Match(r); m == nil || m.Index != want {
				t.Errorf("%s%s: %v, want %d", host, path, m, want)
			}
		}
	}
	for name, run := range map[string]func(){
		"conditions":    match("A.com:80", "/x", "a=b&q+r=v%20w", 0),
		"regex":         match("b.A.com", "//r%40//x", "", 1),
		"prefix":        match("z", "//p//x", "", 2),
		"canonicalize":  func() { Canonicalize(dst, raw, true) },
		"append path":   func() { prefix.AppendPath(out, v.Path) },
		"append fields": func() { prefix.RequestHeaders.Append(out, v) },
		"drops":         func() { prefix.RequestHeaders.Drops(raw) },
		"location":      func() { redirect.AppendLocation(out, v, v.Path) },
	} {
		run()
		if n := testing.AllocsPerRun(200, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
