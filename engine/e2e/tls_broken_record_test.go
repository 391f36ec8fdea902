package e2e

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

// brokenRecord is of application data, and of no key.
func brokenRecord() []byte {
	r := record(23, pattern(9, 200))
	r[2] = 3
	return r
}

// A record that does not open ends the connection with an alert, wherever it comes:
// between two requests, inside a request, inside a tunnel.
func TestTLSBrokenRecordFromTheClient(t *testing.T) {
	ca := tlstest.New(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, where := range []string{"before a request", "in a request", "between requests", "in a body", "in a tunnel"} {
			t.Run(tls.VersionName(version)+", "+where, func(t *testing.T) {
				backend := tunnelBackend(t, func(c *net.TCPConn, _ string) { echoTunnel(c, "") })
				silent, _ := held(t, "")
				w := start(t, oneCluster(backend)+"[[routes]]\npath = \"/local\"\nrespond = { body = \"x\" }\n"+
					"[clusters.silent]\nendpoints = [\""+silent+"\"]\n[[routes]]\nprefix = \"/upload\"\ncluster = \"silent\"\n", edgeTLS(ca))
				cfg := trusting(ca)
				cfg.MaxVersion = version
				c := w.secure(cfg)
				switch where {
				case "in a request":
					c.send("GET /local HTTP/1.1\r\nHo")
				case "between requests":
					c.get(edgeName, "/local")
				case "in a body":
					c.send("POST /upload HTTP/1.1\r\nHost: " + edgeName + "\r\nContent-Length: 100\r\n\r\nabc")
					w.eventually("the upload is under way", func() bool { return w.stats().Connections == 2 })
				case "in a tunnel":
					c.send(strings.Replace(upgradeRequest("/t"), "Host: a", "Host: "+edgeName, 1))
					if head, err := readHead(c.r); err != nil || !strings.Contains(head, " 101 ") {
						t.Fatalf("no tunnel: %q, %v", head, err)
					}
				}
				_, err := c.raw.Write(brokenRecord())
				must(t, err)
				_, err = io.Copy(io.Discard, c.r)
				if err == nil || !strings.Contains(err.Error(), "bad record MAC") && !isReset(err) {
					t.Errorf("the client saw %v", err)
				}
				_ = c.raw.Close()
				w.requireFault(fault.TLSRecord, 1)
			})
		}
	}
}

// The same from an endpoint: before its response there is a 502, inside it the client
// must see that it is not whole.
func TestTLSBrokenRecordFromTheEndpoint(t *testing.T) {
	ca := tlstest.New(t)
	for _, begin := range []string{"", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", "HTTP/1.1 200 OK\r\n\r\nabc", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"} {
		t.Run(begin, func(t *testing.T) {
			backend := secureBackend(t, serving(t, ca), func(c *tls.Conn) {
				_, _ = c.Read(make([]byte, 4096))
				_, _ = io.WriteString(c, begin)
				_, _ = c.NetConn().Write(brokenRecord())
				_, _ = io.Copy(io.Discard, c.NetConn())
			})
			w := start(t, secureCluster(backend, ca))
			c := w.client()
			c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			res, err := http.ReadResponse(c.r, nil)
			must(t, err)
			body, err := io.ReadAll(res.Body)
			_ = c.Close()
			w.finish()
			line := w.lines("exchange", 1)[0]
			if strings.HasSuffix(begin, "Content-Le") || begin == "" {
				if res.StatusCode != 502 || !strings.HasPrefix(res.Header.Get("Weir-Error"), "upstream_") || err != nil {
					t.Errorf("%s, Weir-Error %q, %q, %v", res.Status, res.Header.Get("Weir-Error"), body, err)
				}
			} else if res.StatusCode != 200 || err == nil {
				t.Errorf("a response that is not whole is %s, %q", res.Status, body)
			}
			if name, _ := line["fault"].(string); !strings.HasPrefix(name, "upstream_tls_record") && begin != "" {
				t.Errorf("access log: %v", line)
			}
		})
	}
}
