package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"weir/engine/tlstest"
)

// An endpoint that ends TLS with OpenSSL, as most do: tickets behind the handshake,
// connections that are kept, large bodies, and WebSockets.
func TestTLSThroughNginx(t *testing.T) {
	ca := tlstest.New(t)
	dir := t.TempDir()
	writePair(t, dir, ca.Issue([]string{backendName}))
	for _, version := range []string{"TLSv1.2", "TLSv1.3"} {
		t.Run(version, func(t *testing.T) {
			more := fmt.Sprintf(" ssl;\nssl_certificate %[1]s/cert.pem;\nssl_certificate_key %[1]s/key.pem;\nssl_protocols %[2]s;\nproxy_buffering off", dir, version)
			body := pattern(6, 3<<20)
			addr := nginxWith(t, httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Upgrade") != "" {
					serveGorilla(rw, r)
					return
				}
				_, _ = rw.Write(body)
			}), more)
			w := start(t, secureCluster(addr, ca)+"[engine]\nloops = 1\n", edgeTLS(ca))
			c := w.secure(trusting(ca))
			for range 3 {
				c.send("GET / HTTP/1.1\r\nHost: " + edgeName + "\r\n\r\n")
				res, err := http.ReadResponse(c.r, nil)
				must(t, err)
				got, err := io.ReadAll(res.Body)
				if err != nil || res.StatusCode != 200 || !bytes.Equal(got, body) {
					t.Fatalf("%s, %d bytes, %v", res.Status, len(got), err)
				}
			}
			_ = c.Close()
			if s := w.stats(); s.Reused != 2 || s.Dialled != 1 {
				t.Errorf("%d connections, reused %d times; want 1, 2", s.Dialled, s.Reused)
			}
			ws := dialCoderTLS(t, w.addr, trusting(ca), chosenProtocol)
			must(t, ws.write(false, body[:1<<20]))
			if _, got, err := ws.read(); err != nil || !bytes.Equal(got, body[:1<<20]) {
				t.Errorf("%d bytes came back, %v", len(got), err)
			}
			must(t, ws.close(1000, "done"))
			ws.end()
		})
	}
}
