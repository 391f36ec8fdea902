package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// dialSocket opens a WebSocket with a client that shares no code with the server.
func dialSocket(t *testing.T, url string, origin string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	c, r, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: header})
	if err == nil {
		c.SetReadLimit(messageMax)
		t.Cleanup(func() { c.CloseNow() })
	}
	return c, r, err
}

// roundTrip sends a message and fails unless it comes back.
func roundTrip(t *testing.T, c *websocket.Conn, kind websocket.MessageType, payload []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := c.Write(ctx, kind, payload); err != nil {
		t.Fatal(err)
	}
	gotKind, got, err := c.Read(ctx)
	if err != nil || gotKind != kind || !bytes.Equal(got, payload) {
		t.Fatalf("sent %v of %d bytes, got %v of %d, %v", kind, len(payload), gotKind, len(got), err)
	}
}

func TestSocketEcho(t *testing.T) {
	b := testBackends(t)
	c, _, err := dialSocket(t, "ws://"+b.site.Addr().String()+"/ws/echo", "")
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, c, websocket.MessageText, []byte("hello"))
	roundTrip(t, c, websocket.MessageText, nil)
	roundTrip(t, c, websocket.MessageBinary, bytes.Repeat([]byte{0, 0xff}, 32<<10))
	roundTrip(t, c, websocket.MessageBinary, make([]byte, messageMax-1))
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close was not answered: %v", err)
	}
}

func TestSocketRefusesForeignOrigin(t *testing.T) {
	b := testBackends(t)
	url := "ws://" + b.site.Addr().String() + "/ws/chat"
	if _, r, err := dialSocket(t, url, "http://evil.example"); err == nil || r == nil || r.StatusCode != http.StatusForbidden {
		t.Errorf("%v, %v", r, err)
	}
	if _, _, err := dialSocket(t, url, "http://"+b.site.Addr().String()); err != nil {
		t.Error(err)
	}
}

func TestSocketRoomIsBounded(t *testing.T) {
	all := newSockets(1)
	client, server := net.Pipe()
	defer client.Close()
	first := &socket{Conn: server, in: server}
	if !all.add(first) || all.add(&socket{Conn: server, in: server}) {
		t.Fatal("want room for one")
	}
	all.remove(first)
	if !all.add(first) {
		t.Fatal("room was not given back")
	}
	all.remove(first)
	all.close()
	if all.add(first) {
		t.Error("a closed set took a socket")
	}
}

func TestBadFramesAreAnswered(t *testing.T) {
	masked := func(op ws.OpCode, fin bool, payload []byte) []byte {
		return ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(op, fin, payload)))
	}
	tests := []struct {
		name string
		sent []byte
		code ws.StatusCode
	}{
		{"unmasked", ws.MustCompileFrame(ws.NewTextFrame([]byte("x"))), ws.StatusProtocolError},
		{"continuation of nothing", masked(ws.OpContinuation, true, []byte("x")), ws.StatusProtocolError},
		{"fragmented ping", masked(ws.OpPing, false, nil), ws.StatusProtocolError},
		{"not UTF-8", masked(ws.OpText, true, []byte{0xff}), ws.StatusInvalidFramePayloadData},
		{"64-bit length", []byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, ws.StatusMessageTooBig},
		{"too long in fragments", append(masked(ws.OpBinary, false, make([]byte, messageMax)), masked(ws.OpContinuation, true, []byte("x"))...), ws.StatusMessageTooBig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, server := net.Pipe()
			defer client.Close()
			go func() {
				defer server.Close()
				serveEchoSocket(&socket{Conn: server, in: server})
			}()
			client.SetDeadline(time.Now().Add(10 * time.Second))
			go client.Write(tt.sent) // may be cut short by the answer
			requireClose(t, client, tt.code)
		})
	}
}

// chatter is a raw member of a room under test.
type chatter struct {
	t    *testing.T
	conn net.Conn
}

// enter puts a new member into h. Reading is up to the test.
func enter(t *testing.T, h *hub, running *sync.WaitGroup) *chatter {
	client, server := net.Pipe()
	client.SetDeadline(time.Now().Add(20 * time.Second))
	t.Cleanup(func() { client.Close() })
	running.Go(func() {
		defer server.Close()
		h.serve(&socket{Conn: server, in: server})
	})
	return &chatter{t, client}
}

func (c *chatter) say(text string) {
	c.t.Helper()
	if err := wsutil.WriteClientText(c.conn, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *chatter) next() (n notice) {
	c.t.Helper()
	text, err := wsutil.ReadServerText(c.conn)
	if err == nil {
		err = json.Unmarshal(text, &n)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

func TestChatReachesAllInOrder(t *testing.T) {
	h, running := newHub(), &sync.WaitGroup{}
	a := enter(t, h, running)
	if n := a.next(); n != (notice{Kind: "welcome", From: "guest-1", Members: 1}) {
		t.Fatalf("%+v", n)
	}
	b := enter(t, h, running)
	if n := b.next(); n != (notice{Kind: "welcome", From: "guest-2", Members: 2}) {
		t.Fatalf("%+v", n)
	}
	if n := a.next(); n != (notice{Kind: "join", From: "guest-2", Members: 2}) {
		t.Fatalf("%+v", n)
	}
	for _, text := range []string{"one", "<b>two</b>", "three \u2028 \x00"} {
		a.say(text)
		want := notice{Kind: "say", From: "guest-1", Text: text, Members: 2}
		if got := a.next(); got != want {
			t.Errorf("speaker got %+v", got)
		}
		if got := b.next(); got != want {
			t.Errorf("listener got %+v", got)
		}
	}
	a.conn.Close()
	if n := b.next(); n != (notice{Kind: "leave", From: "guest-1", Members: 1}) {
		t.Errorf("%+v", n)
	}
	b.conn.Close()
	running.Wait()
}

func TestChatDropsASlowReader(t *testing.T) {
	h, running := newHub(), &sync.WaitGroup{}
	a := enter(t, h, running)
	a.next()
	slow := enter(t, h, running)
	a.next() // slow has joined; it never reads

	for i := 0; ; i++ {
		if i > 4*chatQueue {
			t.Fatalf("after %d messages the slow reader is still in the room", i)
		}
		a.say(fmt.Sprint(i))
		n := a.next()
		if n.Kind == "leave" {
			if i < chatQueue-2 {
				t.Errorf("dropped after %d messages, with a queue of %d", i, chatQueue)
			}
			break
		}
		if n.Text != fmt.Sprint(i) {
			t.Fatalf("message %d came back as %+v", i, n)
		}
	}
	slow.conn.Close()
	a.conn.Close()
	running.Wait() // no goroutine of either is left
}

func TestChatIsTextOnlyAndBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		send func(net.Conn) error
		code ws.StatusCode
	}{
		"binary":   {func(c net.Conn) error { return wsutil.WriteClientBinary(c, []byte{1}) }, ws.StatusUnsupportedData},
		"too long": {func(c net.Conn) error { return wsutil.WriteClientText(c, make([]byte, chatMessageMax+1)) }, ws.StatusMessageTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			h, running := newHub(), &sync.WaitGroup{}
			c := enter(t, h, running)
			c.next()
			go tt.send(c.conn) // may be cut short by the answer
			requireClose(t, c.conn, tt.code)
			running.Wait()
		})
	}
}

// requireClose reads one frame, which has to be a close with that code.
func requireClose(t *testing.T, r io.Reader, want ws.StatusCode) {
	t.Helper()
	h, err := ws.ReadHeader(r)
	if err != nil || h.OpCode != ws.OpClose || h.Length > ws.MaxControlFramePayloadSize {
		t.Fatalf("%v, %v", h, err)
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(r, payload); err != nil {
		t.Fatal(err)
	}
	if code, _ := ws.ParseCloseFrameData(payload); code != want {
		t.Errorf("close %d, want %d", code, want)
	}
}
