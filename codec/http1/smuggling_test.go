package http1

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Each file of testdata/smuggling is one attack on the agreement between two
// HTTP/1.1 readers about where a message ends, or whom it is for. It holds "#"
// lines that explain it, a line "request: " or "response: " with the text of the
// Code that must refuse it, and the bytes as Go string literals, one a line. What
// is refused may be the head or the body.
func TestSmugglingCorpus(t *testing.T) {
	for _, file := range corpus(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			kind, want, in := readAttack(t, file)
			everySplit(t, in, true, func(t *testing.T, pieces []string) {
				if code := feedMessage(kind, pieces); code.Error() != want {
					t.Errorf("%q\n got %v, want %s", pieces, code, want)
				}
			})
		})
	}
}

// corpus returns the names of all files.
func corpus(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/smuggling/*.txt")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

func readAttack(t testing.TB, file string) (kind, want, in string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, `"`):
			piece, err := strconv.Unquote(line)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			in += piece
		default:
			kind, want, _ = strings.Cut(line, ": ")
		}
	}
	if kind != "request" && kind != "response" || in == "" {
		t.Fatalf("%s is neither a request nor a response", file)
	}
	return kind, want, in
}

// feedMessage reads a head and its body from pieces, as a session does.
func feedMessage(kind string, pieces []string) Code {
	var buf []byte
	var req RequestHead
	var resp ResponseHead
	for i, piece := range pieces {
		scanned := len(buf)
		buf = grow(buf, piece)
		var n int
		var code Code
		var f Framing
		var length int64
		if kind == "request" {
			n, code = ParseRequestHead(buf, scanned, &DefaultLimits, &req)
			f, length = req.Framing, req.Length
		} else {
			n, code = ParseResponseHead(buf, scanned, &DefaultLimits, MethodGET, &resp)
			f, length = resp.Framing, resp.Length
		}
		if code != CodeOK {
			return code
		}
		if n > 0 {
			body := append([]string{string(buf[n:])}, pieces[i+1:]...)
			_, _, _, code = feedBody(body, f, length)
			return code
		}
	}
	return CodeOK
}
