package e2e

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	gorilla "github.com/gorilla/websocket"

	"weir/engine/e2e/probe"
	"weir/engine/tlstest"
)

// command runs a program that the tests look up, and gives what it wrote, errors
// included.
func command(t *testing.T, path string, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %v: %v", path, args, err)
	}
	return string(out)
}

// wssBackend is an https server that serves h.
func wssBackend(t *testing.T, leaf *tlstest.Leaf, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{leaf.Pair(t)}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// A WebSocket inside TLS that weir does not end.
func TestPassthroughWebSocket(t *testing.T) {
	ca := tlstest.New(t)
	backend := wssBackend(t, ca.Issue([]string{"chat.test"}), serveCoder)
	w := start(t, "[[listeners.edge.forward]]\nserver_names = [\"chat.test\"]\ncluster = \"main\"\n"+mainCluster(backend), passthroughOnly)
	dialer := gorilla.Dialer{
		TLSClientConfig: &tls.Config{RootCAs: ca.Pool()},
		NetDial:         func(_, _ string) (net.Conn, error) { return net.Dial("tcp", w.addr) },
	}
	c, res, err := dialer.Dial("wss://chat.test/", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	message := pattern(1, largeMessage)
	for range 3 {
		if err := c.WriteMessage(gorilla.BinaryMessage, message); err != nil {
			t.Fatal(err)
		}
		if _, data, err := c.ReadMessage(); err != nil || !bytes.Equal(data, message) {
			t.Fatalf("%d bytes came back, %v", len(data), err)
		}
	}
	_ = c.Close()
}

// curl and openssl speak to an endpoint's own TLS, and verify its own certificate.
func TestPassthroughForeignClients(t *testing.T) {
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{"shop.test"})
	backend := wssBackend(t, leaf, func(rw http.ResponseWriter, r *http.Request) { _, _ = rw.Write([]byte("hello " + r.Host)) })
	w := start(t, mainCluster(backend), passthroughEdge)
	roots := tlstest.Write(t, t.TempDir(), "ca.pem", ca.PEM)
	_, port, _ := net.SplitHostPort(w.addr)

	if got := w.curl(nil, "--cacert", roots, "--resolve", "shop.test:"+port+":127.0.0.1", "https://shop.test:"+port+"/"); got != "hello shop.test:"+port {
		t.Errorf("curl got %q", got)
	}
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		got := command(t, openssl, "GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n", "s_client", "-connect", w.addr, "-servername", "shop.test",
			"-CAfile", roots, "-verify_return_error", "-quiet", "-ign_eof", version)
		if !strings.Contains(got, "hello shop.test") {
			t.Errorf("openssl %s got %q", version, got)
		}
	}
}

// openssl as the endpoint: a server that shares no code with weir sees a handshake
// that is the client's.
func TestPassthroughToOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{"shop.test"})
	dir := t.TempDir()
	addr := spawn(t, func(port string) *exec.Cmd {
		return exec.Command(openssl, "s_server", "-accept", port, "-cert", tlstest.Write(t, dir, "cert.pem", leaf.Chain),
			"-key", tlstest.Write(t, dir, "key.pem", leaf.Key), "-quiet", "-rev")
	})
	w := start(t, mainCluster(addr), passthroughEdge)
	c := w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "shop.test"})
	if _, err := c.Write([]byte("weir\n")); err != nil {
		t.Fatal(err)
	}
	requireBytes(t, c, []byte("riew\n"))
	_ = c.Close()
}

// spawn starts a server on a free port of 127.0.0.1 and waits until it listens. It is
// killed at the end of the test.
func spawn(t *testing.T, make func(port string) *exec.Cmd) (addr string) {
	t.Helper()
	for range 5 { // somebody may take the port in between
		addr = deadAddr(t)
		_, port, _ := net.SplitHostPort(addr)
		cmd := make(port)
		var out probe.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		// A server may end when its input does.
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		exited := newExit(cmd)
		up := poll(func() bool { return accepts(addr) || exited.over() })
		if up && !exited.over() {
			t.Cleanup(func() {
				_ = in.Close()
				_ = cmd.Process.Signal(os.Kill)
				exited.wait()
			})
			return addr
		}
		t.Logf("%v: %s", cmd.Args, out.String())
		_ = cmd.Process.Kill()
		exited.wait()
	}
	t.Fatal("the server does not start")
	return ""
}

// exit is the end of a process.
type exit struct{ done chan struct{} }

func newExit(cmd *exec.Cmd) exit {
	e := exit{make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(e.done)
	}()
	return e
}

func (e exit) wait() { <-e.done }

func (e exit) over() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}
