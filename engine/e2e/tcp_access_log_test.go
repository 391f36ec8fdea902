package e2e

import (
	"crypto/tls"
	"io"
	"net"
	"testing"

	"weir/engine/tlstest"
)

// A connection without HTTP has one line, at its end, with what is known of it and
// nothing of HTTP.
func TestTCPAccessLog(t *testing.T) {
	ca := tlstest.New(t)
	backend := rawBackend(t, func(c *net.TCPConn) {
		_, _ = c.Write(pattern(1, 7000))
		_, _ = io.ReadAll(c)
	})
	for _, ended := range []bool{false, true} {
		text := mainCluster(backend)
		if ended {
			text = endingTLS(ca.Issue([]string{"a.test"}), `alpn = ["chat"]`) + text
		}
		w := start(t, text, opaqueEdge)
		var c opaqueConn
		if !ended {
			c = w.dial()
		} else {
			c = w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "a.test", NextProtos: []string{"chat"}})
		}
		_, _ = c.Write(pattern(2, 300))
		_ = c.CloseWrite()
		if got, err := io.ReadAll(c); err != nil || len(got) != 7000 {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		client := c.LocalAddr().String()
		_ = c.Close()
		line := w.opaqueLines(1)[0]
		want := opaqueLine{
			Kind: "tunnel", Client: client, Listener: "edge", Cluster: "main", Endpoint: backend,
			BytesIn: 300, BytesOut: 7000, Duration: line.Duration, Connect: line.Connect, ClosedBy: "client",
		}
		if ended {
			want.TLS, want.Name, want.Host, want.ALPN = "1.3", "a.test", "a.test", "chat"
		}
		if line != want || line.Duration <= 0 || line.Connect <= 0 {
			t.Errorf("log line %+v\nwant     %+v", line, want)
		}
	}
}
