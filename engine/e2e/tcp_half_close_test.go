package e2e

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"

	"weir/engine/tlstest"
)

// tcpForms are where TLS is spoken: by the client, by the endpoint, or both.
var tcpForms = []struct {
	name        string
	front, back bool
}{
	{"plain", false, false},
	{"TLS ended", true, false},
	{"TLS originated", false, true},
	{"TLS ended and originated", true, true},
}

// startTCPForm runs weir between a backend that serves, and what dial opens.
func startTCPForm(t *testing.T, front, back bool, serve func(c opaqueConn)) (w *weir, dial func() opaqueConn) {
	t.Helper()
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{"a.test"})
	var backend, text string
	if back {
		cfg := &tls.Config{Certificates: []tls.Certificate{leaf.Pair(t)}}
		backend = tlsBackend(t, cfg, func(c *tls.Conn) { serve(c) })
	} else {
		backend = rawBackend(t, func(c *net.TCPConn) { serve(c) })
	}
	if front {
		text = endingTLS(leaf)
	}
	text += mainCluster(backend)
	if back {
		text += originatingTLS("main", ca, "a.test")
	}
	w = start(t, text, opaqueEdge)
	if !front {
		return w, func() opaqueConn { return w.dial() }
	}
	return w, func() opaqueConn { return w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"}) }
}

const bulk = 8 << 20

var bulkUp, bulkDown = sync.OnceValue(func() []byte { return pattern(1, bulk) }), sync.OnceValue(func() []byte { return pattern(2, bulk) })

// Either side may send its 8 MiB and end its direction; the other, which answers only
// then, is heard to its end, with TLS on any side.
func TestTCPHalfClose(t *testing.T) {
	// first speaks and then listens, second the other way round.
	first := func(c opaqueConn, say, want []byte) (bool, error) {
		if _, err := c.Write(say); err != nil {
			return false, err
		}
		if err := c.CloseWrite(); err != nil {
			return false, err
		}
		got, err := io.ReadAll(c)
		return bytes.Equal(got, want), err
	}
	second := func(c opaqueConn, say, want []byte) (bool, error) {
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, want) {
			return false, err
		}
		if _, err := c.Write(say); err != nil {
			return false, err
		}
		return true, c.CloseWrite()
	}
	for _, form := range tcpForms {
		for _, by := range []string{"client", "endpoint"} {
			t.Run(form.name+", the "+by+" first", func(t *testing.T) {
				client, endpoint := first, second
				if by == "endpoint" {
					client, endpoint = second, first
				}
				atEndpoint := make(chan error, 1)
				w, dial := startTCPForm(t, form.front, form.back, func(c opaqueConn) {
					equal, err := endpoint(c, bulkDown(), bulkUp())
					if !equal {
						t.Errorf("the endpoint did not get what was sent")
					}
					atEndpoint <- err
				})
				c := dial()
				if equal, err := client(c, bulkUp(), bulkDown()); !equal || err != nil {
					t.Errorf("at the client: the same bytes: %v, %v", equal, err)
				}
				if err := receive(t, atEndpoint); err != nil {
					t.Errorf("at the endpoint: %v", err)
				}
				_ = c.Close()
				line := w.opaqueLines(1)[0]
				if line.BytesIn != bulk || line.BytesOut != bulk || line.Fault != "" || line.ClosedBy != by {
					t.Errorf("log line %+v", line)
				}
			})
		}
	}
}

// Both directions are full at the same time.
func TestTCPBothWaysAtOnce(t *testing.T) {
	both := func(c opaqueConn, say, want []byte) {
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Write(say); err != nil {
				t.Error(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		wg.Wait()
	}
	for _, form := range tcpForms {
		t.Run(form.name, func(t *testing.T) {
			_, dial := startTCPForm(t, form.front, form.back, func(c opaqueConn) { both(c, bulkDown(), bulkUp()) })
			c := dial()
			both(c, bulkUp(), bulkDown())
			_ = c.Close()
		})
	}
}

// A server that speaks first is heard by a client that has said nothing.
func TestTCPServerSpeaksFirst(t *testing.T) {
	for _, form := range tcpForms {
		t.Run(form.name, func(t *testing.T) {
			_, dial := startTCPForm(t, form.front, form.back, func(c opaqueConn) { greet(c, "220 ready") })
			requireGreeting(t, dial(), "220 ready")
		})
	}
}
