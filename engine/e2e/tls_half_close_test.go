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

// halfCloser is a connection whose directions end apart.
type halfCloser interface {
	io.ReadWriter
	CloseWrite() error
}

// duplex ends both TLS and TCP in one direction.
type duplex struct{ *tls.Conn }

func (d duplex) CloseWrite() error {
	err := d.Conn.CloseWrite()
	if err == nil {
		err = d.NetConn().(*net.TCPConn).CloseWrite()
	}
	return err
}

// notifier ends TLS in one direction, and leaves TCP as it is.
type notifier struct{ *tls.Conn }

// side runs one end of a half-close: it talks, ends its direction, and listens; or
// listens to the end, and talks then.
func side(c halfCloser, first bool, words []byte) (heard []byte, err error) {
	if !first {
		if heard, err = io.ReadAll(c); err != nil {
			return heard, err
		}
	}
	if _, err = c.Write(words); err != nil {
		return heard, err
	}
	if err = c.CloseWrite(); err != nil {
		return heard, err
	}
	if first {
		heard, err = io.ReadAll(c)
	}
	return heard, err
}

// close_notify is the end of one direction; the other carries a mebibyte behind it.
// With a FIN behind it or without, in a WebSocket's tunnel or in none.
func TestTLSHalfClose(t *testing.T) {
	ca := tlstest.New(t)
	last, answer := pattern(1, 1<<20), pattern(2, 1<<20)
	type result struct {
		heard []byte
		err   error
	}
	for _, shape := range []struct {
		name            string
		client, backend bool // who speaks TLS
		webSocket       bool
	}{
		{"wss to ws", true, false, true}, {"wss to wss", true, true, true}, {"ws to wss", false, true, true},
		{"TLS to TCP", true, false, false}, {"TLS to TLS", true, true, false}, {"TCP to TLS", false, true, false},
	} {
		for _, byClient := range []bool{true, false} {
			for _, fin := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, client first %v, FIN %v", shape.name, byClient, fin), func(t *testing.T) {
					ends := func(c *tls.Conn) halfCloser {
						if fin {
							return duplex{c}
						}
						return notifier{c}
					}
					there := make(chan result, 1)
					serve := func(c net.Conn, h halfCloser) {
						if shape.webSocket {
							if _, err := readHeadOnly(c); err != nil {
								return
							}
							_, _ = io.WriteString(c, switching)
						}
						words := answer
						if !byClient {
							words = last
						}
						var r result
						r.heard, r.err = side(h, !byClient, words)
						there <- r
					}
					toml := ""
					if shape.backend {
						toml = secureCluster(secureBackend(t, serving(t, ca), func(c *tls.Conn) { serve(c, ends(c)) }), ca)
					} else {
						toml = oneCluster(rawBackend(t, func(c *net.TCPConn) { serve(c, c) }))
					}
					var lines []string
					if !shape.webSocket {
						lines = append(lines, `protocol = "tcp"`, `cluster = "main"`)
						toml, _, _ = strings.Cut(toml, "[[routes]]")
					}
					var c net.Conn
					var h halfCloser
					var w *weir
					if shape.client {
						w = start(t, toml, append(lines, edgeTLS(ca))...)
						s := w.secure(trusting(ca))
						c, h = s, ends(s.Conn)
					} else {
						w = start(t, toml, lines...)
						raw := w.dial()
						c, h = raw, raw
					}
					if shape.webSocket {
						_, err := io.WriteString(c, strings.Replace(upgradeRequest("/t"), "Host: a", "Host: "+edgeName, 1))
						must(t, err)
						if head, err := readHeadOnly(c); err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") {
							t.Fatalf("no tunnel: %q, %v", head, err)
						}
					}
					var here result
					words := last
					if !byClient {
						words = answer
					}
					here.heard, here.err = side(h, byClient, words)
					other := receive(t, there)
					wantHere, wantThere := answer, last
					if !byClient {
						wantHere, wantThere = last, answer
					}
					if here.err != nil || string(here.heard) != string(wantHere) {
						t.Errorf("the client heard %d bytes, %v; want %d", len(here.heard), here.err, len(wantHere))
					}
					if other.err != nil || string(other.heard) != string(wantThere) {
						t.Errorf("the endpoint heard %d bytes, %v; want %d", len(other.heard), other.err, len(wantThere))
					}
					_ = c.Close()
					w.finish()
					if line := w.tunnelLines(1)[0]; line.Fault != "" || (line.ClosedBy == "client") != byClient {
						t.Errorf("access log: %+v", line)
					}
				})
			}
		}
	}
}
