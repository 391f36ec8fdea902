package e2e

import (
	"strings"
	"testing"
)

// Only WebSocket may be upgraded to. Any other offer is dropped with the fields of
// the connection (RFC 9110 7.8), and the request goes on as a plain one: an
// endpoint that took it up would be out of the routes' reach.
func TestOtherUpgradesAreNotPassed(t *testing.T) {
	tests := []struct {
		name    string
		request string
	}{
		{"h2c", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"},
		{"h2c with a WebSocket key", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
		{"TLS", "OPTIONS / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2\r\n\r\n"},
		{"websocket of some version", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket/13\r\n\r\n"},
		{"websocket without Connection", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
		{"Connection without Upgrade", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
		// RFC 9110 7.8: a server ignores Upgrade in HTTP/1.0.
		{"HTTP/1.0", strings.Replace(upgradeRequest("/"), "HTTP/1.1", "HTTP/1.0", 1)},
	}
	backend, heads := heard(t)
	w := start(t, oneCluster(backend))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := w.client()
			c.send(tt.request)
			if res, body := c.response("GET"); res.StatusCode != 200 || body != "heard" {
				t.Errorf("%s %q", res.Status, body)
			}
			_ = c.Close()
			head := receive(t, heads)
			for _, name := range []string{"Upgrade", "Connection", "HTTP2-Settings"} {
				if got := field(head, name); got != "-" {
					t.Errorf("the endpoint saw %s: %s", name, got)
				}
			}
		})
	}
}

// An endpoint that switches to a protocol nobody asked it for gets nowhere.
func TestSwitchNobodyAskedForIsRefused(t *testing.T) {
	backend := answering(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0")
	w := start(t, oneCluster(backend))
	for name, request := range map[string]string{
		"plain GET": "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		"h2c":       "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n",
		"POST":      "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
	} {
		t.Run(name, func(t *testing.T) {
			got := w.raw(request)
			if !strings.HasPrefix(got, "HTTP/1.1 502 ") || field(got, "Weir-Error") != "bad_handshake" || strings.Contains(got, "PRI") {
				t.Errorf("answered %q", got)
			}
		})
	}
}
