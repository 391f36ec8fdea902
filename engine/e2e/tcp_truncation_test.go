package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"

	"weir/engine/tlstest"
)

// FIN without close_notify may be a cut that somebody else made. It is passed on as a
// cut, never as an end, and the log says so.
func TestTCPTruncationIsNoEnd(t *testing.T) {
	tests := []struct {
		name        string
		front, back bool
		by          string
	}{
		{"by the client", true, false, "client"},
		{"by the endpoint", false, true, "endpoint"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cut := func(c opaqueConn) {
				_, _ = io.WriteString(c, "half of it")
				_ = c.(*tls.Conn).NetConn().(*net.TCPConn).CloseWrite()
			}
			seen, gone := make(chan error, 1), make(chan struct{})
			w, dial := startTCPForm(t, tt.front, tt.back, func(c opaqueConn) {
				if tt.by == "endpoint" {
					cut(c)
					<-gone
					return
				}
				_, err := io.ReadAll(c)
				seen <- err
			})
			c := dial()
			if tt.by == "client" {
				cut(c)
			} else {
				_, err := io.ReadAll(c)
				seen <- err
			}
			if err := receive(t, seen); !isReset(err) {
				t.Errorf("the other side saw %v; want a reset", err)
			}
			close(gone)
			_ = c.Close()
			want := map[string]string{"client": "tls_truncated", "endpoint": "upstream_tls_truncated"}[tt.by]
			if line := w.opaqueLines(1)[0]; line.Fault != want || line.ClosedBy != tt.by {
				t.Errorf("log line %+v, want %s by %s", line, want, tt.by)
			}
		})
	}
}

// tapped is a connection that keeps all that is read from it.
type tapped struct {
	*net.TCPConn
	got []byte
}

func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.got = append(c.got, p[:n]...)
	return n, err
}

// alerts counts the records of TLS 1.2 that are alerts: of an open connection,
// close_notify.
func (c *tapped) alerts() (n int) {
	for r := c.got; len(r) >= 5; r = r[min(len(r), 5+int(r[3])<<8+int(r[4])):] {
		if r[0] == 21 {
			n++
		}
	}
	return n
}

// With TLS on both sides, an end becomes an end and a cut a cut: close_notify is sent
// on only where it came. crypto/tls does not tell the two apart, so its bytes are
// looked at.
func TestTCPCloseNotifyIsPassedOnIfItCame(t *testing.T) {
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{"a.test"})
	for _, by := range []string{"client", "endpoint"} {
		for _, inOrder := range []bool{true, false} {
			t.Run(fmt.Sprintf("by the %s, in order %v", by, inOrder), func(t *testing.T) {
				end := func(c *tls.Conn) {
					_, _ = io.WriteString(c, "all or half")
					if inOrder {
						_ = c.CloseWrite()
					}
					_ = c.NetConn().(*tapped).CloseWrite()
				}
				notified := make(chan int, 1)
				witness := func(c *tls.Conn) {
					if got, err := io.ReadAll(c); string(got) != "all or half" || err != nil {
						t.Errorf("%q, %v", got, err)
					}
					notified <- c.NetConn().(*tapped).alerts()
				}
				gone := make(chan struct{})
				backend := rawBackend(t, func(tcp *net.TCPConn) {
					c := tls.Server(&tapped{TCPConn: tcp}, &tls.Config{Certificates: []tls.Certificate{leaf.Pair(t)}, MaxVersion: tls.VersionTLS12})
					if by == "endpoint" {
						end(c)
					} else {
						witness(c)
					}
					<-gone
				})
				w := start(t, endingTLS(leaf)+mainCluster(backend)+originatingTLS("main", ca, "a.test"), opaqueEdge)
				c := tls.Client(&tapped{TCPConn: w.dial()}, &tls.Config{RootCAs: ca.Pool(), ServerName: "a.test", MaxVersion: tls.VersionTLS12})
				if by == "client" {
					end(c)
				} else {
					witness(c)
				}
				if n, want := receive(t, notified), map[bool]int{true: 1, false: 0}[inOrder]; n != want {
					t.Errorf("%d times close_notify, want %d", n, want)
				}
				close(gone)
				_ = c.NetConn().Close()
			})
		}
	}
}

// A cut that comes before there is anyone to tell is told when there is.
func TestTCPTruncationWhileConnecting(t *testing.T) {
	ca := tlstest.New(t)
	seen := make(chan error, 1)
	good := rawBackend(t, func(c *net.TCPConn) {
		_, err := io.ReadAll(c)
		seen <- err
	})
	w := start(t, oneLoop+endingTLS(ca.Issue([]string{"a.test"}))+clusterOf("main", []string{blackhole(t), good}, hasty), opaqueEdge)
	c := w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"})
	_ = c.NetConn().(*net.TCPConn).CloseWrite()
	if err := receive(t, seen); !isReset(err) {
		t.Errorf("the endpoint saw %v; want a reset", err)
	}
	if line := w.opaqueLines(1)[0]; line.Fault != "tls_truncated" || line.Endpoint != good {
		t.Errorf("log line %+v", line)
	}
}
