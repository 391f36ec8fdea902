package route

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// rewrite is what the matched part of a path is replaced by.
type rewrite struct {
	text     string   // canonical form; of a prefix or exact path
	template template // of a regex; its variables are never used
	slashes  bool     // template holds a "%2F" or "%5C" of its own
}

// AppendPath appends the path to forward for path, the canonical form of a path
// that Match found this route for.
//
// A prefix is replaced with exactly one "/" where the new one meets the rest. ok
// is false when the groups of a regex would build a path that Canonicalize refuses
// or would change, such as one with a dot segment: the session answers 400.
// Nothing but a regex allocates.
func (r *Route) AppendPath(dst, path []byte) (out []byte, ok bool) {
	if !r.HasRewrite {
		return append(dst, path...), true
	}
	switch r.path.kind {
	case pathExact:
		return append(dst, r.rewrite.text...), true
	case pathRegex:
		return r.appendRegexPath(dst, path)
	}
	rest := skipSegments(path, r.path.segments)
	if len(rest) == 0 {
		return append(dst, r.rewrite.text...), true
	}
	dst = append(dst, strings.TrimRight(r.rewrite.text, "/")...)
	dst = append(dst, '/')
	return append(dst, bytes.TrimLeft(rest, "/")...), true
}

// skipSegments returns what follows the first n non-empty segments of path.
func skipSegments(path []byte, n int) []byte {
	for ; n > 0; n-- {
		path = bytes.TrimLeft(path, "/")
		i := bytes.IndexByte(path, '/')
		if i < 0 {
			return nil
		}
		path = path[i:]
	}
	return path
}

func (r *Route) appendRegexPath(dst, path []byte) ([]byte, bool) {
	c := r.capture(path)
	start := len(dst)
	for _, p := range r.rewrite.template {
		if p.group > 0 {
			dst = append(dst, c.of(p)...)
		} else {
			dst = append(dst, p.text...)
		}
	}
	// Groups put next to each other, or to text, can spell what none of them holds.
	keep := r.rewrite.slashes || holdsEncodedSlash(path)
	_, changed, code := Canonicalize(nil, dst[start:], keep)
	return dst, code == PathOK && !changed
}

func holdsEncodedSlash(path []byte) bool {
	return bytes.Contains(path, []byte("%2F")) || bytes.Contains(path, []byte("%5C"))
}

var errRewriteNeedsSlash = errors.New(`must begin with "/"`)

// compileRewrite reads the rewrite of r, whose path is compiled. "" is none.
func (r *Route) compileRewrite(s string) error {
	if s == "" {
		return nil
	}
	r.HasRewrite = true
	if r.path.kind != pathRegex {
		text, err := canonicalText(s)
		r.rewrite.text = text
		return err
	}
	var err error
	r.rewrite.template, err = appendGroups(nil, s, r.path.regex.SubexpNames())
	if err != nil {
		return err
	}
	first := r.rewrite.template[0]
	if first.group == 0 && first.text[0] != '/' {
		return errRewriteNeedsSlash
	}
	for i, p := range r.rewrite.template {
		if p.group > 0 {
			continue
		}
		// Text may begin and end within a segment, but not within an escape.
		out, _, code := Canonicalize(nil, []byte("/x"+p.text+"x"), true)
		if code != PathOK || strings.Count(p.text, "/")+1 != bytes.Count(out, []byte("/")) {
			return fmt.Errorf("%q cannot be part of a path", p.text)
		}
		text := string(out[len("/x") : len(out)-len("x")])
		r.rewrite.template[i].text = text
		r.rewrite.slashes = r.rewrite.slashes || holdsEncodedSlash([]byte(text))
	}
	return nil
}

// canonicalText gives the canonical form of a path of the configuration.
func canonicalText(s string) (string, error) {
	if !strings.HasPrefix(s, "/") {
		return "", errRewriteNeedsSlash
	}
	out, _, code := Canonicalize(nil, []byte(s), true)
	if code != PathOK {
		return "", fmt.Errorf("%q cannot be a path: %v", s, code)
	}
	return string(out), nil
}
