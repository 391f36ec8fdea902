package certs

import (
	"crypto/tls"
	"regexp"
	"testing"
)

var hostname = regexp.MustCompile(`^(?i:[a-z0-9_]([a-z0-9_-]*)\.)*[a-z0-9_][a-z0-9_-]*$`)

// The index against the judgement of crypto/x509: a name has an entry if and only
// if a certificate is valid for it, and then all of the entry are.
func FuzzNames(f *testing.F) {
	a := newAuthority(f, "ca")
	var pairs []*tls.Certificate
	for _, names := range [][]string{
		{"a.example", "www.a.example"}, {"*.b.example", "b.example"}, {"c.b.example"}, {"*.x.b.example"}, {"a.example"}, {"*.Up.Example"}, nil,
	} {
		pairs = append(pairs, pair(f, a.issue(names)))
	}
	x := newIndex(pairs, nil, true)
	for _, seed := range []string{
		"a.example", "A.EXAMPLE:443", "www.a.example.", "x.b.example", "c.b.example", "y.x.b.example", "b.example", "up.example",
		"q.up.example", "*.b.example", ".b.example", "", ".", "..", ":", "[::1]:1", "127.0.0.1", "a..b.example", "example",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		var buf [maxName]byte
		n := string(name(&buf, host))
		if n2 := string(name(&buf, []byte(host))); n2 != n {
			t.Fatalf("%q: %q of text, %q of bytes", host, n, n2)
		}
		e := x.find([]byte(n))
		if !hostname.MatchString(n) || len(n) > maxName {
			return // crypto/x509 has rules of its own for those
		}
		any := false
		for _, p := range pairs {
			any = any || p.Leaf.VerifyHostname(n) == nil
		}
		if any != (e != nil) {
			t.Fatalf("%q: valid is %v, entry %v", n, any, e)
		}
		if e == nil {
			return
		}
		for _, p := range e.pairs {
			if err := p.Leaf.VerifyHostname(n); err != nil {
				t.Fatalf("%q selects %v: %v", n, p.Leaf.DNSNames, err)
			}
		}
	})
}
