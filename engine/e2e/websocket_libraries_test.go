package e2e

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// everyPair runs check for each client library against each server library. The
// tunnel's line in the access log has the number of bytes that really passed.
func everyPair(t *testing.T, check func(t *testing.T, w *weir, c wsClient, server string), protocols ...string) {
	for _, server := range wsServers {
		for _, client := range wsClients {
			t.Run(client.name+" to "+server.name, func(t *testing.T) {
				done := make(chan struct{})
				backend := httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
					defer close(done)
					server.serve(rw, r)
				})
				w := start(t, oneCluster(backend))
				c := client.dial(t, w.addr, protocols...)
				check(t, w, c, server.name)
				c.end()
				<-done
				if line := w.onlyLine(); line.Kind != "tunnel" || line.Status != 101 || line.Target != "/echo" {
					t.Errorf("access log: %+v", line)
				}
			})
		}
	}
}

func TestWebSocketMessages(t *testing.T) {
	messages := []struct {
		name  string
		text  bool
		data  []byte
		split bool
	}{
		{"text", true, []byte("Grüße, 世界"), false},
		{"binary", false, pattern(1, 125), false},
		{"empty text", true, nil, false},
		{"empty binary", false, nil, false},
		{"16-bit length", false, pattern(2, 126), false},
		{"64-bit length", false, pattern(3, 65536), false},
		{"1 MiB", false, pattern(4, largeMessage), false},
		{"1 MiB of text", true, []byte(strings.Repeat("weir ", largeMessage/5)), false},
		{"fragmented", false, pattern(5, 50_000), true},
		{"fragmented text", true, []byte(strings.Repeat("ä€𝄞", 3000)), true},
	}
	everyPair(t, func(t *testing.T, _ *weir, c wsClient, _ string) {
		for _, m := range messages {
			write := c.write
			if m.split {
				write = c.split
			}
			if err := write(m.text, m.data); err != nil {
				t.Fatalf("%s: write: %v", m.name, err)
			}
			text, data, err := c.read()
			if err != nil || text != m.text || !bytes.Equal(data, m.data) {
				t.Fatalf("%s: got text %v, %d bytes, %v; want %v, %d", m.name, text, len(data), err, m.text, len(m.data))
			}
		}
		if err := c.write(true, []byte("split 300000")); err != nil {
			t.Fatal(err)
		}
		if _, data, err := c.read(); err != nil || !bytes.Equal(data, pattern(9, 300_000)) {
			t.Errorf("a message in 300 fragments: %d bytes, %v", len(data), err)
		}
	})
}

func TestWebSocketPings(t *testing.T) {
	everyPair(t, func(t *testing.T, _ *weir, c wsClient, _ string) {
		if err := c.ping(); err != nil {
			t.Errorf("the client's ping: %v", err)
		}
		if err := c.write(true, []byte("ping")); err != nil {
			t.Fatal(err)
		}
		if _, data, err := c.read(); err != nil || string(data) != "ponged" {
			t.Errorf("the server's ping: %q, %v", data, err)
		}
	})
}

func TestWebSocketCloseCodes(t *testing.T) {
	t.Run("by the client", func(t *testing.T) {
		everyPair(t, func(t *testing.T, _ *weir, c wsClient, _ string) {
			if err := c.close(4321, "had enough"); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("by the server", func(t *testing.T) {
		everyPair(t, func(t *testing.T, _ *weir, c wsClient, _ string) {
			if err := c.write(true, []byte("close 4001 not you")); err != nil {
				t.Fatal(err)
			}
			_, _, err := c.read()
			if err == nil {
				t.Fatal("a message instead of a close")
			}
			if code, reason := c.closed(err); code != 4001 || reason != "not you" {
				t.Errorf("closed with %d, %q", code, reason)
			}
		})
	})
}

func TestWebSocketSubprotocols(t *testing.T) {
	everyPair(t, func(t *testing.T, _ *weir, c wsClient, _ string) {
		if c.protocol() != chosenProtocol {
			t.Errorf("subprotocol %q, want %q", c.protocol(), chosenProtocol)
		}
	}, "chat.v3", chosenProtocol, "chat.v1")
	everyPair(t, func(t *testing.T, _ *weir, c wsClient, _ string) {
		if c.protocol() != "" {
			t.Errorf("subprotocol %q, but none was offered", c.protocol())
		}
	})
}

// Compression is agreed on end to end, and then the bytes on the wire are few.
func TestWebSocketCompression(t *testing.T) {
	plain := bytes.Repeat([]byte("the same again, "), largeMessage/16)
	everyPair(t, func(t *testing.T, w *weir, c wsClient, server string) {
		compressed := server != "gobwas" // which does not negotiate it by itself
		if got := strings.HasPrefix(c.extensions(), "permessage-deflate"); got != compressed {
			t.Fatalf("Sec-WebSocket-Extensions: %q", c.extensions())
		}
		if err := c.write(true, plain); err != nil {
			t.Fatal(err)
		}
		if _, data, err := c.read(); err != nil || !bytes.Equal(data, plain) {
			t.Fatalf("%d bytes came back, %v", len(data), err)
		}
		c.end()
		line := w.onlyLine()
		if few := line.BytesIn < largeMessage/8 && line.BytesOut < largeMessage/8; few != compressed {
			t.Errorf("%d bytes in, %d out for a message of %d", line.BytesIn, line.BytesOut, len(plain))
		}
	})
}
