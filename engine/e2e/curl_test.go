package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// curl runs the real one against weir and returns what it wrote.
func (w *weir) curl(stdin io.Reader, args ...string) string {
	w.t.Helper()
	path, err := exec.LookPath("curl")
	if err != nil {
		w.t.Skip("curl is not installed")
	}
	args = append([]string{"--silent", "--show-error", "--max-time", "20", "--noproxy", "*"}, args...)
	for i, a := range args {
		args[i] = strings.Replace(a, "WEIR", "http://"+w.addr, 1)
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = stdin
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("curl %v: %v: %s%s", args, err, &errs, &out)
	}
	return out.String()
}

func TestCurl(t *testing.T) {
	content := pattern(7, 3<<20)
	file := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	backend := httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			http.ServeContent(rw, r, "large.bin", time.Time{}, bytes.NewReader(content))
			return
		}
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		_, _ = fmt.Fprintf(rw, "%s %d %x %v %v", r.Method, n, h.Sum(nil), r.TransferEncoding, err)
	})
	w := start(t, oneCluster(backend))
	sum := fmt.Sprintf("%d %x", len(content), sha256.Sum256(content))
	tests := []struct {
		name  string
		stdin io.Reader
		args  []string
		want  string
	}{
		{"download", nil, []string{"WEIR/"}, string(content)},
		{"download over HTTP/1.0", nil, []string{"--http1.0", "WEIR/"}, string(content)},
		{"range", nil, []string{"-r", "1000-1099", "WEIR/"}, string(content[1000:1100])},
		{"upload that expects 100", nil, []string{"--data-binary", "@" + file, "-H", "Expect: 100-continue", "WEIR/"}, "POST " + sum + " [] <nil>"},
		{"upload", nil, []string{"--data-binary", "@" + file, "-H", "Expect:", "WEIR/"}, "POST " + sum + " [] <nil>"},
		{"upload over HTTP/1.0", nil, []string{"--http1.0", "--data-binary", "@" + file, "WEIR/"}, "POST " + sum + " [] <nil>"},
		{"chunked upload", bytes.NewReader(content), []string{"-T", "-", "WEIR/"}, "PUT " + sum + " [chunked] <nil>"},
		{"head", nil, []string{"-I", "-o", "/dev/null", "-w", "%{http_code} %header{content-length}", "WEIR/"}, "200 3145728"},
		{"two on one connection", nil, []string{"-r", "0-0", "-w", " %{num_connects}\n", "WEIR/1", "-r", "0-0", "WEIR/2"}, string(content[:1]) + " 1\n" + string(content[:1]) + " 0\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := w.curl(tt.stdin, tt.args...); got != tt.want {
				t.Errorf("%d bytes %.120q, want %d, %.120q", len(got), got, len(tt.want), tt.want)
			}
		})
	}
}
