package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

// What is not a ClientHello gets an alert and costs nothing more; the log says what
// was wrong with it. The same on every kind of listener that reads one.
func TestTLSMalformedHello(t *testing.T) {
	ca := tlstest.New(t)
	hello := clientHello(t, smallHello())
	change := func(at int, to ...byte) []byte {
		b := bytes.Clone(hello)
		copy(b[at:], to)
		return b
	}
	tests := []struct {
		name  string
		bytes []byte
		fault fault.Kind
		alert int
	}{
		{"record of 65,535 bytes", record(22, make([]byte, 65535)), fault.MalformedHello, alertDecodeError},
		{"empty record", record(22, nil), fault.MalformedHello, alertDecodeError},
		{"message of 16 MiB", record(22, []byte{1, 0xff, 0xff, 0xff, 3, 3}), fault.MalformedHello, alertDecodeError},
		{"more records than any client needs", inRecords(append([]byte{1, 0, 16, 0}, make([]byte, 4096)...), 1), fault.MalformedHello, alertDecodeError},
		{"another message", record(22, []byte{2, 0, 0, 1, 0}), fault.MalformedHello, alertDecodeError},
		{"application data", record(23, make([]byte, 100)), fault.NotTLS, alertUnexpectedMessage},
		{"an alert", record(21, []byte{1, 0}), fault.NotTLS, alertUnexpectedMessage},
		{"SSL 2", []byte{0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10}, fault.NotTLS, alertUnexpectedMessage},
		{"SSH", []byte("SSH-2.0-OpenSSH_9.2\r\n"), fault.NotTLS, alertUnexpectedMessage},
		{"zeros", make([]byte, 64), fault.NotTLS, alertUnexpectedMessage},
		{"record version 4", change(1, 4), fault.NotTLS, alertUnexpectedMessage},
		{"session id of 255 bytes", change(43, 255), fault.MalformedHello, alertDecodeError},
		{"length one too many", change(8, hello[8]+1, 0), fault.MalformedHello, alertDecodeError},
	}
	for _, listener := range []struct {
		name  string
		lines []string
	}{
		{"http", []string{edgeTLS(ca)}},
		{"tls-passthrough", []string{`protocol = "tls-passthrough"`, `cluster = "main"`}},
		{"tcp", []string{`protocol = "tcp"`, `cluster = "main"`, edgeTLS(ca)}},
	} {
		t.Run(listener.name, func(t *testing.T) {
			backend, seen := untouched(t)
			w := start(t, oneCluster(backend), listener.lines...)
			var peers []string
			for i, tt := range tests {
				c := w.dial()
				peers = append(peers, c.LocalAddr().String())
				if _, err := c.Write(tt.bytes); err != nil {
					t.Fatalf("%s: %v", tt.name, err)
				}
				if tt.name == "length one too many" { // it looks unfinished until it ends
					_, _ = c.Write(make([]byte, 256))
				}
				if alert := ending(t, c); alert != tt.alert {
					t.Errorf("%s: ended with alert %d, want %d", tt.name, alert, tt.alert)
				}
				_ = c.Close()
				w.eventually(tt.name+": counted as "+tt.fault.String(), func() bool {
					s := w.stats().Faults
					return s[fault.MalformedHello]+s[fault.NotTLS] == int64(i+1) && s[tt.fault] > 0
				})
			}
			w.stop()
			for _, line := range w.handshakeLines(len(tests)) { // two loops write them in any order
				i := slices.Index(peers, fmt.Sprint(line["client"]))
				if i < 0 || line["fault"] != tests[i].fault.String() || line["detail"] == nil || line["closed_by"] != "weir" {
					t.Errorf("%d: access log: %v", i, line)
				}
			}
			if seen() > 0 {
				t.Error("the endpoint was reached")
			}
		})
	}
}

// pieces passes on what is written in segments of n bytes, and the first record as
// records of m bytes.
type pieces struct {
	net.Conn
	n, m  int
	first bool
}

func (p *pieces) Write(b []byte) (int, error) {
	out := b
	if p.first {
		p.first = false
		out = inRecords(b[5:], p.m)
	}
	for ; len(out) > 0; out = out[min(p.n, len(out)):] {
		if _, err := p.Conn.Write(out[:min(p.n, len(out))]); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// Any cut of a ClientHello into segments and records is the same ClientHello.
func TestTLSHelloInPieces(t *testing.T) {
	ca := tlstest.New(t)
	direct := start(t, respondAll, edgeTLS(ca))
	for _, n := range []int{1, 7, 16 << 10} {
		for _, m := range []int{1, 5, 100, 16 << 10} {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				cfg := trusting(ca)
				cfg.MaxVersion, cfg.CurvePreferences = version, []tls.CurveID{tls.X25519}
				raw := direct.dial()
				c := tls.Client(&pieces{raw, n, m, true}, cfg)
				_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+edgeName+"\r\nConnection: close\r\n\r\n")
				if err != nil {
					t.Fatalf("segments of %d, records of %d, %s: %v", n, m, tls.VersionName(version), err)
				}
				if got, err := io.ReadAll(c); err != nil || !bytes.HasSuffix(got, []byte("hello")) {
					t.Errorf("segments of %d, records of %d, %s: %q, %v", n, m, tls.VersionName(version), got, err)
				}
				_ = raw.Close()
			}
		}
	}
	direct.stop()
	// And it passes through as it was cut.
	endpoint := httpsBackend(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue([]string{edgeName}).Pair(t)}}, tellRequest)
	w := start(t, fmt.Sprintf("[clusters.main]\nendpoints = [%q]\n", endpoint), `protocol = "tls-passthrough"`,
		fmt.Sprintf("forward = [{ server_names = [%q], cluster = \"main\" }]", edgeName))
	cfg := trusting(ca)
	cfg.CurvePreferences = []tls.CurveID{tls.X25519}
	c := tls.Client(&pieces{w.dial(), 1, 5, true}, cfg)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

// A client that says nothing, or stops anywhere in its handshake, has handshake's
// time and no more; one that drips counts as one that is silent.
func TestTLSHandshakeTimeout(t *testing.T) {
	ca := tlstest.New(t)
	hello := clientHello(t, smallHello())
	w := start(t, respondAll, edgeTLS(ca), `timeouts = { handshake = "100ms" }`)
	for i, n := range []int{1, 5, 6, len(hello) - 1, len(hello)} {
		began := time.Now()
		c := w.dial()
		_, _ = c.Write(hello[:n])
		if got, err := io.ReadAll(c); err != nil || n < len(hello) && len(got) > 0 {
			t.Errorf("after %d bytes: %d bytes came, %v", n, len(got), err)
		}
		if took := time.Since(began); took < 90*time.Millisecond {
			t.Errorf("after %d bytes: closed after %v", n, took)
		}
		_ = c.Close()
		w.requireFault(fault.HandshakeTimeout, int64(i+1))
	}
	// Nothing at all is a connection opened ahead of need, and no fault.
	c := w.dial()
	if alert := ending(t, c); alert != nothingSent {
		t.Errorf("a silent client got an answer: %d", alert)
	}
	// One byte at a time, for ever.
	drip := w.dial()
	began := time.Now()
	for i := 0; ; i++ {
		if _, err := drip.Write(hello[i%len(hello) : i%len(hello)+1]); err != nil || i == len(hello)-2 {
			break
		}
		time.Sleep(3 * time.Millisecond) // slower than the deadline
	}
	if alert := ending(t, drip); alert != nothingSent || time.Since(began) > 5*time.Second {
		t.Errorf("the drip ended with %d after %v", alert, time.Since(began))
	}
	w.requireFault(fault.HandshakeTimeout, 6)
	w.stop()
	if lines := w.handshakeLines(6); lines[0]["fault"] != "handshake_timeout" || lines[0]["closed_by"] != "weir" {
		t.Errorf("access log: %v", lines[0])
	}
}

// A client that leaves at any moment of its handshake leaves nothing behind: not a
// coroutine, not a buffer, not a descriptor.
func TestTLSClientVanishesInTheHandshake(t *testing.T) {
	ca := tlstest.New(t)
	for _, abrupt := range []bool{false, true} {
		t.Run(fmt.Sprintf("reset %v", abrupt), func(t *testing.T) {
			w := start(t, respondAll, endsTLS([]*tlstest.Leaf{ca.Issue([]string{edgeName}, tlstest.RSA)}))
			hello := clientHello(t, smallHello())
			leave := func(c *net.TCPConn) {
				if abrupt {
					reset(c)
				}
				_ = c.Close()
			}
			for _, n := range []int{0, 1, 5, 50, len(hello)} {
				c := w.dial()
				_, _ = c.Write(hello[:n])
				leave(c)
			}
			c := w.dial() // behind the server's flight
			_, _ = c.Write(hello)
			if _, err := io.ReadFull(c, make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			leave(c)
			for range 3 { // behind the handshake, with weir's tickets unread
				s := w.secure(trusting(ca))
				leave(s.raw)
			}
			w.eventually("no handshake is left", func() bool {
				s := w.stats()
				// A reset may overtake the client's Finished.
				return s.Accepted == 9 && s.Sessions == 0 && s.HandshakesOpen == 0 && (s.Handshakes == 3 || abrupt)
			})
			// A FIN after a whole ClientHello is a handshake that failed, by the client.
			if s := w.stats().Faults; abrupt && s[fault.ClientReset] < 4 || !abrupt && s[fault.ClientClosed] != 3 || s[fault.HandshakeFailed] > 1 {
				t.Errorf("faults: %v", s)
			}
			w.stop()
			for text := range strings.Lines(w.access.String()) {
				if !strings.Contains(text, `"closed_by":"client"`) {
					t.Errorf("access log: %s", text)
				}
			}
		})
	}
}
