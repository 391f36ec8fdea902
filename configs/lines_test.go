package configs

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestScanLines(t *testing.T) {
	tests := []struct {
		name, in string
		want     string // path=line
	}{
		{"empty", "", ""},
		{"pair", "\n\na = 1", "a=3"},
		{"byte order mark", "\ufeffa = 1", "a=1"},
		{"CRLF", "# x\r\na = 1\r\n\r\nb = 2\r\n", "a=2 b=4"},
		{"table", "[a]\n\n[a.b]\nc = 1", "a=1 a.b=3 a.b.c=4"},
		{"implied table gets the line of its own header", "[a.b]\n[a]\nc = 1", "a=2 a.b=1 a.c=3"},
		{"array of tables", "[[r]]\nx = 1\n[[r]]\nx = 2", "r=1 r[0]=1 r[0].x=2 r[1]=3 r[1].x=4"},
		{"table in the newest element", "[[r]]\n[r.t]\nx=1\n[[r]]\n[r.t]\nx=1",
			"r=1 r[0]=1 r[0].t=2 r[0].t.x=3 r[1]=4 r[1].t=5 r[1].t.x=6"},
		{"array in array", "[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[[a.b]]",
			"a=1 a[0]=1 a[0].b=2 a[0].b[0]=2 a[0].b[1]=3 a[1]=4 a[1].b=5 a[1].b[0]=5"},
		{"dotted and quoted", "a . \"b.c\" . 'd\\e' = 1\n", `a=1 a."b.c"=1 a."b.c"."d\\e"=1`},
		{"escapes in a key", `"\u0061\x62\t" = 1`, `"ab\t"=1`},
		{"empty key", `"" = 1`, `""=1`},
		{"inline table", "a = { b = 1, c = { d = [ {e=1} ] } }\nz = 1",
			"a=1 a.b=1 a.c=1 a.c.d=1 a.c.d[0]=1 a.c.d[0].e=1 z=2"},
		{"inline table over lines", "a = { # x }\n b = 1,\n c.d = 2,\n}\nz=1", "a=1 a.b=2 a.c=3 a.c.d=3 z=5"},
		{"array over lines", "a = [\n 1, # ]\n [ 2,\n 3 ],\n]\nz = 1", "a=1 a[0]=2 a[1]=3 a[1][0]=3 a[1][1]=4 z=6"},
		{"strings with syntax in them", "a = \"] # \\\" = {\"\nb = '# \\'\nc = 1", "a=1 b=2 c=3"},
		{"multi-line", "a = \"\"\"\nx = 1 \"\" \\\"\"\"\n\"\"\"\"\"\nb = '''\n\\'''\nc = 1", "a=1 b=4 c=6"},
		{"dates", "a = 1979-05-27 07:32:00 # x\nb = [ 1979-05-27, 1 ]", "a=1 b=2 b[0]=2 b[1]=2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			index := scanLines(tt.in)
			var got []string
			for p, n := range index.lines {
				got = append(got, fmt.Sprintf("%s=%d", p, n))
			}
			slices.Sort(got)
			want := strings.Fields(tt.want)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if diff := disagreement(tt.in); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScanLinesBoundsNesting(t *testing.T) {
	for _, in := range []string{
		"a = " + strings.Repeat("[", 1_000_000),
		strings.Repeat("a = {", 1000),
		"a" + strings.Repeat(".a", 1_000_000) + " = 1",
		"[a" + strings.Repeat(".a", 1000) + "]",
		"a" + strings.Repeat(".a", 20) + " = {" + "b" + strings.Repeat(".b", 20) + " = 1}",
	} {
		_, err := Parse("deep.toml", []byte("x = 1\n"+in))
		if err == nil || err.Error() != "deep.toml:2: nested more than 32 deep" {
			t.Errorf("%.20s: %.100v", in, err)
		}
	}
}

func TestKeyPath(t *testing.T) {
	p := pathOf("routes").elem(3).child("a.b\x00c").child("x")
	if got := p.String(); got != `routes[3]."a.b\x00c".x` {
		t.Errorf("String = %s", got)
	}
	if got := p.last(); got != "x" {
		t.Errorf("last = %s", got)
	}
	if got := p.parent().parent().parent(); got != pathOf("routes") {
		t.Errorf("parent = %s", got)
	}
	if keyPath("").parent() != "" || keyPath("").String() != "" {
		t.Error("the whole file is not its own parent")
	}
}

// disagreement says how the scanner and toml differ in the keys of text, or ""
// when they do not or toml refuses it.
func disagreement(text string) string {
	index := scanLines(text)
	if index.tooDeep > 0 {
		return ""
	}
	tree, problem := parseTree(text, index)
	if problem != nil {
		return ""
	}
	want := map[keyPath]bool{}
	treePaths("", tree, want)
	var diff []string
	for p := range want {
		if index.lines[p] < 1 || index.lines[p] > 1+strings.Count(text, "\n") {
			diff = append(diff, fmt.Sprintf("%s has line %d", p, index.lines[p]))
		}
	}
	for p := range maps.Keys(index.lines) {
		if !want[p] {
			diff = append(diff, fmt.Sprintf("%s is not in toml's tree", p))
		}
	}
	slices.Sort(diff)
	return strings.Join(diff, "\n")
}

func treePaths(p keyPath, v any, out map[keyPath]bool) {
	if p != "" {
		out[p] = true
	}
	if table, ok := v.(map[string]any); ok {
		for k, e := range table {
			treePaths(p.child(k), e, out)
		}
	}
	if list, ok := asList(v); ok {
		for i, e := range list {
			treePaths(p.elem(i), e, out)
		}
	}
}

// seeds adds the example and test files, and the table above, to a fuzz target.
func seeds(f *testing.F) {
	for _, pattern := range []string{"examples/*.toml", "testdata/bad/*.toml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds in %s", pattern)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Add("a = { # x }\n b = 1,\n c.d = 2,\n}\nz=1")
	f.Add("a = \"\"\"\nx = 1 \"\" \\\"\"\"\n\"\"\"\"\"\nb = '''\n\\'''\nc = 1")
	f.Add("[[a]]\n[[a.b]]\n[a.b.c]\nd.e = [1, [2], {f = 1979-05-27 07:32:00}]")
	f.Add(`"\u0061" . 'b' = "\\"` + "\r\n")
}

// FuzzScanLines: the scanner never fails, and finds the keys that toml finds.
func FuzzScanLines(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		if diff := disagreement(text); diff != "" {
			t.Error(diff)
		}
	})
}

// FuzzParse: any input gives a Config or a list of problems, each of one line, in
// the order of the file. A Config passes a second Check unchanged.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := Parse("examples/fuzz.toml", []byte(text))
		if err == nil {
			if err := cfg.Check(); err != nil {
				t.Fatalf("a second Check: %v", err)
			}
			return
		}
		last := 0
		for _, p := range err.(*Errors).Problems {
			if s := p.String(); strings.ContainsAny(s, "\r\n\x00\x1b") || p.Message == "" {
				t.Errorf("not one clean line: %q", s)
			}
			if p.Line < last {
				t.Errorf("line %d after %d", p.Line, last)
			}
			last = p.Line
		}
	})
}
