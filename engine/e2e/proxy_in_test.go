package e2e

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

// A trusted peer's header tells who the client is: to the endpoint, and in the log.
// One that tells nobody leaves the peer itself.
func TestProxyHeaderNamesTheClient(t *testing.T) {
	for _, tt := range proxyHeaders(t) {
		t.Run(tt.name, func(t *testing.T) {
			backend, heads := heard(t)
			w := start(t, proxyFrom("required", `"127.0.0.0/8"`)+oneCluster(backend))
			clients := map[string]int{}
			for _, slowly := range []bool{false, true} {
				c := w.dial()
				want := tt.client
				if want == "" {
					want = c.LocalAddr().String()
				}
				host, _, _ := net.SplitHostPort(want)
				text := tt.header + "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
				if slowly {
					sendSlowly(t, c, []byte(text))
				} else if _, err := io.WriteString(c, text); err != nil {
					t.Fatal(err)
				}
				requireResponse(t, c, "heard")
				requireHTTP(t, c, "/kept-alive", "heard")
				_ = c.Close()
				for range 2 {
					if got := field(receive(t, heads), "X-Forwarded-For"); got != host {
						t.Errorf("X-Forwarded-For: %s, want %s", got, host)
					}
				}
				clients[want] += 2
			}
			for _, line := range w.opaqueLines(4) {
				clients[line.Client]--
			}
			for client, n := range clients {
				if n != 0 {
					t.Errorf("%s is in %d lines less than it should", client, n)
				}
			}
		})
	}
}

// A header in front of opaque bytes, of TLS that ends here, and of TLS that passes
// through. None of its bytes count as the client's, or reach the endpoint.
func TestProxyHeaderBeforeEverything(t *testing.T) {
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{"a.test"})
	cfg := &tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"}
	tests := []struct {
		name, edge, tables string
		backend            func(*testing.T) string
		secured            bool
	}{
		{"tcp", opaqueEdge, "", func(t *testing.T) string { return greeting(t, "a.test") }, false},
		{"tcp, TLS ended", opaqueEdge, endingTLS(leaf), func(t *testing.T) string { return greeting(t, "a.test") }, true},
		{"passthrough", passthroughEdge, "", func(t *testing.T) string { return greetingTLS(t, ca, "a.test") }, true},
		{"auto", autoEdge, "", func(t *testing.T) string { return greeting(t, "a.test") }, false},
		{"auto, TLS ended", autoEdge, endingTLS(leaf), func(t *testing.T) string { return greeting(t, "a.test") }, true},
	}
	for _, tt := range tests {
		for _, mode := range []string{"required", "optional"} {
			t.Run(tt.name+", "+mode, func(t *testing.T) {
				w := start(t, tt.tables+proxyFrom(mode, `"127.0.0.1"`)+mainCluster(tt.backend(t)), tt.edge)
				raw := w.dial()
				if _, err := io.WriteString(raw, v2of(announced4)); err != nil {
					t.Fatal(err)
				}
				var c opaqueConn = raw
				if tt.secured {
					c = tls.Client(raw, cfg)
				}
				if _, err := io.WriteString(c, "\x00"); err != nil {
					t.Fatal(err)
				}
				requireBytes(t, c, []byte("a.test\n\x00"))
				requireEcho(t, c)
				line := w.opaqueLines(1)[0]
				if line.Client != announced4 || line.Kind != "tunnel" || line.Fault != "" {
					t.Errorf("log line %+v", line)
				}
				if said := int64(len("\x00there and back")); line.TLS != "" || !tt.secured {
					if line.BytesIn != said {
						t.Errorf("%d bytes in, want %d", line.BytesIn, said)
					}
				}
			})
		}
	}
}

// https behind a header, with keep-alive, as a load balancer in front makes it.
func TestProxyHeaderBeforeHTTPS(t *testing.T) {
	ca := tlstest.New(t)
	backend, heads := heard(t)
	w := start(t, endingTLS(ca.Issue([]string{"a.test"}))+proxyFrom("required", `"127.0.0.1"`)+oneCluster(backend))
	raw := w.dial()
	if _, err := io.WriteString(raw, v1of6); err != nil {
		t.Fatal(err)
	}
	c := tls.Client(raw, &tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"})
	for range 3 {
		requireHTTP(t, c, "/", "heard")
		if head := receive(t, heads); field(head, "X-Forwarded-For") != "2001:db8::7" || field(head, "X-Forwarded-Proto") != "https" {
			t.Errorf("the endpoint got %q", head)
		}
	}
	_ = c.Close()
}

// trusted_proxies is about the client that the header names, not the peer that sent it.
func TestProxyHeaderAndTrustedProxies(t *testing.T) {
	backend, heads := heard(t)
	w := start(t, proxyFrom("required", `"127.0.0.1"`)+oneCluster(backend), `trusted_proxies = ["192.0.2.0/24"]`)
	for header, want := range map[string]string{
		v1of4: "203.0.113.9, 192.0.2.7", // it is a trusted proxy
		v1of6: "2001:db8::7",            // it is not
		"PROXY TCP4 192.0.3.7 198.51.100.1 4711 443\r\n": "192.0.3.7", // nor it
		v1Unknown: "127.0.0.1", // nor the peer itself
	} {
		c := w.dial()
		if _, err := io.WriteString(c, header+"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		requireResponse(t, c, "heard")
		_ = c.Close()
		if got := field(receive(t, heads), "X-Forwarded-For"); got != want {
			t.Errorf("%q: X-Forwarded-For: %s, want %s", header, got, want)
		}
	}
}

// Only peers in the CIDRs may send a header. Where one is required, nobody else may
// connect, silent or not; where it is optional, theirs is taken for what it looks like:
// a bad request, or opaque bytes.
func TestProxyHeaderOfAnUntrustedPeer(t *testing.T) {
	backend, heads := heard(t)
	t.Run("required", func(t *testing.T) {
		w := start(t, proxyFrom("required", `"127.0.0.2", "10.0.0.0/8"`)+oneCluster(backend))
		for i, say := range []string{"", v1of4, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"} {
			c, err := net.Dial("tcp", w.addr) // it may be gone before it returns
			if err == nil {
				_, _ = io.WriteString(c, say)
				requireCut(t, c)
				_ = c.Close()
			}
			w.requireFault(fault.ProxyUntrusted, int64(i+1))
		}
		trusted := w.dialFrom("127.0.0.2")
		if _, err := io.WriteString(trusted, v1of4); err != nil {
			t.Fatal(err)
		}
		requireHTTP(t, trusted, "/", "heard")
		if got := field(receive(t, heads), "X-Forwarded-For"); got != "192.0.2.7" {
			t.Errorf("X-Forwarded-For: %s", got)
		}
		_ = trusted.Close()
		for _, line := range w.opaqueLines(4) {
			if line.Kind == "refused" && (line.Fault != "proxy_untrusted" || line.ClosedBy != "weir" || line.Side != "downstream") {
				t.Errorf("log line %+v", line)
			}
		}
	})
	t.Run("optional, HTTP", func(t *testing.T) {
		w := start(t, proxyFrom("optional", `"127.0.0.2"`)+oneCluster(backend))
		for _, header := range []string{v1of4, v2of(announced4)} {
			c := w.client()
			c.send(header + "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			c.requireRefusal(http.StatusBadRequest, "malformed_request")
			_ = c.Close()
		}
		c := w.client()
		c.get("/")
		if got := field(receive(t, heads), "X-Forwarded-For"); got != "127.0.0.1" {
			t.Errorf("X-Forwarded-For: %s", got)
		}
		_ = c.Close()
	})
	t.Run("optional, opaque", func(t *testing.T) {
		w := start(t, proxyFrom("optional", `"127.0.0.2"`)+mainCluster(greeting(t, "main")), opaqueEdge)
		c := w.dial()
		if _, err := io.WriteString(c, v1of4); err != nil {
			t.Fatal(err)
		}
		requireBytes(t, c, []byte("main\n"+v1of4))
		requireEcho(t, c)
		if line := w.opaqueLines(1)[0]; line.Client == announced4 {
			t.Errorf("log line %+v", line)
		}
	})
}

// Where a header is optional, a trusted peer may come without: with a request, with TLS,
// with silence.
func TestProxyHeaderIsOptional(t *testing.T) {
	ca := tlstest.New(t)
	quick := "[listeners.edge.timeouts]\nsniff = \"60ms\"\n"
	t.Run("HTTP", func(t *testing.T) {
		backend, heads := heard(t)
		w := start(t, quick+proxyFrom("optional", `"127.0.0.1"`)+oneCluster(backend))
		for _, slowly := range []bool{false, true} {
			c := w.dial()
			request := "PUT /P HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" // begins as PROXY does
			if slowly {
				sendSlowly(t, c, []byte(request))
			} else if _, err := io.WriteString(c, request); err != nil {
				t.Fatal(err)
			}
			requireResponse(t, c, "heard")
			_ = c.Close()
			if got := field(receive(t, heads), "X-Forwarded-For"); got != "127.0.0.1" {
				t.Errorf("X-Forwarded-For: %s", got)
			}
		}
		late := w.dial() // kept for later, as browsers do, beyond the deadline of a header
		time.Sleep(100 * time.Millisecond)
		requireHTTP(t, late, "/", "heard")
		_ = late.Close()
	})
	t.Run("the server speaks first", func(t *testing.T) {
		w := start(t, quick+proxyFrom("optional", `"127.0.0.1"`)+mainCluster(greeting(t, "main")), opaqueEdge)
		requireGreeting(t, w.dial(), "main")
	})
	t.Run("TLS", func(t *testing.T) {
		w := start(t, quick+endingTLS(ca.Issue([]string{"a.test"}))+proxyFrom("optional", `"127.0.0.1"`)+mainCluster(greeting(t, "main")), opaqueEdge)
		requireGreeting(t, w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"}), "main")
	})
}

// curl makes the header itself.
func TestProxyHeaderOfCurl(t *testing.T) {
	backend, heads := heard(t)
	w := start(t, proxyFrom("required", `"127.0.0.1"`)+oneCluster(backend))
	out := w.curl(nil, "--haproxy-protocol", "-w", " %{local_port}", "WEIR/")
	text, port, _ := strings.Cut(out, " ")
	if text != "heard" || field(receive(t, heads), "X-Forwarded-For") != "127.0.0.1" {
		t.Errorf("curl got %q", out)
	}
	if line := w.opaqueLines(1)[0]; line.Client != "127.0.0.1:"+port {
		t.Errorf("log line %+v, want port %s", line, port)
	}
}
