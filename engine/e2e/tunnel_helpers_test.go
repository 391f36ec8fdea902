package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// The handshake of RFC 6455 1.3, whose Accept anybody can look up.
const (
	upgradeFields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	switching     = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

func upgradeRequest(target string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + upgradeFields + "\r\n"
}

// tunnelBackend answers every handshake with a 101 and hands over what follows:
// opaque bytes, no frames. The target of the request is given along.
func tunnelBackend(t *testing.T, serve func(c *net.TCPConn, target string)) string {
	t.Helper()
	return rawBackend(t, func(c *net.TCPConn) {
		head, err := readHeadOnly(c)
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, switching); err != nil {
			return
		}
		serve(c, strings.Fields(head)[1])
	})
}

// readHeadOnly reads a head byte by byte, so that what follows stays unread.
func readHeadOnly(c net.Conn) (string, error) {
	return readHead(bufio.NewReaderSize(oneByte{c}, 16))
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:1]) }

// openTunnel makes a tunnel to target and returns the client's end and weir's
// response head.
func (w *weir) openTunnel(target string) (*net.TCPConn, string) {
	w.t.Helper()
	c := w.dial()
	return c, w.shakeHands(c, target)
}

func (w *weir) shakeHands(c *net.TCPConn, target string) string {
	w.t.Helper()
	if _, err := io.WriteString(c, upgradeRequest(target)); err != nil {
		w.t.Fatal(err)
	}
	head, err := readHeadOnly(c)
	if err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") {
		w.t.Fatalf("no tunnel: %q, %v", head, err)
	}
	return head
}

// tunnelLine is what these tests look at in a line of the access log.
type tunnelLine struct {
	Kind     string  `json:"kind"`
	Target   string  `json:"target"`
	Endpoint string  `json:"endpoint"`
	Status   int     `json:"status"`
	BytesIn  int64   `json:"bytes_in"`
	BytesOut int64   `json:"bytes_out"`
	Duration float64 `json:"duration_ms"`
	Fault    string  `json:"fault"`
	ClosedBy string  `json:"closed_by"`
}

// tunnelLines waits for n lines in the access log and demands that there are no
// more than that.
func (w *weir) tunnelLines(n int) []tunnelLine {
	w.t.Helper()
	var lines []tunnelLine
	w.eventually(fmt.Sprintf("%d lines in the access log", n), func() bool {
		lines = nil
		for text := range strings.Lines(w.access.String()) {
			var line tunnelLine
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				w.t.Errorf("not JSON: %q: %v", text, err)
			}
			lines = append(lines, line)
		}
		return len(lines) >= n
	})
	if len(lines) != n {
		w.t.Fatalf("%d lines in the access log, want %d:\n%s", len(lines), n, w.access)
	}
	return lines
}

// onlyLine is the one line of the access log, of a tunnel that has ended or is
// about to. It stops weir, which is faster than to wait for lines in company.
func (w *weir) onlyLine() tunnelLine {
	w.t.Helper()
	w.eventually("the tunnel has ended", func() bool { return w.stats().Sessions == 0 })
	w.stop()
	return w.tunnelLines(1)[0]
}

// echoTunnel sends back what comes, as far as it comes.
func echoTunnel(c *net.TCPConn, _ string) { _, _ = io.Copy(onlyWriter{c}, onlyReader{c}) }

// onlyReader and onlyWriter keep io.Copy from splicing, so that the race detector
// sees every byte.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// requireBytes demands that want comes next from r.
func requireBytes(t *testing.T, r io.Reader, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes %.40q, %v; want %d, %.40q", n, got[:n], err, len(want), want)
	}
}

// pattern is n bytes that differ from place to place and from seed to seed.
func pattern(seed uint32, n int) []byte {
	p := make([]byte, n)
	x := seed*2654435761 + 1
	for i := range p {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		p[i] = byte(x)
	}
	return p
}
