package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/bench"
)

// The flags of TLS reach the handshakes, against the server of weir bench serve --tls.
func TestBenchTLS(t *testing.T) {
	s, err := startEcho("127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const brief = " --connections 4 --duration 50ms --warmup 10ms --json --insecure"
	for _, tt := range []struct {
		args, agreed string
		resumes      bool
	}{
		{"tls https://ADDRESS/", "TLS 1.3 TLS_AES_128_GCM_SHA256 X25519MLKEM768", false},
		{"tls https://ADDRESS/ --curves x25519,P-256 --request", "TLS 1.3 TLS_AES_128_GCM_SHA256 X25519", false},
		{"tls wss://ADDRESS/ --tls-max 1.2 --resume", "TLS 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 X25519", true},
		{"ws wss://ADDRESS/ --curves P-521", "TLS 1.3 TLS_AES_128_GCM_SHA256 CurveP521", false},
		{"http https://ADDRESS/ --tls-max 1.3 --new-connections --resume", "TLS 1.3 TLS_AES_128_GCM_SHA256 X25519MLKEM768", true},
		{"idle wss://ADDRESS/ --server-name any.test --exchange 64KiB", "TLS 1.3 TLS_AES_128_GCM_SHA256 X25519MLKEM768", false},
		{"handshake wss://ADDRESS/", "TLS 1.3 TLS_AES_128_GCM_SHA256 X25519MLKEM768", false},
	} {
		args := strings.Fields("bench " + strings.Replace(tt.args, "ADDRESS", s.Addr(), 1) + brief)
		code, stdout, stderr := weir(t, args...)
		r := new(bench.Result)
		if err := json.Unmarshal([]byte(stdout), r); err != nil || code != exitOK || stderr != "" {
			t.Errorf("%s: exit %d, %v, stderr %q", tt.args, code, err, stderr)
			continue
		}
		if r.Kind != args[1] || r.Errors != 0 || r.TLS == nil || r.TLS.Agreed[tt.agreed] == 0 || (r.TLS.Resumed > 0) != tt.resumes {
			t.Errorf("%s: %+v, %+v", tt.args, r, r.TLS)
		}
	}
}

// --ca verifies: with the authority's file a server is taken, without it it is not.
func TestBenchCA(t *testing.T) {
	dir := t.TempDir()
	cert(t, dir, "localhost")
	s, err := bench.NewTLSEchoServer("127.0.0.1:0", tlsServer(keyPair(t, dir, "server")))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	run := func(more ...string) (int, string) {
		args := append([]string{"bench", "tls", "https://" + s.Addr() + "/", "--connections", "2", "--count", "4", "--warmup", "0s"}, more...)
		code, _, stderr := weir(t, args...)
		return code, stderr
	}
	ca := filepath.Join(dir, "ca.pem")
	if code, stderr := run("--ca", ca, "--server-name", "localhost"); code != exitOK {
		t.Errorf("exit %d, %q", code, stderr)
	}
	if code, stderr := run("--ca", ca); code != exitFailure || !strings.Contains(stderr, "certificate of another name") {
		t.Errorf("exit %d, %q", code, stderr)
	}
	if code, stderr := run("--server-name", "localhost"); code != exitFailure || !strings.Contains(stderr, "unknown authority") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

func TestBenchTLSUsage(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"tls":                          "takes one URL",
		"tls http://127.0.0.1:1/":      "tls needs https://",
		"tls https://h/ --count -1":    "count: -1",
		"tls https://h/ --verify":      "unless --insecure",
		"tls https://h/ --tls-max 1.1": "give 1.2 or 1.3",
		"tls https://h/ --tls-max 1":   "give 1.2 or 1.3",
		"ws wss://h/ --curves X448":    "is not a key exchange; give some of X25519MLKEM768",
		"ws wss://h/ --curves X25519,": "\"\" is not a key exchange",
		"ws wss://h/ --ca " + empty:    "holds no PEM certificate",
		"ws wss://h/ --ca absent.pem":  "no such file",
		"idle ws://h/ --insecure":      "give wss://",
		"bulk http://h/ --resume":      "give https://",
	} {
		code, stdout, stderr := weir(t, strings.Fields("bench "+args)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want 2 and %q", args, code, stdout, stderr, want)
		}
	}
}
