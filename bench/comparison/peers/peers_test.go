package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for list, want := range map[string]string{
		"":                       strings.Join(Names(), " "),
		"nginx,weir":             "weir nginx", // weir first: it is the row others are compared with
		" gnet , weir":           "weir gnet",
		"weir,weir":              "weir",
		"nginx-64k,nginx,caddy":  "nginx nginx-64k caddy",
		"haproxy,httputil,caddy": "haproxy caddy httputil",
	} {
		found, err := Parse(list)
		var names []string
		for _, p := range found {
			names = append(names, p.Name)
		}
		if err != nil || strings.Join(names, " ") != want {
			t.Errorf("%q: %v, %v; want %s", list, names, err, want)
		}
	}
	if _, err := Parse("weir,enginx"); err == nil || !strings.Contains(err.Error(), `"enginx"`) || !strings.Contains(err.Error(), "nginx-64k") {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestUsable(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	usable, leftOut := Usable(All)
	var names []string
	for _, p := range usable {
		names = append(names, p.Name)
	}
	if !slices.Equal(names, []string{Weir, HTTPUtil, Gnet}) || len(leftOut) != 4 || !strings.Contains(leftOut[0], "apt-get install nginx") {
		t.Errorf("%v, %q", names, leftOut)
	}
}

func TestTunnels(t *testing.T) {
	for files, want := range map[int]int{0: 1, 1024: 412, 20_000: 9900} {
		if got := Tunnels(files); got != want {
			t.Errorf("%d descriptors: %d tunnels, want %d", files, got, want)
		}
	}
}

// specs are one of each peer, of the binary weir.
func specs(t *testing.T, list []*Peer, weir string, workers int) []*Spec {
	t.Helper()
	addrs, err := FreeAddrs(2)
	if err != nil {
		t.Fatal(err)
	}
	var all []*Spec
	for _, p := range list {
		all = append(all, &Spec{Peer: p, Weir: weir, Dir: t.TempDir(), Listen: addrs[0], Backend: addrs[1], Workers: workers, Files: 4096})
	}
	return all
}

// buildWeir builds the binary under test once.
func buildWeir(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "weir")
	build := exec.Command("go", "build", "-o", binary, "./cmd/weir")
	build.Dir = filepath.Join("..", "..", "..") // a module of its own
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// Every configuration is taken by the program it is for, with one worker and two.
func TestConfigurationsAreAccepted(t *testing.T) {
	weir := buildWeir(t)
	usable, leftOut := Usable(All)
	t.Log(leftOut)
	for workers := 1; workers <= 2; workers++ {
		both := specs(t, usable, weir, workers)
		for _, s := range specs(t, usable, weir, workers) {
			if s.Peer.Secure() {
				s.TLS = ECDSA
				both = append(both, s)
			}
		}
		for _, s := range both {
			if len(s.Peer.check) == 0 {
				continue
			}
			if err := s.render(); err != nil {
				t.Fatal(err)
			}
			args, err := s.expandAll(s.Peer.check)
			if err != nil {
				t.Fatal(err)
			}
			env, err := s.expandAll(s.Peer.env)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(s.binary(), args...)
			cmd.Env = append(os.Environ(), env...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s, %d workers, TLS %d: %v\n%s", s.Peer.Name, workers, s.TLS, err, out)
			}
			for _, word := range []string{"[warn]", "[WARNING]", "warning:"} {
				if strings.Contains(string(out), word) {
					t.Errorf("%s complains:\n%s", s.Peer.Name, out)
				}
			}
		}
	}
}

// What makes a comparison fair stays in the configurations.
func TestConfigurationsAreFair(t *testing.T) {
	wanted := map[string][]string{
		Weir:     {"loops = 3", `access = "off"`, "max_idle = 1024"},
		Nginx:    {"worker_processes 3;", "access_log off;", "keepalive 1024;", "proxy_request_buffering off;", "proxy_max_temp_file_size 0;", "worker_rlimit_nofile 4096;"},
		Nginx64K: {"worker_processes 3;", "access_log off;", "proxy_buffer_size 64k;", "proxy_buffers 4 64k;"},
		HAProxy:  {"nbthread 3", "option http-keep-alive", "http-reuse always", "timeout tunnel 1h", "maxconn 1948"},
		Caddy:    {"keepalive_idle_conns_per_host 1024", "admin off"},
	}
	for _, s := range specs(t, All, "weir", 3) {
		if err := s.render(); err != nil {
			t.Fatal(err)
		}
		lines, found := wanted[s.Peer.Name]
		if !found {
			continue
		}
		text, err := os.ReadFile(s.configPath())
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if !strings.Contains(string(text), line) {
				t.Errorf("%s: no %q in\n%s", s.Peer.Name, line, text)
			}
		}
	}
	for _, s := range specs(t, []*Peer{Find(Nginx)}, "weir", 1) {
		if err := s.render(); err != nil {
			t.Fatal(err)
		}
		if text, _ := os.ReadFile(s.configPath()); strings.Contains(string(text), "proxy_buffer") {
			t.Errorf("plain nginx has buffers of its own:\n%s", text)
		}
	}
}

func TestExpandKnowsEveryWord(t *testing.T) {
	s := specs(t, []*Peer{Find(Weir)}, "weir", 1)[0]
	if _, err := s.expand("port @PORT@ of @NOTHING@"); err == nil || !strings.Contains(err.Error(), "@NOTHING@") {
		t.Errorf("%v", err)
	}
	if got, err := s.expand("loops @WORKERS@"); got != "loops 1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestVersions(t *testing.T) {
	for _, tt := range []struct{ printed, want string }{
		{"nginx version: nginx/1.22.1\n", "1.22.1"},
		{"HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/\nStatus: x 9.9\n", "2.6.12-1+deb12u4"},
		{"2.6.2\n", "2.6.2"},
		{"v2.8.4 h1:abc=\n", "v2.8.4"},
		{"wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer\n", "4.1.0-3+b2"},
		{"h2load nghttp2/1.52.0\n", "1.52.0"},
		{"no number\n", "unknown"},
	} {
		if got := ToolVersion("printf", "%s", tt.printed); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.printed, got, tt.want)
		}
	}
	if got := ToolVersion(filepath.Join(t.TempDir(), "none")); got != "unknown" {
		t.Errorf("a program that is not there: %q", got)
	}
}
