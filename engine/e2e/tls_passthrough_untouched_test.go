package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"weir/engine/tlstest"
)

// recorded keeps what passes through a connection.
type recorded struct {
	net.Conn
	mu   sync.Mutex
	sent bytes.Buffer
	got  bytes.Buffer
}

func (r *recorded) Write(p []byte) (int, error) {
	n, err := r.Conn.Write(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent.Write(p[:n])
	return n, err
}

func (r *recorded) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got.Write(p[:n])
	return n, err
}

// Every byte of both directions, the ClientHello first, is the peer's own.
func TestTLSPassthroughTouchesNothing(t *testing.T) {
	ca := tlstest.New(t)
	cfg := &tls.Config{Certificates: []tls.Certificate{ca.Issue([]string{edgeName}).Pair(t)}, NextProtos: []string{"h2", "private/7"}}
	served := make(chan *recorded, 1)
	agreed := make(chan tls.ConnectionState, 1)
	backend := rawBackend(t, func(raw *net.TCPConn) {
		r := &recorded{Conn: raw}
		c := tls.Server(r, cfg)
		_, _ = io.Copy(onlyWriter{c}, onlyReader{c})
		agreed <- c.ConnectionState()
		_ = c.CloseWrite()
		_ = raw.CloseWrite()
		_, _ = io.Copy(io.Discard, r)
		served <- r
	})
	w := start(t, fmt.Sprintf("[clusters.main]\nendpoints = [%q]\n", backend), `protocol = "tls-passthrough"`, `cluster = "main"`)
	raw := w.dial()
	r := &recorded{Conn: raw}
	c := tls.Client(r, &tls.Config{RootCAs: ca.Pool(), ServerName: edgeName, NextProtos: []string{"private/7"}})
	message := pattern(3, 100_000)
	if _, err := c.Write(message); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, message) {
		t.Fatalf("%d bytes came back, %v", len(got), err)
	}
	_ = raw.CloseWrite()
	_, _ = io.Copy(io.Discard, r)
	state, there := receive(t, agreed), receive(t, served)
	if state.ServerName != edgeName || state.NegotiatedProtocol != "private/7" {
		t.Errorf("the endpoint saw SNI %q and ALPN %q", state.ServerName, state.NegotiatedProtocol)
	}
	if !bytes.Equal(there.got.Bytes(), r.sent.Bytes()) {
		t.Errorf("of %d bytes sent the endpoint got %d others", r.sent.Len(), there.got.Len())
	}
	if !bytes.Equal(r.got.Bytes(), there.sent.Bytes()) {
		t.Errorf("of %d bytes sent the client got %d others", there.sent.Len(), r.got.Len())
	}
	if hello := r.sent.Bytes(); hello[0] != 22 || hello[5] != 1 {
		t.Errorf("what was compared does not begin with a ClientHello: % x", hello[:6])
	}
}

// Who asks for a name that leads nowhere is told so, by an alert.
func TestTLSPassthroughRefusesUnknownNames(t *testing.T) {
	backend, seen := untouched(t)
	w := start(t, fmt.Sprintf("[clusters.main]\nendpoints = [%q]\n", backend),
		`protocol = "tls-passthrough"`, `forward = [{ server_names = ["known.test", "*.wild.test"], cluster = "main" }]`)
	for _, name := range []string{"unknown.test", "wild.test", "xknown.test", ""} {
		raw := w.dial()
		err := tls.Client(raw, &tls.Config{ServerName: name, InsecureSkipVerify: true}).Handshake()
		requireError(t, err, "unrecognized name")
	}
	if seen() != 0 {
		t.Error("the endpoint was reached")
	}
	for _, line := range w.handshakeLines(4) {
		if line["fault"] != "unknown_server_name" || line["kind"] != "refused" {
			t.Errorf("access log: %v", line)
		}
	}
}
