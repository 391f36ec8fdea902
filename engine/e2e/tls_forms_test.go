package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"weir/engine/tlstest"
)

// tellRequest answers with what an endpoint saw of a request and of its own TLS.
func tellRequest(rw http.ResponseWriter, r *http.Request) {
	name := "none"
	if r.TLS != nil {
		name = r.TLS.ServerName
	}
	_, _ = fmt.Fprintf(rw, "proto=%s id=%d for=%s via=%s servername=%s host=%s",
		r.Header.Get("X-Forwarded-Proto"), len(r.Header.Get("X-Request-Id")), r.Header.Get("X-Forwarded-For"), r.Header.Get("Via"), name, hostOnly(r.Host))
}

func hostOnly(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// form is one of the four ways in which TLS may meet weir.
type form struct {
	name    string
	client  bool // the client speaks TLS
	backend bool // the endpoint does
	through bool // one and the same, which weir passes on
	want    string
}

var forms = []form{
	{"https to http", true, false, false, "proto=https id=32 for=127.0.0.1 via=1.1 weir servername=none host=" + edgeName},
	{"https to https", true, true, false, "proto=https id=32 for=127.0.0.1 via=1.1 weir servername=" + backendName + " host=" + edgeName},
	{"http to https", false, true, false, "proto=http id=32 for=127.0.0.1 via=1.1 weir servername=" + backendName + " host=" + edgeName},
	{"passthrough", true, true, true, "proto= id=0 for= via= servername=" + edgeName + " host=" + edgeName},
}

// startForm runs weir in a form before h.
func startForm(t *testing.T, f form, ca *tlstest.Authority, h http.HandlerFunc) *weir {
	t.Helper()
	var backend string
	cfg := serving(t, ca)
	switch {
	case f.through:
		cfg.Certificates = []tls.Certificate{ca.Issue([]string{edgeName}).Pair(t)}
		backend = httpsBackend(t, cfg, h)
		return start(t, fmt.Sprintf("[clusters.main]\nendpoints = [%q]\n", backend),
			`protocol = "tls-passthrough"`, fmt.Sprintf("forward = [{ server_names = [%q], cluster = \"main\" }]", edgeName))
	case f.backend:
		backend = secureCluster(httpsBackend(t, cfg, h), ca)
	default:
		backend = oneCluster(httpBackend(t, h))
	}
	if f.client {
		return start(t, backend, edgeTLS(ca))
	}
	return start(t, backend)
}

// curlEdge runs curl for edgeName; EDGE in args stands for the URL up to the path.
func (w *weir) curlEdge(ca *tlstest.Authority, scheme string, args ...string) string {
	w.t.Helper()
	file := tlstest.Write(w.t, w.t.TempDir(), "ca.pem", ca.PEM)
	_, port, _ := net.SplitHostPort(w.addr)
	for i, a := range args {
		args[i] = strings.Replace(a, "EDGE", scheme+"://"+edgeName+":"+port, 1)
	}
	return w.curl(nil, append([]string{"--cacert", file, "--resolve", edgeName + ":" + port + ":127.0.0.1"}, args...)...)
}

func (f form) scheme(plain string) string {
	if f.client {
		return plain + "s"
	}
	return plain
}

// What the endpoint learns of the client is what curl did, not what weir makes of it.
func TestTLSFormsWithCurl(t *testing.T) {
	ca := tlstest.New(t)
	body := pattern(4, 1<<20)
	file := tlstest.Write(t, t.TempDir(), "body", string(body))
	sum := fmt.Sprintf("%x", sha256.Sum256(body))
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			w := startForm(t, f, ca, func(rw http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					h := sha256.New()
					_, _ = io.Copy(h, r.Body)
					_, _ = io.WriteString(rw, sumOf(h))
					return
				}
				tellRequest(rw, r)
			})
			for _, version := range []string{"1.2", "1.3"} {
				if got := w.curlEdge(ca, f.scheme("http"), "--tls-max", version, "EDGE/path"); got != f.want {
					t.Errorf("TLS %s: the endpoint saw\n%s, want\n%s", version, got, f.want)
				}
			}
			if got := w.curlEdge(ca, f.scheme("http"), "-H", "Expect: 100-continue", "--data-binary", "@"+file, "EDGE/upload"); got != sum {
				t.Errorf("the endpoint got %s, want %s", got, sum)
			}
			// curl offers h2 too, and takes http/1.1 where weir ends TLS.
			if f.client && !f.through {
				if got := w.curlEdge(ca, "https", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{num_connects} %{ssl_verify_result}\n", "EDGE/a", "-o", "/dev/null", "EDGE/b"); got != "1.1 1 0\n1.1 0 0\n" {
					t.Errorf("two on one connection: %q", got)
				}
			}
		})
	}
}

// The same four for WebSockets.
func TestTLSFormsWithWebSockets(t *testing.T) {
	ca := tlstest.New(t)
	for _, f := range forms {
		for i, client := range wsClients {
			server := wsServers[1-i]
			t.Run(f.name+" from "+client.name+" to "+server.name, func(t *testing.T) {
				told := make(chan string, 1)
				w := startForm(t, f, ca, func(rw http.ResponseWriter, r *http.Request) {
					name := ""
					if r.TLS != nil {
						name = r.TLS.ServerName
					}
					told <- r.Header.Get("X-Forwarded-Proto") + " " + name
					server.serve(rw, r)
				})
				var cfg *tls.Config
				if f.client {
					cfg = trusting(ca)
				}
				c := client.dialTLS(t, w.addr, cfg, chosenProtocol)
				want := map[string]string{
					"https to http": "https ", "https to https": "https " + backendName, "http to https": "http " + backendName, "passthrough": " " + edgeName,
				}[f.name]
				if got := receive(t, told); got != want {
					t.Errorf("the endpoint saw %q, want %q", got, want)
				}
				for _, n := range []int{0, 1, 125, 126, 16<<10 - 4, 16 << 10, 16<<10 + 1, 1 << 20} {
					message := pattern(uint32(n), n)
					if err := c.write(false, message); err != nil {
						t.Fatal(err)
					}
					if _, data, err := c.read(); err != nil || string(data) != string(message) {
						t.Fatalf("%d bytes came back of %d, %v", len(data), n, err)
					}
				}
				if err := c.ping(); err != nil {
					t.Errorf("ping: %v", err)
				}
				if err := c.close(4321, "had enough"); err != nil {
					t.Errorf("close: %v", err)
				}
				c.end()
				// A library that closes without reading the other's close_notify resets.
				if line := w.onlyLine(); line.Kind != "tunnel" || line.Fault != "" && line.Fault != "tunnel_reset" {
					t.Errorf("access log: %+v", line)
				}
			})
		}
	}
}
