package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"weir/engine/e2e/probe"
	"weir/engine/tlstest"
)

// The names of certificates in these tests.
const (
	edgeName    = "edge.test"    // weir's, for clients
	backendName = "backend.test" // an endpoint's, for weir
)

// pair is an entry of tls.certificates.
func pair(l *tlstest.Leaf) string { return fmt.Sprintf("{ cert = %q, key = %q }", l.Chain, l.Key) }

// endsTLS gives a listener's keys: it has the certificates, and more of its tls table,
// a key each.
func endsTLS(certificates []*tlstest.Leaf, more ...string) string {
	var pairs []string
	for _, l := range certificates {
		pairs = append(pairs, pair(l))
	}
	text := "tls.certificates = [" + strings.Join(pairs, ", ") + "]\n"
	for _, m := range more {
		text += "tls." + m + "\n"
	}
	return text
}

// edgeTLS is endsTLS with one certificate, for edgeName.
func edgeTLS(ca *tlstest.Authority, more ...string) string {
	return endsTLS([]*tlstest.Leaf{ca.Issue([]string{edgeName})}, more...)
}

// secureCluster is oneCluster whose endpoint speaks TLS, as backendName, with a
// certificate of ca. more are keys of its tls table.
func secureCluster(addr string, ca *tlstest.Authority, more ...string) string {
	text := fmt.Sprintf("[clusters.main]\nendpoints = [%q]\ntls.server_name = %q\ntls.ca = %q\n", addr, backendName, ca.PEM)
	for _, m := range more {
		text += "tls." + m + "\n"
	}
	return text + "[[routes]]\ncluster = \"main\"\n"
}

// trusting is a client that verifies edgeName with ca.
func trusting(ca *tlstest.Authority) *tls.Config {
	return &tls.Config{RootCAs: ca.Pool(), ServerName: edgeName}
}

// serving is a server with a certificate of ca for backendName.
func serving(t *testing.T, ca *tlstest.Authority) *tls.Config {
	t.Helper()
	return &tls.Config{Certificates: []tls.Certificate{ca.Issue([]string{backendName}).Pair(t)}}
}

// secureClient is a client's connection inside TLS, with a reader of responses.
type secureClient struct {
	*tls.Conn
	t   *testing.T
	raw *net.TCPConn
	r   *bufio.Reader
}

// secure opens TLS with weir.
func (w *weir) secure(cfg *tls.Config) *secureClient {
	w.t.Helper()
	raw := w.dial()
	c := tls.Client(raw, cfg)
	if err := c.Handshake(); err != nil {
		w.t.Fatalf("no handshake: %v", err)
	}
	return &secureClient{c, w.t, raw, bufio.NewReader(c)}
}

// handshake tries to open TLS with weir, up to the first bytes that weir has to say:
// a client of TLS 1.3 learns only there that its certificate was refused.
func (w *weir) handshake(cfg *tls.Config) (tls.ConnectionState, error) {
	w.t.Helper()
	raw := w.dial()
	defer func() { _ = raw.Close() }()
	c := tls.Client(raw, cfg)
	if err := c.Handshake(); err != nil {
		return tls.ConnectionState{}, err
	}
	_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+edgeName+"\r\nConnection: close\r\n\r\n")
	if err == nil {
		_, err = io.ReadAll(c)
	}
	return c.ConnectionState(), err
}

func (c *secureClient) send(text string) {
	c.t.Helper()
	sendTo(c.t, c, text)
}

func (c *secureClient) response(method string) (*http.Response, string) {
	c.t.Helper()
	return responseFrom(c.t, c.r, method)
}

// get makes one GET, for host.
func (c *secureClient) get(host, path string) (*http.Response, string) {
	c.t.Helper()
	c.send("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
	return c.response("GET")
}

// secureBackend hands every connection to serve, inside TLS. A handshake that fails
// ends it.
func secureBackend(t *testing.T, cfg *tls.Config, serve func(c *tls.Conn)) string {
	t.Helper()
	return rawBackend(t, func(raw *net.TCPConn) {
		c := tls.Server(raw, cfg)
		if c.Handshake() == nil {
			serve(c)
			_ = c.Close()
		}
	})
}

// httpsBackend serves h with net/http over TLS.
func httpsBackend(t *testing.T, cfg *tls.Config, h http.HandlerFunc) string {
	t.Helper()
	ln := listen(t)
	s := &http.Server{Handler: h, TLSConfig: cfg, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = s.ServeTLS(ln, "", "") }()
	t.Cleanup(func() { _ = s.Close() })
	return ln.Addr().String()
}

// openssl runs the real one, fed with stdin, and returns all that it wrote.
func openssl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tool(t, "openssl"), args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	watch := time.AfterFunc(deadline, func() { _ = cmd.Process.Kill() })
	defer watch.Stop()
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return out.String()
}

// sClient makes a request with openssl s_client.
func (w *weir) sClient(ca *tlstest.Authority, args ...string) string {
	w.t.Helper()
	file := tlstest.Write(w.t, w.t.TempDir(), "ca.pem", ca.PEM)
	return openssl(w.t, "GET / HTTP/1.1\r\nHost: "+edgeName+"\r\nConnection: close\r\n\r\n",
		append([]string{"s_client", "-connect", w.addr, "-servername", edgeName, "-CAfile", file, "-ign_eof"}, args...)...)
}

// sServer starts openssl s_server, as backendName, and returns its address.
func sServer(t *testing.T, leaf *tlstest.Leaf, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	cert, key := tlstest.Write(t, dir, "cert.pem", leaf.Chain), tlstest.Write(t, dir, "key.pem", leaf.Key)
	cmd := exec.Command(tool(t, "openssl"), append([]string{"s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key, "-www"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if addr, found := strings.CutPrefix(lines.Text(), "ACCEPT "); found {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return addr
		}
	}
	t.Fatal("openssl s_server does not start")
	return ""
}

// tool finds a program.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// requireError demands an error that says text.
func requireError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want one that says %q", err, text)
	}
}

// echoBackend greets with its name and sends back what comes.
func echoBackend(t *testing.T, greeting string) string {
	t.Helper()
	return rawBackend(t, func(c *net.TCPConn) {
		if _, err := io.WriteString(c, greeting); err == nil {
			echoTunnel(c, "")
		}
	})
}

// readFile gives a file that a program was to write; otherwise what it said.
func readFile(t *testing.T, name, said string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return string(text)
}

// cuttable tells a FIN from the end of what is inside it.
type cuttable struct{ net.Conn }

var errCut = errors.New("FIN without close_notify")

func (c cuttable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = errCut
	}
	return n, err
}

// openssl begins an interactive session of openssl s_client, which has verified weir.
// The test ends it.
func (w *weir) openssl(ca *tlstest.Authority, args ...string) (cmd *exec.Cmd, in io.WriteCloser, out *probe.Buffer) {
	w.t.Helper()
	cmd = exec.Command(tool(w.t, "openssl"), append([]string{
		"s_client", "-connect", w.addr, "-servername", edgeName, "-CAfile", tlstest.Write(w.t, w.t.TempDir(), "ca.pem", ca.PEM),
	}, args...)...)
	in, err := cmd.StdinPipe()
	must(w.t, err)
	out = &probe.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	must(w.t, cmd.Start())
	w.eventually("a session", func() bool { return strings.Contains(out.String(), "Verify return code: 0") })
	return cmd, in, out
}
