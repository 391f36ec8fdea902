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

// secureCuttable is secure, for a client that insists on close_notify.
func (w *weir) secureCuttable(ca *tlstest.Authority) *tls.Conn {
	w.t.Helper()
	c := tls.Client(cuttable{w.dial()}, trusting(ca))
	if err := c.Handshake(); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// Whatever ends a connection in order ends TLS first: a client could not tell a FIN
// from a cut.
func TestTLSEndsWithCloseNotify(t *testing.T) {
	ca := tlstest.New(t)
	untilClose := answering(t, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc")
	for _, tt := range []struct{ name, request, toml, edge string }{
		{"Connection: close", "GET / HTTP/1.1\r\nHost: edge.test\r\nConnection: close\r\n\r\n", "", ""},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "", ""},
		{"a malformed request", "GET / HTTP/1.1\r\nBad : field\r\n\r\n", "", ""},
		{"idle for too long", "GET / HTTP/1.1\r\nHost: edge.test\r\n\r\n", "", `timeouts = { keep_alive_idle = "50ms" }`},
		{"half a head", "GET / HTT", "", `timeouts = { request_head = "50ms" }`},
		{"a tunnel that is silent", strings.Replace(upgradeRequest("/"), "Host: a", "Host: edge.test", 1), "timeouts = { tunnel_idle = \"50ms\" }", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			backend := untilClose
			if tt.toml != "" {
				backend = tunnelBackend(t, func(c *net.TCPConn, _ string) { echoTunnel(c, "") })
			}
			w := start(t, oneCluster(backend, tt.toml), edgeTLS(ca), tt.edge)
			c := w.secureCuttable(ca)
			_, err := io.WriteString(c, tt.request)
			must(t, err)
			if got, err := io.ReadAll(c); err != nil || len(got) == 0 {
				t.Errorf("%q, %v", got, err)
			}
			_ = c.Close()
		})
	}
}

// A drain ends idle connections in order, too, on both sides of weir.
func TestTLSDrainEndsInOrder(t *testing.T) {
	ca := tlstest.New(t)
	ends := make(chan error, 1)
	backend := rawBackend(t, func(raw *net.TCPConn) {
		c := tls.Server(cuttable{raw}, serving(t, ca))
		if _, err := readHeadOnly(c); err != nil {
			return
		}
		_, _ = io.WriteString(c, ok("x"))
		_, err := c.Read(make([]byte, 1))
		ends <- err
	})
	w := start(t, secureCluster(backend, ca), edgeTLS(ca))
	c := w.secureCuttable(ca)
	_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: edge.test\r\n\r\n")
	must(t, err)
	answer := make([]byte, 1)
	must(t, second(io.ReadFull(c, answer)))
	w.eventually("both sides are idle", func() bool { s := w.stats(); return s.Idle == 1 && s.Active == 0 })
	w.stop()
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("the client saw %v", err)
	}
	if err := receive(t, ends); err != io.EOF {
		t.Errorf("the endpoint saw %v", err)
	}
	_ = c.Close()
}

func second[T any](_ T, err error) error { return err }

// A refusal reaches a client that is still sending, though nobody wants what it sends.
func TestTLSRefusedUploadIsAnswered(t *testing.T) {
	ca := tlstest.New(t)
	backend, _ := held(t, "") // chunks tell their size late: it may be reached
	w := start(t, oneCluster(backend), edgeTLS(ca), `max_body = "1KiB"`)
	for _, framing := range []string{"Content-Length: 4000000", "Transfer-Encoding: chunked"} {
		c := w.secure(trusting(ca))
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: edge.test\r\n"+framing+"\r\n\r\n")
			if framing[0] == 'T' {
				_, _ = io.WriteString(c, "3d0900\r\n")
			}
			_, _ = c.Write(make([]byte, 4_000_000))
		}()
		res, err := http.ReadResponse(c.r, nil)
		if err != nil || res.StatusCode != 413 {
			t.Fatalf("%s: %v, %v", framing, res, err)
		}
		<-sent
		_ = c.Close()
	}
	w.requireFault(fault.BodyTooLarge, 2)
}

// A record that says to be longer than any may be ends the connection at its header:
// nobody waits for the rest, or keeps it.
func TestTLSRecordThatIsTooLong(t *testing.T) {
	ca := tlstest.New(t)
	w := start(t, respondAll, edgeTLS(ca))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := trusting(ca)
		cfg.MaxVersion = version
		c := w.secure(cfg)
		must(t, second(c.raw.Write([]byte{23, 3, 3, 0xff, 0xff})))
		_, err := io.ReadAll(c.r)
		requireError(t, err, "remote error: tls: ")
		_ = c.raw.Close()
	}
	w.requireFault(fault.TLSRecord, 2)
}
