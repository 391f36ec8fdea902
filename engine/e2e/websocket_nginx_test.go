package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

const nginxConf = `daemon off;
worker_processes 1;
pid %[1]s/pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	server {
		listen %[3]s%[4]s;
		location / {
			proxy_pass http://%[2]s;
			proxy_http_version 1.1;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection upgrade;
		}
	}
}
`

// nginx passes WebSockets on to behind, and is gone at the end of the test.
func nginx(t *testing.T, behind string) (addr string) {
	t.Helper()
	return nginxWith(t, behind, "")
}

// nginxWith is nginx whose listen directive goes on with more, which may go on with
// other directives.
func nginxWith(t *testing.T, behind, more string) (addr string) {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	dir := t.TempDir()
	// nginx cannot choose a free port, but it can inherit a bound socket, as it does
	// when it replaces its own binary.
	ln := listen(t)
	addr = ln.Addr().String()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, behind, addr, more), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "-p", dir, "-c", conf)
	cmd.ExtraFiles = []*os.File{file}
	cmd.Env = append(os.Environ(), "NGINX=3;")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // which ends its worker too
	if err := cmd.Start(); err != nil {
		t.Skipf("nginx does not start: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	return addr
}

// An endpoint that is a proxy itself: the libraries' messages pass both.
func TestWebSocketThroughNginx(t *testing.T) {
	for i, client := range wsClients {
		server := wsServers[i+1]
		t.Run(client.name+" to "+server.name, func(t *testing.T) {
			w := start(t, oneCluster(nginx(t, httpBackend(t, server.serve))))
			c := client.dial(t, w.addr, chosenProtocol)
			if c.protocol() != chosenProtocol {
				t.Errorf("subprotocol %q", c.protocol())
			}
			message := pattern(1, largeMessage)
			for range 3 {
				if err := c.write(false, message); err != nil {
					t.Fatal(err)
				}
				if _, data, err := c.read(); err != nil || !bytes.Equal(data, message) {
					t.Fatalf("%d bytes came back, %v", len(data), err)
				}
			}
			if err := c.close(1000, "done"); err != nil {
				t.Error(err)
			}
			c.end()
		})
	}
}
