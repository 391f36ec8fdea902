package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"weir/engine/tlstest"
)

// What a handshake agreed on is in the line of every exchange and tunnel inside it,
// and the debug log tells how it went.
func TestTLSAccessLog(t *testing.T) {
	ca := tlstest.New(t)
	backend := tunnelBackend(t, func(c *net.TCPConn, _ string) { echoTunnel(c, "") })
	w := start(t, "[log]\nlevel = \"debug\"\n"+oneCluster(backend)+"[[routes]]\npath = \"/local\"\nrespond = { body = \"local\" }\n",
		edgeTLS(ca, "session_tickets = true", `client_auth = "request"`, fmt.Sprintf("client_ca = %q", ca.PEM)))
	cfg := trusting(ca)
	cfg.NextProtos, cfg.ClientSessionCache = []string{"http/1.1"}, tls.NewLRUClientSessionCache(1)
	cfg.Certificates = []tls.Certificate{ca.Issue([]string{"client.test"}, tlstest.Named("alice")).Pair(t)}
	c := w.secure(cfg)
	c.get(edgeName, "/local")
	_ = c.Close()
	c = w.secure(cfg)
	c.send(strings.Replace(upgradeRequest("/tunnel"), "Host: a", "Host: "+edgeName, 1))
	if res, err := readHead(c.r); err != nil || !strings.Contains(res, " 101 ") {
		t.Fatalf("no tunnel: %q, %v", res, err)
	}
	c.send("abc")
	requireBytes(t, c.r, []byte("abc"))
	_ = c.CloseWrite()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		t.Errorf("the end: %q, %v", rest, err)
	}
	_ = c.Close()
	w.lines("tunnel", 1)
	lines := w.accessLines()
	for target, want := range map[string]map[string]any{
		"/local":  {"tls": "1.3", "server_name": edgeName, "alpn": "http/1.1", "client_cert": "alice", "resumed": nil, "status": 200.0},
		"/tunnel": {"tls": "1.3", "server_name": edgeName, "alpn": "http/1.1", "client_cert": "alice", "resumed": true, "status": 101.0, "kind": "tunnel", "bytes_in": float64(len(upgradeRequest("/tunnel")) - 1 + len(edgeName) + 3)},
	} {
		for name, value := range want {
			if got := lines[target][name]; got != value {
				t.Errorf("%s: %s is %v, want %v", target, name, got, value)
			}
		}
	}
	log := w.log.String()
	for _, text := range []string{edgeName, "TLS"} {
		if !strings.Contains(log, text) {
			t.Errorf("%q is not in the debug log:\n%s", text, log)
		}
	}
}
