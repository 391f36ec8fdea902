package route

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"weir/configs"
)

// fields is a FieldSource for tests, by names in lower case.
type fields map[string]string

func (f fields) Field(name string) ([]byte, bool) {
	v, ok := f[name]
	return []byte(v), ok
}

// toCluster completes routes that lack an action.
func toCluster(routes []*configs.Route) []*configs.Route {
	for _, r := range routes {
		if r.Cluster == "" && r.Redirect == nil && r.Respond == nil {
			r.Cluster = "c"
		}
	}
	return routes
}

func mustCompile(t testing.TB, routes ...*configs.Route) *Table {
	t.Helper()
	table, err := Compile(toCluster(routes), map[string]int{"c": 0}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

var slashRun, port = regexp.MustCompile(`/+`), regexp.MustCompile(`:[0-9]*$`)

// whole matches all of s, with expressions compiled once.
func whole(expr, s string) bool {
	re, ok := compiled.Load(expr)
	if !ok {
		re, _ = compiled.LoadOrStore(expr, regexp.MustCompile(`\A(?:`+expr+`)\z`))
	}
	return re.(*regexp.Regexp).MatchString(s)
}

var compiled sync.Map

// oracleRank is the place of a route among those that take the request, smaller
// first, and false when it does not take it. It is written from the contract alone:
// one route at a time, with nothing prepared.
func oracleRank(routes []*configs.Route, i int, r *Request) (rank [6]int, ok bool) {
	c := routes[i]
	if rank[0], rank[1], ok = oracleHost(c.Host, string(r.Host)); !ok {
		return rank, false
	}
	if rank[2], rank[3], ok = oraclePath(routes, i, string(r.Path)); !ok {
		return rank, false
	}
	if len(c.Methods) > 0 {
		rank[4]--
		if !slices.Contains(c.Methods, string(r.Method)) {
			return rank, false
		}
	}
	for name, want := range c.Headers {
		rank[4]--
		v, has := r.Fields.Field(strings.ToLower(name))
		if !has || !oracleTakes(want, string(v)) {
			return rank, false
		}
	}
	query, _ := url.ParseQuery(string(r.Query))
	for name, want := range c.Query {
		rank[4]--
		if !slices.ContainsFunc(query[name], func(v string) bool { return oracleTakes(want, v) }) {
			return rank, false
		}
	}
	rank[5] = i
	return rank, true
}

func oracleHost(pattern, host string) (class, length int, ok bool) {
	if pattern == "" {
		return 2, 0, true
	}
	host = strings.TrimSuffix(strings.ToLower(port.ReplaceAllString(host, "")), ".")
	if suffix, wild := strings.CutPrefix(pattern, "*"); wild {
		return 1, -len(suffix), strings.HasSuffix(host, suffix) && len(host) > len(suffix)
	}
	return 0, 0, host == pattern
}

func oraclePath(routes []*configs.Route, i int, path string) (class, length int, ok bool) {
	c := routes[i]
	path = slashRun.ReplaceAllString(path, "/")
	path = strings.ReplaceAll(path, "%40", "@")
	prefix := slashRun.ReplaceAllString(c.Prefix, "/")
	switch {
	case c.Path != "":
		return 0, 0, path == slashRun.ReplaceAllString(c.Path, "/")
	case prefix != "" && prefix != "/":
		ok = strings.HasPrefix(path, prefix) && (strings.HasSuffix(prefix, "/") || len(path) == len(prefix) || path[len(prefix)] == '/')
		return 1, -len(prefix), ok
	case c.Regex != "":
		first := slices.IndexFunc(routes, func(o *configs.Route) bool { return o.Host == c.Host && o.Regex == c.Regex })
		return 2, first, whole(c.Regex, path)
	}
	return 3, 0, true
}

func oracleTakes(want, v string) bool {
	if expr, ok := strings.CutPrefix(want, "~"); ok {
		return whole(expr, v)
	}
	return want == "*" || want == v
}

// oracleMatch is Match in O(n): the index of the winner, or -1.
func oracleMatch(routes []*configs.Route, r *Request) int {
	best, winner := [6]int{}, -1
	for i := range routes {
		if rank, ok := oracleRank(routes, i, r); ok && (winner < 0 || slices.Compare(rank[:], best[:]) < 0) {
			best, winner = rank, i
		}
	}
	return winner
}

// Small alphabets, so that random routes and requests meet.
var (
	someHosts    = []string{"", "", "a.com", "b.a.com", "*.a.com", "*.com", "*.b.a.com", "[::1]"}
	someSegments = []string{"a", "b", "@", "%2F", "a.b", ""}
	someRegexes  = []string{`/a/.*`, `/[ab]+`, `/.*`, `/a|/b/@`, `/(a)/?`}
	someNames    = []string{"a.com", "b.a.com", "c.b.a.com", "x.com", "A.COM:80", "b.a.com.", "[::1]:8080", ".a.com", "com", ""}
)

func somePath(rng *rand.Rand) string {
	var b strings.Builder
	for range 1 + rng.IntN(4) {
		b.WriteString("/" + someSegments[rng.IntN(len(someSegments))])
	}
	return b.String()
}

func someRoute(rng *rand.Rand) *configs.Route {
	c := &configs.Route{Host: someHosts[rng.IntN(len(someHosts))]}
	switch rng.IntN(8) {
	case 0, 1:
		c.Path = somePath(rng)
	case 2, 3, 4:
		c.Prefix = somePath(rng)
	case 5, 6:
		c.Regex = someRegexes[rng.IntN(len(someRegexes))]
	}
	if rng.IntN(3) == 0 {
		c.Methods = [][]string{{"GET"}, {"POST"}, {"GET", "PUT"}}[rng.IntN(3)]
	}
	if rng.IntN(3) == 0 {
		c.Headers = map[string]string{"X-A": []string{"1", "*", "~[0-9]+"}[rng.IntN(3)]}
	}
	if rng.IntN(4) == 0 {
		c.Query = map[string]string{"q": []string{"1", "*", "~v.*"}[rng.IntN(3)]}
	}
	return c
}

func someRequest(rng *rand.Rand) *Request {
	r := &Request{
		Host:   []byte(someNames[rng.IntN(len(someNames))]),
		Method: []byte([]string{"GET", "POST", "DELETE"}[rng.IntN(3)]),
		Query:  []byte([]string{"", "q=1", "p=2&q=v%20w", "q", "q=0&%71=1", "&&=&q=v+w"}[rng.IntN(6)]),
		Fields: []fields{{}, {"x-a": "1"}, {"x-a": "12"}, {"x-a": "z"}}[rng.IntN(4)],
	}
	path := somePath(rng)
	if rng.IntN(4) == 0 {
		path = strings.ReplaceAll(path, "@", "%40")
	}
	r.Path, _, _ = Canonicalize(nil, []byte(path), true)
	return r
}

func checkAgainstOracle(t *testing.T, seed1, seed2 uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed1, seed2))
	routes := make([]*configs.Route, 1+rng.IntN(24))
	for i := range routes {
		routes[i] = someRoute(rng)
	}
	table := mustCompile(t, routes...)
	for range 50 {
		r := someRequest(rng)
		got := -1
		if m := table.Match(r); m != nil {
			got = m.Index
		}
		if want := oracleMatch(routes, r); got != want {
			t.Fatalf("%s %q %q ?%q %v: route %d, the oracle says %d of\n%s",
				r.Method, r.Host, r.Path, r.Query, r.Fields, got, want, describe(routes))
		}
	}
}

func describe(routes []*configs.Route) string {
	var b strings.Builder
	for i, c := range routes {
		fmt.Fprintf(&b, "%d: host=%q path=%q prefix=%q regex=%q %v %v %v\n", i, c.Host, c.Path, c.Prefix, c.Regex, c.Methods, c.Headers, c.Query)
	}
	return b.String()
}

func TestMatchAgainstOracle(t *testing.T) {
	for seed := range uint64(300) {
		checkAgainstOracle(t, seed, 1)
	}
}

// FuzzMatch: the table and the oracle agree on routes and requests of any seed.
func FuzzMatch(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) { checkAgainstOracle(t, a, b) })
}
