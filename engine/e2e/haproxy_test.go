package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"weir/engine/e2e/probe"
	"weir/engine/tlstest"
)

// haproxy runs the real one with a frontend that gets its socket from here, as fd@3,
// and is gone at the end of the test. conf is the file behind "global" and "defaults".
func haproxy(t *testing.T, conf string) (addr string) {
	t.Helper()
	path, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	ln := listen(t)
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	conf = "global\n\tmaxconn 100\ndefaults\n\tmode http\n\ttimeout connect 10s\n\ttimeout client 10s\n\ttimeout server 10s\n" + conf
	name := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(name, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "-db", "-q", "-f", name)
	cmd.ExtraFiles = []*os.File{file}
	var out probe.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		t.Fatalf("haproxy does not start: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("haproxy: %s", out.String())
		}
	})
	return ln.Addr().String()
}

// haproxyAnswer has HAProxy answer itself, with what it took from the PROXY header.
const haproxyAnswer = `	http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst_port] authority=%[fc_pp_authority] path=%[path]"
`

// HAProxy understands what weir tells it, in both versions, of HTTP, of opaque bytes,
// and through TLS to it.
func TestProxyHeaderToHAProxy(t *testing.T) {
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{"a.test"})
	pair := tlstest.Write(t, t.TempDir(), "pair.pem", leaf.Chain+leaf.Key)
	for _, version := range []string{"v1", "v2"} {
		for _, secured := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %v", version, secured), func(t *testing.T) {
				bind := "fd@3 accept-proxy"
				text := proxyFrom("optional", `"127.0.0.1"`)
				if secured {
					bind += " ssl crt " + pair
				}
				behind := haproxy(t, "frontend in\n\tbind "+bind+"\n"+haproxyAnswer)
				text += mainCluster(behind, "proxy_protocol = \""+version+"\"")
				if secured {
					text += originatingTLS("main", ca, "a.test")
				}
				for _, edge := range []string{"", opaqueEdge} {
					file := text
					if edge == "" {
						file += "[[routes]]\ncluster = \"main\"\n"
					}
					w := start(t, file, edge)
					_, port, _ := net.SplitHostPort(w.addr)
					for header, client := range map[string]string{"": "127.0.0.1 ", v1of4: "192.0.2.7 4711 443 ", v2of(announced6): "2001:db8::7 4711 443 "} {
						c := w.client()
						if header == "" {
							_, from, _ := net.SplitHostPort(c.LocalAddr().String())
							client += from + " " + port + " "
						}
						c.send(header)
						if _, body := c.get("/x"); body != client+"authority= path=/x" {
							t.Errorf("edge %q, header %q: HAProxy saw %q, want %q", edge, header, body, client)
						}
						_ = c.Close()
					}
					w.stop()
				}
			})
		}
	}
}

// HAProxy reads the server name from the TLV, of TLS that ended at weir and of TLS that
// passed through to it.
func TestProxyHeaderTellsHAProxyTheServerName(t *testing.T) {
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{"a.test"})
	pair := tlstest.Write(t, t.TempDir(), "pair.pem", leaf.Chain+leaf.Key)
	for _, through := range []bool{false, true} {
		bind, edge, file := "fd@3 accept-proxy", opaqueEdge, endingTLS(leaf)
		if through {
			bind, edge, file = bind+" ssl crt "+pair, passthroughEdge, ""
		}
		w := start(t, file+mainCluster(haproxy(t, "frontend in\n\tbind "+bind+"\n"+haproxyAnswer), `proxy_protocol = "v2"`), edge)
		c := w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"})
		_, from, _ := net.SplitHostPort(c.LocalAddr().String())
		_, to, _ := net.SplitHostPort(w.addr)
		requireHTTP(t, c, "/", "127.0.0.1 "+from+" "+to+" authority=a.test path=/")
		_ = c.Close()
		w.stop()
	}
}

// weir understands what HAProxy tells it, in all its forms, and passes it on.
func TestProxyHeaderFromHAProxy(t *testing.T) {
	ca := tlstest.New(t)
	pair := ca.Issue([]string{"a.test"})
	crt := tlstest.Write(t, t.TempDir(), "pair.pem", pair.Chain+pair.Key)
	tests := []struct {
		name, option string
		tlvs         []string // with TLS at HAProxy
	}{
		{"v1", "send-proxy", nil},
		{"v2", "send-proxy-v2", nil},
		{"v2 with TLS", "send-proxy-v2-ssl-cn", []string{"20 TLSv1.3 client 1 verify 0 "}},
		{"v2 with all", "send-proxy-v2-ssl proxy-v2-options authority,crc32c", []string{"02 a.test", "20 TLSv1.3 client 1 verify 0 "}},
	}
	for _, tt := range tests {
		for _, secured := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %v", tt.name, secured), func(t *testing.T) {
				backend, headers := told(t, func(c *net.TCPConn) {
					if _, err := readHeadOnly(c); err == nil {
						_, _ = io.WriteString(c, ok("page"))
					}
				})
				w := start(t, proxyFrom("required", `"127.0.0.1"`)+mainCluster(backend, `proxy_protocol = "v2"`)+"[[routes]]\ncluster = \"main\"\n")
				bind := "fd@3"
				if secured {
					bind += " ssl crt " + crt
				}
				front := haproxy(t, fmt.Sprintf("frontend in\n\tbind %s\n\tdefault_backend weir\nbackend weir\n\tserver weir %s %s\n", bind, w.addr, tt.option))
				raw := dialRaw(t, front)
				var c opaqueConn = raw
				if secured {
					c = tls.Client(raw, &tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"})
				}
				requireHTTP(t, c, "/", "page")
				h := receive(t, headers)
				if h.Source.String() != raw.LocalAddr().String() || h.Destination.String() != front {
					t.Errorf("the endpoint heard of %v to %v; want %v to %v", h.Source, h.Destination, raw.LocalAddr(), front)
				}
				want := map[string]bool{}
				for _, tlv := range tlvsOf(&h) {
					want[tlv] = true
				}
				if secured {
					for _, tlv := range tt.tlvs {
						if !want[tlv] {
							t.Errorf("TLVs %q lack %q", tlvsOf(&h), tlv)
						}
					}
				}
				_ = c.Close()
				w.eventually("the line is written", func() bool { return strings.Contains(w.access.String(), `"client":"`+raw.LocalAddr().String()+`"`) })
			})
		}
	}
}

// HAProxy's health check says LOCAL; it gets an answer, and no client is made up.
func TestProxyHeaderOfHealthChecks(t *testing.T) {
	backend, heads := heard(t)
	w := start(t, proxyFrom("required", `"127.0.0.1"`)+oneCluster(backend))
	haproxy(t, fmt.Sprintf("frontend in\n\tbind fd@3\n\tdefault_backend weir\nbackend weir\n\toption httpchk GET /health\n\tserver weir %s send-proxy-v2 check inter 100ms\n", w.addr))
	if got := field(receive(t, heads), "X-Forwarded-For"); got != "127.0.0.1" {
		t.Errorf("X-Forwarded-For: %s", got)
	}
	if n := w.stats().Faults; n != [len(n)]int64{} {
		t.Errorf("faults %v", n)
	}
}

// nginx is the second opinion.
func TestProxyHeaderToNginx(t *testing.T) {
	behind := nginxWith(t, deadAddr(t), ` proxy_protocol;
		location = /told { return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_port"; }
		server_tokens off`)
	for _, version := range []string{"v1", "v2"} {
		for _, edge := range []string{"", opaqueEdge} {
			file := proxyFrom("optional", `"127.0.0.1"`) + mainCluster(behind, "proxy_protocol = \""+version+"\"")
			if edge == "" {
				file += "[[routes]]\ncluster = \"main\"\n"
			}
			w := start(t, file, edge)
			for header, want := range map[string]string{v1of4: "192.0.2.7 4711 443", v2of(announced6): "2001:db8::7 4711 443"} {
				c := w.client()
				c.send(header)
				if _, body := c.get("/told"); body != want {
					t.Errorf("%s, edge %q: nginx saw %q, want %q", version, edge, body, want)
				}
				_ = c.Close()
			}
			w.stop()
		}
	}
}
