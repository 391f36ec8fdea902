package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"

	"weir/engine/tlstest"
)

// socat on both sides of weir: a client that says all it has to say, ends its
// direction, and waits for the answer; and a server that answers only then.
func TestTCPSocat(t *testing.T) {
	socat, err := exec.LookPath("socat")
	if err != nil {
		t.Skip("socat is not installed")
	}
	content := string(pattern(5, 1<<20))
	server := spawn(t, func(port string) *exec.Cmd {
		return exec.Command(socat, "TCP-LISTEN:"+port+",bind=127.0.0.1,reuseaddr,fork", "SYSTEM:cksum")
	})
	want := checksum(t, content)
	w := start(t, mainCluster(server), opaqueEdge)
	if got := command(t, socat, content, "-t", "20", "-", "TCP:"+w.addr); strings.TrimSpace(got) != want {
		t.Errorf("the sum that came back is %q, want %q", got, want)
	}
	if line := w.opaqueLines(1)[0]; line.BytesIn != 1<<20 || line.Fault != "" || line.ClosedBy != "client" {
		t.Errorf("log line %+v", line)
	}
}

// checksum is what cksum says of text.
func checksum(t *testing.T, text string) string {
	t.Helper()
	path, err := exec.LookPath("cksum")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(command(t, path, text))
}

// openssl as client and as server of tunnels, in both versions of TLS.
func TestTCPOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{"a.test"})
	dir := t.TempDir()
	roots, cert, key := tlstest.Write(t, dir, "ca.pem", ca.PEM), tlstest.Write(t, dir, "cert.pem", leaf.Chain), tlstest.Write(t, dir, "key.pem", leaf.Key)
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		t.Run("client "+version, func(t *testing.T) {
			w := start(t, endingTLS(leaf)+mainCluster(rawBackend(t, func(c *net.TCPConn) {
				_, _ = io.WriteString(c, "220 ready\n")
				got := make([]byte, 5)
				_, _ = io.ReadFull(c, got)
				_, _ = fmt.Fprintf(c, "got %s\n", got)
			})), opaqueEdge)
			got := command(t, openssl, "hello", "s_client", "-connect", w.addr, "-servername", "a.test", "-CAfile", roots, "-verify_return_error", "-quiet", "-ign_eof", version)
			if !strings.HasSuffix(got, "220 ready\ngot hello\n") {
				t.Errorf("openssl wrote %q", got)
			}
			if line := w.opaqueLines(1)[0]; line.Fault != "" || line.Name != "a.test" || line.BytesIn != 5 || line.ClosedBy != "endpoint" {
				t.Errorf("log line %+v", line)
			}
		})
		t.Run("server "+version, func(t *testing.T) {
			server := spawn(t, func(port string) *exec.Cmd {
				return exec.Command(openssl, "s_server", "-accept", "127.0.0.1:"+port, "-cert", cert, "-key", key, "-quiet", "-rev", version)
			})
			w := start(t, mainCluster(server)+originatingTLS("main", ca, "a.test"), opaqueEdge)
			c := w.dial()
			if _, err := io.WriteString(c, "weir\n"); err != nil {
				t.Fatal(err)
			}
			requireBytes(t, c, []byte("riew\n"))
			_ = c.Close()
		})
	}
}

// HAProxy in front, that passes opaque bytes and TLS on behind a PROXY header.
func TestTCPBehindHAProxy(t *testing.T) {
	ca := tlstest.New(t)
	for _, through := range []bool{false, true} {
		edge, backend := opaqueEdge, greeting(t, "main")
		if through {
			edge, backend = passthroughEdge, greetingTLS(t, ca, "main")
		}
		w := start(t, proxyFrom("required", `"127.0.0.1"`)+mainCluster(backend), edge)
		front := haproxy(t, "listen in\n\tmode tcp\n\tbind fd@3\n\tserver weir "+w.addr+" send-proxy-v2\n")
		raw := dialRaw(t, front)
		var c opaqueConn = raw
		if through {
			c = tls.Client(raw, &tls.Config{RootCAs: ca.Pool(), ServerName: "main"})
		}
		requireGreeting(t, c, "main")
		if line := w.opaqueLines(1)[0]; line.Client != raw.LocalAddr().String() || line.Fault != "" {
			t.Errorf("log line %+v, want client %s", line, raw.LocalAddr())
		}
	}
}

// A listener for both families: clients of IPv4 are judged, and told of, as IPv4.
func TestProxyHeaderOnBothFamilies(t *testing.T) {
	backend, headers := told(t, func(c *net.TCPConn) { greet(c, "main") })
	w := startText(t, "[listeners.edge]\naddress = \"[::]:0\"\n"+opaqueEdge+"\n"+proxyFrom("optional", `"127.0.0.1", "::1"`)+mainCluster(backend, `proxy_protocol = "v1"`))
	_, port, _ := net.SplitHostPort(w.addr)
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, header := range []string{"", v1of4, v1of6} {
			c := dialRaw(t, net.JoinHostPort(host, port))
			if _, err := io.WriteString(c, header+"hello"); err != nil {
				t.Fatal(err)
			}
			requireBytes(t, c, []byte("main\nhello"))
			requireEcho(t, c)
			h, want := receive(t, headers), c.LocalAddr().String()
			switch header {
			case v1of4:
				want = announced4
			case v1of6:
				want = announced6
			}
			if h.Source.String() != want {
				t.Errorf("%s, %q: the endpoint was told of %v, want %s", host, header, h.Source, want)
			}
		}
	}
}
