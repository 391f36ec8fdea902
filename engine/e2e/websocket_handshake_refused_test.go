package e2e

import (
	"net"
	"strings"
	"testing"
)

// wsRequest is a request for an upgrade that is right but for what without and
// with say: fields to leave out, by name, and text to put in.
func wsRequest(start, with string, without ...string) string {
	var head strings.Builder
	head.WriteString(start + "\r\nHost: a\r\n")
	for line := range strings.Lines(upgradeFields) {
		name, _, _ := strings.Cut(line, ":")
		left := false
		for _, w := range without {
			left = left || w == name
		}
		if !left {
			head.WriteString(line)
		}
	}
	return head.String() + with
}

const (
	wsGet     = "GET / HTTP/1.1"
	wsKey     = "Sec-WebSocket-Key"
	wsVersion = "Sec-WebSocket-Version"
)

// RFC 6455 4.2.1: what is not a handshake is refused before an endpoint hears of it.
func TestBadHandshakeOfTheClientIsRefused(t *testing.T) {
	tests := []struct {
		name    string
		request string
		status  string
		fault   string
	}{
		{"older version", wsRequest(wsGet, wsVersion+": 8\r\n\r\n", wsVersion), "426 ", "websocket_version"},
		{"newer version", wsRequest(wsGet, wsVersion+": 14\r\n\r\n", wsVersion), "426 ", "websocket_version"},
		{"13 spelt otherwise", wsRequest(wsGet, wsVersion+": 013\r\n\r\n", wsVersion), "426 ", "websocket_version"},
		{"wrong version and no key", wsRequest(wsGet, wsVersion+": 8\r\n\r\n", wsVersion, wsKey), "426 ", "websocket_version"},
		{"no version", wsRequest(wsGet, "\r\n", wsVersion), "400 ", "bad_upgrade"},
		{"two versions", wsRequest(wsGet, wsVersion+": 13\r\n\r\n"), "400 ", "bad_upgrade"},
		{"no key", wsRequest(wsGet, "\r\n", wsKey), "400 ", "bad_upgrade"},
		{"empty key", wsRequest(wsGet, wsKey+":\r\n\r\n", wsKey), "400 ", "bad_upgrade"},
		{"key of 15 bytes", wsRequest(wsGet, wsKey+": AAAAAAAAAAAAAAAAAAAA\r\n\r\n", wsKey), "400 ", "bad_upgrade"},
		{"key of 17 bytes", wsRequest(wsGet, wsKey+": AAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n", wsKey), "400 ", "bad_upgrade"},
		{"key that is not base64", wsRequest(wsGet, wsKey+": dGhlIHNhbXBsZSBub25j*Q==\r\n\r\n", wsKey), "400 ", "bad_upgrade"},
		{"key without padding", wsRequest(wsGet, wsKey+": dGhlIHNhbXBsZSBub25jZQ\r\n\r\n", wsKey), "400 ", "bad_upgrade"},
		{"two keys", wsRequest(wsGet, wsKey+": dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"), "400 ", "bad_upgrade"},
		{"POST", wsRequest("POST / HTTP/1.1", "\r\n"), "400 ", "bad_upgrade"},
		{"HEAD", wsRequest("HEAD / HTTP/1.1", "\r\n"), "400 ", "bad_upgrade"},
		{"a body by length", wsRequest(wsGet, "Content-Length: 4\r\n\r\nbody"), "400 ", "bad_upgrade"},
		{"a body in chunks", wsRequest(wsGet, "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"), "400 ", "bad_upgrade"},
	}
	addr, seen := untouched(t)
	w := start(t, oneCluster(addr))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// The rest of the connection must not be taken for anything else.
			got := w.raw(strings.Replace(tt.request, "Connection: ", "Connection: close, ", 1))
			head, _, _ := strings.Cut(got, "\r\n\r\n")
			if !strings.HasPrefix(head, "HTTP/1.1 "+tt.status) || field(head, "Weir-Error") != tt.fault {
				t.Errorf("answered %q, want %s%s", got, tt.status, tt.fault)
			}
			if want := tt.fault == "websocket_version"; (field(head, wsVersion) == "13") != want {
				t.Errorf("%s: %q", wsVersion, field(head, wsVersion))
			}
			if strings.Contains(got, "HTTP/1.1 101") {
				t.Error("a tunnel was opened")
			}
		})
	}
	if n := seen(); n != 0 {
		t.Errorf("the endpoint saw %d connections", n)
	}
}

// A client that learns the version may try again on the same connection.
func TestHandshakeAfterARefusedOne(t *testing.T) {
	backend := tunnelBackend(t, echoTunnel)
	w := start(t, oneCluster(backend))
	c := w.client()
	c.send(wsRequest(wsGet, wsVersion+": 8\r\n\r\n", wsVersion))
	res, _ := c.response("GET")
	if res.StatusCode != 426 || res.Header.Get(wsVersion) != "13" || res.Header.Get("Upgrade") != "websocket" || res.Close {
		t.Fatalf("%s, %v", res.Status, res.Header)
	}
	w.shakeHands(c.TCPConn, "/")
	c.send("echo")
	requireBytes(t, c, []byte("echo"))
}

// Names and tokens of a handshake may be spelt in any case, stand in lists, and be
// spread over fields.
func TestUnusualHandshakesThatAreRight(t *testing.T) {
	key := "sec-websocket-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\nSEC-WebSocket-version: 13\r\n"
	tests := map[string]string{
		"lists":            "Connection: keep-alive, Upgrade\r\nUpgrade: h2c, WebSocket\r\n" + key,
		"spread fields":    "Connection: keep-alive\r\nConnection: UPGRADE\r\nUpgrade: h2c\r\nUpgrade: WEBSOCKET\r\n" + key,
		"zero length":      upgradeFields + "Content-Length: 0\r\n",
		"absolute target":  upgradeFields,
		"a query and path": upgradeFields,
	}
	heads := make(chan string, 1)
	backend := rawBackend(t, func(c *net.TCPConn) {
		head, err := readHeadOnly(c)
		if err != nil {
			return
		}
		heads <- head
		_, _ = c.Write([]byte(switching))
		echoTunnel(c, "")
	})
	w := start(t, oneCluster(backend))
	for name, fields := range tests {
		t.Run(name, func(t *testing.T) {
			target := "/chat?room=1"
			if name == "absolute target" {
				target = "http://a/chat?room=1"
			}
			c := w.client()
			c.send("GET " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n")
			if head, err := readHeadOnly(c.TCPConn); err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") {
				t.Fatalf("%q, %v", head, err)
			}
			head := receive(t, heads)
			if field(head, "Upgrade") != "websocket" || field(head, "Connection") != "Upgrade" || !strings.HasPrefix(head, "GET /chat?room=1 HTTP/1.1\r\n") {
				t.Errorf("the endpoint saw\n%s", head)
			}
			_ = c.Close()
		})
	}
}
