package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"weir/engine/tlstest"
)

// A second connection to an endpoint resumes the session of the first.
func TestTLSEndpointsSessionIsResumed(t *testing.T) {
	ca := tlstest.New(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := serving(t, ca)
		cfg.MaxVersion = version
		backend := httpsBackend(t, cfg, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Connection", "close")
			_, _ = fmt.Fprint(rw, r.TLS.DidResume)
		})
		w := start(t, secureCluster(backend, ca))
		_, first := w.get("/")
		_, second := w.get("/")
		if first != "false" || second != "true" {
			t.Errorf("%s: resumed: %s, then %s", tls.VersionName(version), first, second)
		}
		w.stop()
	}
}

// Connections to endpoints are kept between requests, the handshake paid for once.
// One that the endpoint ends meanwhile, with close_notify or without, is not used.
func TestTLSIdleConnectionsToEndpoints(t *testing.T) {
	ca := tlstest.New(t)
	for _, tt := range []struct {
		name string
		end  func(c *tls.Conn) error
	}{
		{"close_notify", func(c *tls.Conn) error { return c.CloseWrite() }},
		{"close_notify and FIN", func(c *tls.Conn) error { return c.Close() }},
		{"FIN alone", func(c *tls.Conn) error { return c.NetConn().Close() }},
		{"an unasked response", func(c *tls.Conn) error { _, err := io.WriteString(c, ok("poison")); return err }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var conns atomic.Int64
			open := make(chan *tls.Conn, 4)
			backend := secureBackend(t, serving(t, ca), func(c *tls.Conn) {
				n := conns.Add(1)
				open <- c
				r := bufio.NewReader(c)
				for readRequest(r) == nil {
					if _, err := io.WriteString(c, ok(fmt.Sprintf("connection %d", n))); err != nil {
						return
					}
				}
			})
			w := start(t, secureCluster(backend, ca)+"[engine]\nloops = 1\n")
			c := w.client()
			for range 3 {
				if _, body := c.get("/"); body != "connection 1" {
					t.Fatalf("got %q", body)
				}
			}
			w.eventually("one idle connection", func() bool { return w.stats().Idle == 1 })
			must(t, tt.end(receive(t, open)))
			w.eventually("no idle connection", func() bool { return w.stats().Idle == 0 })
			if res, body := c.get("/"); res.StatusCode != 200 || body != "connection 2" {
				t.Errorf("after the end: %s %q", res.Status, body)
			}
			_ = c.Close()
			lines := w.lines("exchange", 4)
			if lines[0]["reused"] != nil || lines[2]["reused"] != true || lines[3]["reused"] != nil || lines[0]["connect_ms"] == nil {
				t.Errorf("access log: %v", lines)
			}
		})
	}
}

// The client's host, not the SNI of the endpoint, is in the request; ALPN offers
// http/1.1 alone, so an endpoint that prefers h2 does not speak it.
func TestTLSEndpointThatPrefersHTTP2(t *testing.T) {
	ca := tlstest.New(t)
	cfg := serving(t, ca)
	cfg.NextProtos = []string{"h2", "http/1.1"}
	backend := httpsBackend(t, cfg, func(rw http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(rw, "%s %s %s", r.Proto, r.TLS.NegotiatedProtocol, r.Host)
	})
	w := start(t, secureCluster(backend, ca))
	if res, body := w.get("/"); res.StatusCode != 200 || body != "HTTP/1.1 http/1.1 "+w.addr {
		t.Errorf("%s %q", res.Status, body)
	}
}
