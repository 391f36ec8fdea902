package e2e

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

const (
	autoEdge   = "protocol = \"auto\"\ncluster = \"main\""
	shortSniff = "150ms"
	longSniff  = "1h"
)

// startAuto runs weir with a port of all protocols: HTTP goes to web, all else to main.
// edge is put behind the listener's keys, before the other tables.
// sniff is how long the first bytes are waited for: short where a test is about
// silence, else long, so that no slow machine makes it one.
func startAuto(t *testing.T, sniff, web, main, edge string) *weir {
	t.Helper()
	return start(t, "[listeners.edge.timeouts]\nsniff = \""+sniff+"\"\n"+edge+mainCluster(main)+clusterOf("web", []string{web})+"[[routes]]\ncluster = \"web\"\n", autoEdge)
}

// speakAll has everything that weir knows spoken to the backends of autoBackends, on
// connections that dial opens.
func speakAll(t *testing.T, dial func() opaqueConn) {
	t.Helper()
	t.Run("HTTP", func(t *testing.T) {
		c := dial()
		requireHTTP(t, c, "/page", "web /page")
		requireHTTP(t, c, "/again", "web /again") // kept alive
		_ = c.Close()
	})
	t.Run("WebSocket", func(t *testing.T) {
		c := dial()
		if _, err := io.WriteString(c, upgradeRequest("/chat")); err != nil {
			t.Fatal(err)
		}
		if head, err := readHeadOnly(c); err != nil || !bytes.HasPrefix([]byte(head), []byte("HTTP/1.1 101 ")) {
			t.Fatalf("%q, %v", head, err)
		}
		requireEcho(t, c)
	})
	t.Run("opaque bytes", func(t *testing.T) {
		c := dial()
		if _, err := io.WriteString(c, "\x00\x01hello"); err != nil {
			t.Fatal(err)
		}
		requireBytes(t, c, []byte("main\n\x00\x01hello"))
		requireEcho(t, c)
	})
	t.Run("a few bytes that could still be HTTP, then FIN", func(t *testing.T) {
		c := dial()
		if _, err := io.WriteString(c, "HELO"); err != nil {
			t.Fatal(err)
		}
		_ = c.CloseWrite()
		if got, err := io.ReadAll(c); err != nil || string(got) != "main\nHELO" {
			t.Errorf("%q, %v", got, err)
		}
		_ = c.Close()
	})
}

// fallSilent is speakAll for clients that wait.
func fallSilent(t *testing.T, dial func() opaqueConn) {
	t.Helper()
	t.Run("the server speaks first", func(t *testing.T) { requireGreeting(t, dial(), "main") })
	t.Run("a few bytes that could still be HTTP, then silence", func(t *testing.T) {
		c := dial()
		if _, err := io.WriteString(c, "HELO"); err != nil {
			t.Fatal(err)
		}
		requireBytes(t, c, []byte("main\nHELO"))
		requireEcho(t, c)
	})
}

func requireHTTP(t *testing.T, c net.Conn, path, want string) {
	t.Helper()
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	requireResponse(t, c, want)
}

// autoBackends are one of HTTP and WebSocket, and one whose server speaks first.
func autoBackends(t *testing.T) (web, main string) {
	t.Helper()
	web = rawBackend(t, func(c *net.TCPConn) {
		for {
			head, err := readHeadOnly(c)
			if err != nil {
				return
			}
			if field(head, "Upgrade") != "-" {
				_, _ = io.WriteString(c, switching)
				echoTunnel(c, "")
				_ = c.CloseWrite()
				return
			}
			_, _ = io.WriteString(c, ok("web "+between(head, "GET ", " HTTP")))
		}
	})
	return web, greeting(t, "main")
}

// TLS passes through where the listener does not end it, and everything else is told
// apart.
func TestAutoWithoutTLS(t *testing.T) {
	ca := tlstest.New(t)
	web, main := autoBackends(t)
	secret := greetingTLS(t, ca, "secret.test")
	edge := "[[listeners.edge.forward]]\nserver_names = [\"secret.test\"]\ncluster = \"secret\"\n" + clusterOf("secret", []string{secret})
	t.Run("silence", func(t *testing.T) {
		w := startAuto(t, shortSniff, web, main, edge)
		fallSilent(t, func() opaqueConn { return w.dial() })
	})
	w := startAuto(t, longSniff, web, main, edge)
	speakAll(t, func() opaqueConn { return w.dial() })
	t.Run("TLS", func(t *testing.T) {
		requireGreeting(t, w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "secret.test"}), "secret.test")
	})
}

// TLS ends at a listener that has a certificate, and what is inside is told apart as
// what comes without.
func TestAutoWithTLS(t *testing.T) {
	ca := tlstest.New(t)
	web, main := autoBackends(t)
	edge := endingTLS(ca.Issue([]string{"a.test"}))
	inside := func(w *weir) opaqueConn { return w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"}) }
	t.Run("silence", func(t *testing.T) {
		w := startAuto(t, shortSniff, web, main, edge)
		t.Run("plain", func(t *testing.T) { fallSilent(t, func() opaqueConn { return w.dial() }) })
		t.Run("inside TLS", func(t *testing.T) { fallSilent(t, func() opaqueConn { return inside(w) }) })
	})
	w := startAuto(t, longSniff, web, main, edge)
	t.Run("plain", func(t *testing.T) { speakAll(t, func() opaqueConn { return w.dial() }) })
	t.Run("inside TLS", func(t *testing.T) { speakAll(t, func() opaqueConn { return inside(w) }) })
	t.Run("TLS inside TLS is opaque", func(t *testing.T) {
		hello := helloRecord(t, &tls.Config{ServerName: "inner.test"})
		c := w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"})
		if _, err := c.Write(hello); err != nil {
			t.Fatal(err)
		}
		requireBytes(t, c, append([]byte("main\n"), hello...))
		requireEcho(t, c)
	})
}

// A request is a request however it is cut.
func TestAutoRequestInTwoSegments(t *testing.T) {
	web, main := autoBackends(t)
	w := startAuto(t, longSniff, web, main, "")
	const request = "GET /page HTTP/1.1\r\nHost: a.test\r\n\r\n"
	for cut := 1; cut < len(request); cut++ {
		c := w.dial()
		_ = c.SetNoDelay(true)
		if _, err := io.WriteString(c, request[:cut]); err != nil {
			t.Fatal(err)
		}
		// What came first has been looked at by itself.
		w.eventually("the first segment is read", func() bool { return w.stats().Buffers > 0 })
		if _, err := io.WriteString(c, request[cut:]); err != nil {
			t.Fatal(err)
		}
		requireResponse(t, c, "web /page")
		_ = c.Close()
		w.eventually("the connection has ended", func() bool { return w.stats().Sessions == 0 })
	}
	c := w.dial()
	sendSlowly(t, c, []byte(request))
	requireResponse(t, c, "web /page")
	_ = c.Close()
}

// What leads nowhere is closed and counted; silence that leads nowhere is no fault.
func TestAutoWithoutACluster(t *testing.T) {
	w := start(t, "[listeners.edge.timeouts]\nsniff = \"200ms\"\n[[routes]]\nrespond = { body = \"here\" }\n", "protocol = \"auto\"")
	if got := w.raw("\x00\x01\x02"); got != "" {
		t.Errorf("got %q", got)
	}
	if got := w.raw("HELO"); got != "" {
		t.Errorf("got %q", got)
	}
	if got := w.raw(""); got != "" {
		t.Errorf("got %q", got)
	}
	if res, body := w.get("/"); res.StatusCode != http.StatusOK || body != "here" {
		t.Errorf("%s %q", res.Status, body)
	}
	if n := w.stats().Faults[fault.UnknownProtocol]; n != 2 {
		t.Errorf("%d of fault unknown_protocol, want 2", n)
	}
	for _, line := range w.opaqueLines(3) {
		if line.Kind == "refused" && (line.Fault != "unknown_protocol" || line.ClosedBy != "weir") {
			t.Errorf("log line %+v", line)
		}
	}
}

// A ClientHello that has begun gets the time of a handshake, not that of sniffing.
func TestAutoSlowHello(t *testing.T) {
	ca := tlstest.New(t)
	_, main := autoBackends(t)
	w := start(t, "[listeners.edge.timeouts]\nsniff = \"1h\"\nhandshake = \"200ms\"\n"+endingTLS(ca.Issue([]string{"a.test"}))+mainCluster(main), autoEdge)
	c := w.dial()
	if _, err := c.Write(helloRecord(t, &tls.Config{ServerName: "a.test"})[:100]); err != nil {
		t.Fatal(err)
	}
	requireCut(t, c)
	if line := w.opaqueLines(1)[0]; line.Fault != "handshake_timeout" {
		t.Errorf("log line %+v", line)
	}
}

// No client can make weir wait for more than a few bytes: a word too long for a method
// is no HTTP.
func TestAutoByteCap(t *testing.T) {
	_, main := autoBackends(t)
	w := start(t, "[listeners.edge.timeouts]\nsniff = \"1h\"\nhandshake = \"1h\"\n"+mainCluster(main), autoEdge)
	c := w.dial()
	word := bytes.Repeat([]byte("A"), 18)
	sendSlowly(t, c, word)
	requireBytes(t, c, append([]byte("main\n"), word...))
	requireEcho(t, c)
}
