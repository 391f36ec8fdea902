package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"weir/engine/acme/acmetest"
)

func portOf(t *testing.T, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	must(t, err)
	port, err := strconv.Atoi(text)
	must(t, err)
	return port
}

// acmeKeys is the listener's acme table.
func acmeKeys(a *acmetest.Authority, storage string, hosts ...string) string {
	cfg := a.Table(storage, hosts...)
	return fmt.Sprintf("tls.acme = { hosts = [\"%s\"], email = %q, directory = %q, storage = %q, ca = %q }",
		strings.Join(hosts, `", "`), cfg.Email, cfg.Directory, cfg.Storage, cfg.CA)
}

// weir obtains its certificates by itself: the authority finds the answers to either
// challenge on weir's own listeners, between the requests of everyone else.
func TestTLSCertificatesFromAnAuthority(t *testing.T) {
	const plain = "[listeners.plain]\naddress = \"127.0.0.1:0\"\n" +
		"[[routes]]\nhttps_redirect = true\nrespond = { body = \"secured\" }\n"
	for _, challenge := range []string{"HTTP-01", "TLS-ALPN-01"} {
		t.Run(challenge, func(t *testing.T) {
			a := acmetest.New(t, acmetest.Options{})
			storage := t.TempDir()
			keys := acmeKeys(a, storage, "one.weir.test", "two.weir.test")
			w := start(t, plain, keys)
			if _, err := w.handshake(&tls.Config{ServerName: "one.weir.test", InsecureSkipVerify: true}); err == nil {
				t.Error("a handshake before there was a certificate")
			}
			w.gos++ // pebble's validator waits for work, and has no way to end
			dead := portOf(t, deadAddr(t))
			if challenge == "HTTP-01" {
				a.Validate(portOf(t, w.engine.Addr("plain")), dead)
			} else {
				a.Validate(dead, portOf(t, w.addr))
			}
			for _, host := range []string{"one.weir.test", "two.weir.test"} {
				w.requireLogged(fmt.Sprintf(`"acme: certificate obtained","host":%q`, host))
				if _, err := w.handshake(&tls.Config{ServerName: host, RootCAs: a.Roots()}); err != nil {
					t.Errorf("%s: %v", host, err)
				}
			}
			// What is no challenge of ours is an ordinary request.
			c := dialRaw(t, w.engine.Addr("plain"))
			_, err := c.Write([]byte("GET /.well-known/acme-challenge/unknown HTTP/1.1\r\nHost: one.weir.test\r\nConnection: close\r\n\r\n"))
			must(t, err)
			if head, err := readHeadOnly(c); err != nil || !strings.HasPrefix(head, "HTTP/1.1 308 ") {
				t.Errorf("%q, %v", head, err)
			}
			_ = c.Close()
			secured := w.secure(&tls.Config{ServerName: "two.weir.test", RootCAs: a.Roots()})
			if res, body := secured.get("two.weir.test", "/"); res.StatusCode != 200 || body != "secured" {
				t.Errorf("%s %q", res.Status, body)
			}
			_ = secured.Close()
			w.finish()
			// The next weir finds them in the storage, and asks nobody.
			asked := a.Orders.Load()
			next := start(t, plain, keys)
			if _, err := next.handshake(&tls.Config{ServerName: "one.weir.test", RootCAs: a.Roots()}); err != nil {
				t.Errorf("after a restart: %v", err)
			}
			next.finish()
			if n := a.Orders.Load(); n != asked {
				t.Errorf("%d orders, then %d", asked, n)
			}
		})
	}
}
