package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"weir/engine/e2e/probe"
)

// startDemo runs the demo on a free port. stop ends it and fails the test unless
// it ends well; it runs at the end of the test at the latest.
func startDemo(t *testing.T, args ...string) (base string, stdout *probe.Buffer, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdout, stderr := &probe.Buffer{}, &probe.Buffer{}
	done := make(chan int, 1)
	go func() {
		done <- execute(ctx, append([]string{"demo", "--address", "127.0.0.1:0"}, args...), stdout, stderr)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case code := <-done:
			if code != exitOK || strings.Contains(stderr.String(), "ERROR") { // WARN: what the drain cut
				t.Errorf("exit %d, stderr %q", code, stderr.String())
			}
		case <-time.After(20 * time.Second):
			t.Error("the demo did not end")
		}
	})
	t.Cleanup(stop)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if out := stdout.String(); strings.Contains(out, "Ctrl-C") {
			return strings.TrimSuffix(regexp.MustCompile(`http://[0-9.:]+/`).FindString(out), "/"), stdout, stop
		}
		if time.Now().After(deadline) || len(done) > 0 {
			t.Fatalf("the demo did not start: stdout %q, stderr %q", stdout.String(), stderr.String())
		}
	}
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

func TestDemoEndToEnd(t *testing.T) {
	base, _, stop := startDemo(t)

	r, page := get(t, base+"/")
	if r.StatusCode != 200 || !strings.Contains(page, "<title>weir demo</title>") || !strings.Contains(r.Header.Get("Content-Security-Policy"), "sha256-") {
		t.Errorf("page: %d, %v", r.StatusCode, r.Header)
	}

	_, body := get(t, base+"/echo/x?y=1")
	var got echoed
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	set := map[string]string{}
	for _, f := range got.Headers {
		set[strings.ToLower(f.Name)] = f.Value
	}
	if got.Target != "/echo/x?y=1" || set["x-forwarded-for"] != "127.0.0.1" || set["x-forwarded-proto"] != "http" || set["x-request-id"] == "" {
		t.Errorf("echo: %+v", got)
	}

	c, _, err := dialSocket(t, "ws"+strings.TrimPrefix(base, "http")+"/ws/echo", base)
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, c, websocket.MessageText, []byte("through weir"))
	roundTrip(t, c, websocket.MessageBinary, make([]byte, 64<<10))
	stop() // the open tunnel may not keep it alive
}

func TestDemoAccessLog(t *testing.T) {
	base, stdout, stop := startDemo(t, "--access")
	get(t, base+"/healthz")
	stop()
	if out := stdout.String(); !strings.Contains(out[strings.Index(out, "Ctrl-C"):], "healthz") {
		t.Errorf("no access log line in %q", out)
	}
}

// Every line the demo prints is run as it was printed.
func TestDemoPrintsWhatWorks(t *testing.T) {
	base, stdout, _ := startDemo(t)
	t.Run("bench", func(t *testing.T) {
		if !strings.Contains(stdout.String(), demoBench(base)) {
			t.Fatalf("not printed: %q", demoBench(base))
		}
		args := strings.Fields(strings.Replace(demoBench(base), "5s", "200ms", 1))
		code, out, stderr := weir(t, append(args, "--warmup", "0s")...)
		if code != exitOK || !strings.Contains(out, " 0 errors") {
			t.Errorf("exit %d, stdout %q, stderr %q", code, out, stderr)
		}
	})
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	for _, tt := range trials(base) {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(stdout.String(), tt.command+"\n") {
				t.Fatalf("not printed: %q", tt.command)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			var stderr strings.Builder
			cmd := exec.CommandContext(ctx, "sh", "-c", tt.command)
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil || !strings.Contains(string(out), tt.shows) {
				t.Errorf("%s: %v, got %q, want %q; stderr %q", tt.command, err, out, tt.shows, stderr.String())
			}
		})
	}
}

func TestDemoSaysWhatToDoAboutABusyPort(t *testing.T) {
	base, _, _ := startDemo(t)
	address := strings.TrimPrefix(base, "http://")
	code, stdout, stderr := weir(t, "demo", "--address", address)
	if code != exitFailure || stdout != "" || !strings.Contains(stderr, address+" is in use") || !strings.Contains(stderr, "weir demo --address 127.0.0.1:0") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestReachable(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:80": "127.0.0.1:80", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80", "[::1]:80": "[::1]:80",
	} {
		if got := reachable(address); got != want {
			t.Errorf("reachable(%q) = %q, want %q", address, got, want)
		}
	}
}
