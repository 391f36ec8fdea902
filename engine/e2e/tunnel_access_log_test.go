package e2e

import (
	"io"
	"net"
	"testing"
)

// A tunnel has one line, at its end, and the line counts every byte of the
// connection's two directions, heads included.
func TestTunnelAccessLog(t *testing.T) {
	tests := []struct {
		name     string
		early    int // bytes of the client behind its request
		late     int // bytes of the endpoint behind its 101
		up, down int // later bytes
	}{
		{"silence", 0, 0, 0, 0},
		{"a word each", 0, 0, 5, 7},
		{"early and late bytes", 100, 200, 300, 400},
		{"more than the buffers", 100 << 10, 200 << 10, 300 << 10, 400 << 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			backend := rawBackend(t, func(c *net.TCPConn) {
				if _, err := readHeadOnly(c); err != nil {
					t.Error(err)
				}
				_, _ = c.Write(append([]byte(switching), pattern(1, tt.late)...))
				_, _ = c.Write(pattern(2, tt.down))
				_, _ = io.ReadAll(c)
			})
			w := start(t, oneCluster(backend))
			plain := w.client() // another exchange first, which is not the tunnel's
			plain.send(upgradeRequest("/chat?room=7"))
			_, _ = plain.Write(pattern(3, tt.early))
			head, err := readHeadOnly(plain)
			if err != nil {
				t.Fatal(err)
			}
			if text := w.access.String(); text != "" {
				t.Errorf("a line while the tunnel is open: %s", text)
			}
			_, _ = plain.Write(pattern(4, tt.up))
			_ = plain.CloseWrite()
			body, err := io.ReadAll(plain)
			if err != nil || len(body) != tt.late+tt.down {
				t.Errorf("%d bytes came down, %v", len(body), err)
			}
			line := w.onlyLine()
			in, out := len(upgradeRequest("/chat?room=7"))+tt.early+tt.up, len(head)+tt.late+tt.down
			if line.BytesIn != int64(in) || line.BytesOut != int64(out) {
				t.Errorf("%d bytes in, %d out; want %d, %d", line.BytesIn, line.BytesOut, in, out)
			}
			want := tunnelLine{
				Kind: "tunnel", Target: "/chat?room=7", Endpoint: backend, Status: 101,
				BytesIn: line.BytesIn, BytesOut: line.BytesOut, Duration: line.Duration, ClosedBy: "client",
			}
			if line != want || line.Duration <= 0 {
				t.Errorf("got %+v, want %+v", line, want)
			}
		})
	}
}

// Exchange and tunnel on one connection each count their own bytes.
func TestExchangeAndTunnelOnOneConnection(t *testing.T) {
	backend := rawBackend(t, func(c *net.TCPConn) {
		for {
			head, err := readHeadOnly(c)
			if err != nil {
				return
			}
			if field(head, "Upgrade") == "-" {
				_, _ = io.WriteString(c, ok("a page"))
				continue
			}
			_, _ = io.WriteString(c, switching)
			echoTunnel(c, "")
			return
		}
	})
	w := start(t, oneCluster(backend))
	c := w.client()
	request := "GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
	c.send(request)
	if res, body := c.response("GET"); res.StatusCode != 200 || body != "a page" {
		t.Fatalf("%s %q", res.Status, body)
	}
	head := w.shakeHands(c.TCPConn, "/chat")
	c.send("hello")
	requireBytes(t, c, []byte("hello"))
	_ = c.Close()
	w.eventually("the tunnel has ended", func() bool { return w.stats().Sessions == 0 })
	w.stop()
	lines := w.tunnelLines(2)
	if l := lines[0]; l.Kind != "exchange" || l.Target != "/page" || l.BytesIn != int64(len(request)) {
		t.Errorf("the exchange: %+v", l)
	}
	if l := lines[1]; l.Kind != "tunnel" || l.Target != "/chat" || l.BytesIn != int64(len(upgradeRequest("/chat"))+5) || l.BytesOut != int64(len(head)+5) {
		t.Errorf("the tunnel: %+v", l)
	}
}
