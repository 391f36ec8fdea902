package e2e

import (
	"io"
	"net"
	"strings"
	"testing"

	"weir/engine/fault"
)

const (
	wsAccept  = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	wsUpgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
)

// RFC 6455 4.1: a 101 that is not the other half of the client's handshake opens
// no tunnel. Whoever sent it gets no byte of the client's, nor the client of its.
func TestBadSwitchOfTheEndpointIsRefused(t *testing.T) {
	offer := "Sec-WebSocket-Protocol: chat, news\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
	deflate := "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	tests := []struct {
		name   string
		offer  string
		fields string
	}{
		{"no Accept", "", wsUpgrade},
		{"empty Accept", "", wsUpgrade + "Sec-WebSocket-Accept:\r\n"},
		{"the key as Accept", "", wsUpgrade + "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n"},
		{"Accept in lower case", "", wsUpgrade + strings.ToLower(wsAccept)},
		{"Accept twice", "", wsUpgrade + wsAccept + wsAccept},
		{"no Upgrade", "", "Connection: Upgrade\r\n" + wsAccept},
		{"no Connection", "", "Upgrade: websocket\r\n" + wsAccept},
		{"another protocol", "", "Connection: Upgrade\r\nUpgrade: h2c\r\n" + wsAccept},
		{"two protocols", "", "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n" + wsAccept},
		{"Upgrade twice", "", wsUpgrade + "Upgrade: websocket\r\n" + wsAccept},
		{"a subprotocol nobody offered", "", wsUpgrade + wsAccept + "Sec-WebSocket-Protocol: chat\r\n"},
		{"another subprotocol", offer, wsUpgrade + wsAccept + "Sec-WebSocket-Protocol: sport\r\n"},
		{"a subprotocol in other case", offer, wsUpgrade + wsAccept + "Sec-WebSocket-Protocol: Chat\r\n"},
		{"two subprotocols", offer, wsUpgrade + wsAccept + "Sec-WebSocket-Protocol: chat, news\r\n"},
		{"two subprotocol fields", offer, wsUpgrade + wsAccept + "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: news\r\n"},
		{"an empty subprotocol", offer, wsUpgrade + wsAccept + "Sec-WebSocket-Protocol:\r\n"},
		{"an extension nobody offered", "", wsUpgrade + wsAccept + deflate},
		{"another extension", offer, wsUpgrade + wsAccept + "Sec-WebSocket-Extensions: x-weir\r\n"},
		{"an extension twice", offer, wsUpgrade + wsAccept + "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate\r\n"},
		{"an extension in two fields", offer, wsUpgrade + wsAccept + deflate + deflate},
		{"a parameter nobody offered", "Sec-WebSocket-Extensions: permessage-deflate\r\n", wsUpgrade + wsAccept + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n"},
		{"malformed extension", offer, wsUpgrade + wsAccept + "Sec-WebSocket-Extensions: permessage-deflate;;\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			leaked := make(chan string, 1)
			backend := rawBackend(t, func(c *net.TCPConn) {
				if _, err := readHeadOnly(c); err != nil {
					t.Error(err)
				}
				_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n"+tt.fields+"\r\nfrom the endpoint.")
				got, _ := io.ReadAll(c)
				leaked <- string(got)
			})
			w := start(t, oneCluster(backend))
			c := w.client()
			c.send(wsRequest(wsGet, tt.offer+"\r\n") + "from the client")
			res, body := c.response("GET")
			if res.StatusCode != 502 || res.Header.Get("Weir-Error") != "bad_handshake" || strings.Contains(body, "endpoint.") {
				t.Errorf("answered %s %v %q", res.Status, res.Header, body)
			}
			// No tunnel came of it. The client's bytes are frames, and must not be read
			// as its next request; the endpoint's are nobody's.
			if !res.Close {
				t.Errorf("the client is not told that its connection ends: %v", res.Header)
			}
			c.requireEnd()
			if got := receive(t, leaked); got != "" {
				t.Errorf("the endpoint got %q", got)
			}
			w.requireFault(fault.BadHandshake, 1)
			if n := w.stats().Tunnels; n != 0 {
				t.Errorf("%d tunnels", n)
			}
		})
	}
}

// The 101 that is right passes with the endpoint's own fields, in any spelling.
func TestSwitchPassesAsItWas(t *testing.T) {
	backend := rawBackend(t, func(c *net.TCPConn) {
		if _, err := readHeadOnly(c); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Over to you\r\nserver: far away\r\nCONNECTION: keep-alive, upgrade\r\nUPGRADE: WebSocket\r\n"+wsAccept+
			"Sec-WebSocket-Protocol: news\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\nSet-Cookie: a=b\r\n\r\n")
		echoTunnel(c, "")
	})
	w := start(t, oneCluster(backend))
	c := w.client()
	c.send(wsRequest(wsGet, "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: news\r\nSec-WebSocket-Extensions: x-a\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"))
	head, err := readHeadOnly(c)
	if err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 Over to you\r\n") {
		t.Fatalf("%q, %v", head, err)
	}
	for name, want := range map[string]string{
		"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
		"Sec-WebSocket-Protocol": "news", "Sec-WebSocket-Extensions": "permessage-deflate; server_no_context_takeover",
		"Server": "far away", "Set-Cookie": "a=b", "Content-Length": "-", "Transfer-Encoding": "-",
	} {
		if got := field(head, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	c.send("and on")
	requireBytes(t, c, []byte("and on"))
}
