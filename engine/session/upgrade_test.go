package session

import (
	"strings"
	"testing"

	"weir/engine/transport/transporttest"
)

const (
	upgradeFields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	handshake     = "GET /ws HTTP/1.1\r\nHost: a\r\n" + upgradeFields + "\r\n"
	accept        = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	switched      = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + accept + "\r\n"
)

// tunnel opens one.
func (f *fixture) tunnel() (client, up *transporttest.Link) {
	f.Helper()
	client, up = f.exchanging(handshake)
	up.Send(switched)
	if got := client.Take(); !strings.HasPrefix(got, "HTTP/1.1 101 ") {
		f.Fatalf("no tunnel: %q", got)
	}
	return client, up
}

func TestHandshakeIsPassedOnAndChecked(t *testing.T) {
	f := newFixture(t)
	client, up := f.exchanging(strings.Replace(handshake, "\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat, x\r\nSec-WebSocket-Protocol: y\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nKeep-Alive: 5\r\n\r\n", 1))
	request := up.Received()
	wantHead(t, request, "GET /ws HTTP/1.1\r\n", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: chat, x", "Sec-WebSocket-Protocol: y")
	if strings.Contains(request, "Keep-Alive") || strings.Count(request, "Upgrade: ") != 1 {
		t.Errorf("the endpoint got %q", request)
	}
	up.Send(strings.Replace(switched, "\r\n\r\n", "\r\nSec-WebSocket-Protocol: y\r\nSec-WebSocket-Extensions: permessage-deflate\r\nX-A: b\r\n\r\n", 1))
	wantHead(t, client.Take(), "HTTP/1.1 101 ", "Connection: Upgrade", "Upgrade: websocket", strings.TrimSpace(accept), "Sec-WebSocket-Protocol: y",
		"Sec-WebSocket-Extensions: permessage-deflate", "X-A: b")
	if f.counters.TunnelsOpen.Load() != 1 || f.counters.Active.Load() != 0 {
		t.Errorf("%d tunnels, %d exchanges", f.counters.TunnelsOpen.Load(), f.counters.Active.Load())
	}
}

// A handshake that is not valid is answered by weir; no endpoint hears of it.
func TestClientsHalfOfTheHandshake(t *testing.T) {
	change := func(old, with string) string { return strings.Replace(handshake, old, with, 1) }
	const version, key = "Sec-WebSocket-Version: 13\r\n", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, tt := range []struct{ name, request, start string }{
		{"POST", change("GET", "POST"), "HTTP/1.1 400 "},
		{"a body", change(version, version+"Content-Length: 1\r\n") + "x", "HTTP/1.1 400 "},
		{"no version", change(version, ""), "HTTP/1.1 400 "},
		{"two versions", change(version, version+version), "HTTP/1.1 400 "},
		{"version 12", change("13", "12"), "HTTP/1.1 426 "},
		{"no key", change(key, ""), "HTTP/1.1 400 "},
		{"two keys", change(key, key+key), "HTTP/1.1 400 "},
		{"short key", change("dGhl", ""), "HTTP/1.1 400 "},
		{"long key", change("dGhl", "dGhldGhl"), "HTTP/1.1 400 "},
		{"not base64", change("dGhl", "d@hl"), "HTTP/1.1 400 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			client := f.client()
			client.Send(tt.request)
			got := client.Take()
			if wantHead(t, got, tt.start); f.n.Dials() != 0 {
				t.Error("an endpoint was dialled")
			}
			if strings.HasPrefix(got, "HTTP/1.1 426 ") {
				wantHead(t, got, tt.start, "Sec-WebSocket-Version: 13", "Upgrade: websocket", "Connection: Upgrade")
			}
		})
	}
}

// An offer that is none, or of another protocol, is a plain request.
func TestOtherUpgradesAreDropped(t *testing.T) {
	for _, request := range []string{
		strings.Replace(handshake, "HTTP/1.1", "HTTP/1.0", 1),
		strings.Replace(handshake, "Connection: Upgrade", "Connection: keep-alive", 1),
		strings.Replace(handshake, "Upgrade: websocket", "Upgrade: h2c", 1),
	} {
		f := newFixture(t)
		client, up := f.exchanging(request)
		if got := up.Received(); strings.Contains(got, "Upgrade: ") || strings.Contains(got, "Connection: ") {
			t.Errorf("the endpoint got %q", got)
		}
		up.Send(switched)
		wantHead(t, client.Take(), "HTTP/1.1 502 ", "Weir-Error: bad_handshake")
		f.quiet()
	}
}

func TestEndpointsHalfOfTheHandshake(t *testing.T) {
	change := func(old, with string) string { return strings.Replace(switched, old, with, 1) }
	for _, tt := range []struct{ name, response string }{
		{"no upgrade", change("Upgrade: websocket\r\n", "")},
		{"no connection", change("Connection: Upgrade\r\n", "")},
		{"another protocol", change("Upgrade: websocket", "Upgrade: h2c")},
		{"two protocols", change("Upgrade: websocket", "Upgrade: websocket, h2c")},
		{"two upgrades", change("Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: websocket")},
		{"no accept", change(accept, "")},
		{"two accepts", change(accept, accept+accept)},
		{"wrong accept", change("s3pP", "s3pQ")},
		{"accept in lower case", change("s3pP", "s3pp")},
		{"version 1.0", change("HTTP/1.1", "HTTP/1.0")},
		{"subprotocol not offered", change(accept, accept+"Sec-WebSocket-Protocol: z\r\n")},
		{"two subprotocols", change(accept, accept+"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n")},
		{"a list of subprotocols", change(accept, accept+"Sec-WebSocket-Protocol: chat, x\r\n")},
		{"extension not offered", change(accept, accept+"Sec-WebSocket-Extensions: z\r\n")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			client, up := f.exchanging(strings.Replace(handshake, "\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat, x\r\n\r\n", 1))
			up.Send(tt.response + "frame")
			if got := client.Take(); !strings.HasPrefix(got, "HTTP/1.1 502 ") || strings.Contains(got, "frame") {
				t.Errorf("the client got %q", got)
			}
			if !up.GotRST() || !client.GotFIN() {
				t.Errorf("endpoint reset %v, client got FIN %v", up.GotRST(), client.GotFIN())
			}
		})
	}
}

func TestRefusedHandshakeReachesTheClientAsItWas(t *testing.T) {
	f := newFixture(t)
	client, up := f.exchanging(handshake)
	up.Send("HTTP/1.1 403 Forbidden\r\nX-Why: no\r\nContent-Length: 2\r\n\r\nno")
	got := client.Take()
	if wantHead(t, got, "HTTP/1.1 403 Forbidden\r\n", "X-Why: no"); body(got) != "no" || client.Closed() || up.Closed() {
		t.Errorf("%q, client closed %v, endpoint closed %v", got, client.Closed(), up.Closed())
	}
}

// Bytes sent before the handshake is over belong to the tunnel: those of the client
// wait for the 101, those of the endpoint come right behind it.
func TestBytesAroundTheSwitch(t *testing.T) {
	everySplit(t, handshake+"early", func(t *testing.T, pieces []string) {
		f := newFixture(t)
		f.n.AutoConnect = true
		client := f.client()
		client.Send(pieces...)
		up := f.dialled()
		if got := up.Take(); strings.Contains(got, "early") {
			t.Fatalf("%q: passed before 101", pieces)
		}
		up.Send(switched)
		if got := up.Take(); got != "early" {
			t.Fatalf("%q: the endpoint got %q", pieces, got)
		}
		f.quiet()
	})
	everySplit(t, switched+"first", func(t *testing.T, pieces []string) {
		f := newFixture(t)
		client, up := f.exchanging(handshake)
		up.Send(pieces...)
		if got := client.Take(); body(got) != "first" {
			t.Fatalf("%q: the client got %q", pieces, got)
		}
		f.quiet()
	})
}

// More than a head may be sent ahead on either side, and more than one read.
func TestManyBytesAroundTheSwitch(t *testing.T) {
	f := newFixture(t)
	early, first := strings.Repeat("e", 300_000), strings.Repeat("f", 300_000)
	client := f.client()
	client.Send(handshake + early)
	up := f.up()
	up.Take()
	up.Send(switched + first)
	if up.Take() != early || body(client.Take()) != first {
		t.Error("bytes lost or changed")
	}
}
