package route

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
)

func TestCanonicalize(t *testing.T) {
	tests := []struct {
		in, want string
		code     PathCode
	}{
		{"", "/", 0},
		{"/", "/", 0},
		{"/a/b", "/a/b", 0},
		{"/a//b///", "/a//b///", 0},
		{"/%7euser/%41%2D%5f", "/~user/A-_", 0},
		{"/%c3%a9%20%25", "/%C3%A9%20%25", 0},
		{"/%2541", "/%2541", 0},
		{"/%40%3a%3B", "/%40%3A%3B", 0},
		{"/%3f%23", "/%3F%23", 0},
		{"/é|^`{}\"<>[]", "/%C3%A9%7C%5E%60%7B%7D%22%3C%3E%5B%5D", 0},
		{"/.well-known/..x/...", "/.well-known/..x/...", 0},
		{"/a/./b/.", "/a/b/", 0},
		{"/a/b/..", "/a/", 0},
		{"/a/..", "/", 0},
		{"/.", "/", 0},
		{"/a/b/../../c", "/c", 0},
		{"/a//../b", "/a/b", 0},
		{"//..", "/", 0},
		{"/%2e%2E/a", "", PathDots},
		{"/a/../..", "", PathDots},
		{"/..", "", PathDots},
		{"a", "", PathRelative},
		{"*", "", PathRelative},
		{"/ ", "", PathByte},
		{"/a?b", "", PathByte},
		{"/a\x7f", "", PathByte},
		{"/a\r\n", "", PathByte},
		{"/%", "", PathEscape},
		{"/%4", "", PathEscape},
		{"/%g1", "", PathEscape},
		{"/%1g", "", PathEscape},
		{"/%00", "", PathControl},
		{"/%7F", "", PathControl},
		{"/%1f", "", PathControl},
		{"/a%2fb", "", PathSlash},
		{"/a%5Cb", "", PathSlash},
		{"/a\\b", "", PathBackslash},
		{"/..;x/a", "", PathParam},
		{"/a/.;", "", PathParam},
		{"/a/%2e%2e%3bx", "", PathParam},
		{"/%c0%ae", "", PathOverlong},
		{"/%c1%81", "", PathOverlong},
		{"/\xe0%9f%80", "", PathOverlong},
		{"/%f0%8f", "", PathOverlong},
		{"/%e0%a0%80%f0%90%80%80", "/%E0%A0%80%F0%90%80%80", 0},
		{"/%c0x%80", "/%C0x%80", 0},
	}
	for _, tt := range tests {
		in := []byte(tt.in)
		out, changed, code := Canonicalize(nil, in[:len(in):len(in)], false)
		if string(out) != tt.want || code != tt.code {
			t.Errorf("%q: %q, %v; want %q, %v", tt.in, out, code, tt.want, tt.code)
		}
		if code == PathOK && changed == (tt.in == tt.want) {
			t.Errorf("%q: changed is %v", tt.in, changed)
		}
		if code == PathOK && !changed && &out[0] != &in[0] {
			t.Errorf("%q: copied", tt.in)
		}
	}
}

func TestCanonicalizeKeepsEncodedSlash(t *testing.T) {
	tests := []struct {
		in, want string
		code     PathCode
	}{
		{"/a%2fb%5c", "/a%2Fb%5C", 0},
		{"/%2f", "/%2F", 0},
		{"/a%2fb/../c", "/c", 0},
		{"/a%2f.b", "/a%2F.b", 0},
		{"/..%2fa", "", PathSlash},
		{"/a%2f..", "", PathSlash},
		{"/a%2f%2e%2e%2fb", "", PathSlash},
		{"/a/.%5cb", "", PathSlash},
		{"/a%5c.;x", "", PathSlash},
		{"/a%2f..%3bx", "", PathSlash},
		{"/a\\b", "", PathBackslash},
	}
	for _, tt := range tests {
		if out, _, code := Canonicalize(nil, []byte(tt.in), true); string(out) != tt.want || code != tt.code {
			t.Errorf("%q: %q, %v; want %q, %v", tt.in, out, code, tt.want, tt.code)
		}
	}
}

func TestCanonicalizeAppends(t *testing.T) {
	dst := append(make([]byte, 0, 64), "kept"...)
	out, changed, code := Canonicalize(dst, []byte("/%61/../b"), false)
	if string(out) != "/b" || !changed || code != PathOK || string(dst) != "kept" {
		t.Fatalf("%q %v %v %q", out, changed, code, dst)
	}
	if &out[0] != &dst[:5][4] {
		t.Error("not in the room that dst had")
	}
}

// Far more segments than a head can hold, up and down again to the root exactly.
func TestCanonicalizeManySegments(t *testing.T) {
	long := strings.Repeat("/a", 1<<17) + strings.Repeat("/..", 1<<17)
	if out, _, code := Canonicalize(nil, []byte(long), true); string(out) != "/" || code != PathOK {
		t.Errorf("%.20q, %v", out, code)
	}
	if _, _, code := Canonicalize(nil, []byte(long+"/.."), true); code != PathDots {
		t.Errorf("one more: %v", code)
	}
}

func TestPathCodesHaveNames(t *testing.T) {
	for c := PathOK; c <= PathOverlong; c++ {
		if c.String() == "" || c.String() == "unknown" {
			t.Errorf("code %d has no name", c)
		}
	}
	if PathCode(200).String() != "unknown" {
		t.Error("an unknown code has a name")
	}
}

// FuzzCanonicalize: what comes out is canonical, says the same as what went in, and
// comes out again unchanged.
func FuzzCanonicalize(f *testing.F) {
	for _, s := range []string{"/a/../b", "/%2e%2e/", "/a%2f..%5c", "//..;/x", "/%c0%ae", "/é", "/%41%7e%25", "/.;%3b/..", "*"} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, in []byte, keep bool) {
		before := bytes.Clone(in)
		out, changed, code := Canonicalize(nil, in, keep)
		if !bytes.Equal(in, before) {
			t.Fatal("the input was written to")
		}
		if code != PathOK {
			if out != nil || changed {
				t.Fatalf("refused, but %q", out)
			}
			return
		}
		if changed == bytes.Equal(in, out) {
			t.Fatalf("%q -> %q: changed is %v", in, out, changed)
		}
		checkCanonical(t, out, keep)
		if again, changed, code := Canonicalize(nil, out, keep); changed || code != PathOK || !bytes.Equal(again, out) {
			t.Fatalf("%q -> %q -> %q, %v", in, out, again, code)
		}
		if want := oracleCanonical(t, string(in)); want != string(out) {
			t.Fatalf("%q -> %q, the oracle says %q", in, out, want)
		}
	})
}

func checkCanonical(t *testing.T, out []byte, keep bool) {
	t.Helper()
	if out[0] != '/' {
		t.Fatalf("%q is not absolute", out)
	}
	decoded, err := url.PathUnescape(string(out))
	if err != nil {
		t.Fatal(err)
	}
	for _, seg := range strings.FieldsFunc(decoded, func(c rune) bool { return c == '/' || c == '\\' }) {
		if name, _, _ := strings.Cut(seg, ";"); name == "." || name == ".." {
			t.Fatalf("%q holds a dot segment", out)
		}
	}
	if !keep && (strings.Count(decoded, "/") != bytes.Count(out, []byte("/")) || strings.Contains(decoded, "\\")) {
		t.Fatalf("%q hides a slash", out)
	}
	for i := 0; i < len(decoded); i++ {
		if decoded[i] < ' ' || decoded[i] == 0x7f {
			t.Fatalf("%q hides a control byte", out)
		}
	}
}

// oracleCanonical is written after RFC 3986 5.2.4 and 6.2.2 with strings: split,
// decode each segment by hand, drop the dots, and join.
func oracleCanonical(t *testing.T, in string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	var kept []string
	segments := strings.Split(strings.TrimPrefix(in, "/"), "/")
	for i, seg := range segments {
		var b strings.Builder
		for j := 0; j < len(seg); j++ {
			c := seg[j : j+1]
			switch {
			case c == "%":
				d, err := url.PathUnescape(seg[j : j+3])
				if err != nil {
					t.Fatalf("%q was let through: %v", in, err)
				}
				if strings.Contains(plain, d) {
					b.WriteString(d)
				} else {
					b.WriteString(strings.ToUpper(seg[j : j+3]))
				}
				j += 2
			case strings.Contains(plain+"!$&'()*+,;=:@", c):
				b.WriteString(c)
			default:
				b.WriteString("%" + string(upperHex[c[0]>>4]) + string(upperHex[c[0]&15]))
			}
		}
		last := i == len(segments)-1
		switch b.String() {
		case ".", "..":
			if b.Len() == 2 {
				if len(kept) == 0 {
					t.Fatalf("%q climbs above the root", in)
				}
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, b.String())
		}
	}
	return "/" + strings.Join(kept, "/")
}
