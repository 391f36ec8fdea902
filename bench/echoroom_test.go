package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

// roomsEmpty demands that s keeps nothing of rooms whose members have left.
func roomsEmpty(t *testing.T, s *EchoServer) {
	t.Helper()
	count := func() int {
		s.rooms.mu.Lock()
		defer s.rooms.mu.Unlock()
		return len(s.rooms.byName)
	}
	poll(t, func() bool { return count() == 0 }, func() { t.Errorf("%d rooms are left", count()) })
}

func joinCoder(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(-1)
	t.Cleanup(func() { c.CloseNow() })
	return c
}

func joinGorilla(t *testing.T, url string) *gorilla.Conn {
	t.Helper()
	d := gorilla.Dialer{WriteBufferSize: 1000} // and so a fragment a thousand bytes
	c, _, err := d.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestRoomMembers(t *testing.T) {
	quiet(t)
	s := echoServer(t)
	url := "ws://" + s.Addr() + "/room"
	a, b := joinCoder(t, url), joinGorilla(t, url)
	other := joinCoder(t, url+"/other?x=1")
	for _, size := range []int{0, 1, 125, 126, 999, 65535, 65536, 1 << 20} {
		want := bytes.Repeat([]byte("weir!"), size/5+1)[:size]
		for sender, send := range map[string]func() error{
			"coder":   func() error { return a.Write(t.Context(), websocket.MessageBinary, want) },
			"gorilla": func() error { return b.WriteMessage(gorilla.BinaryMessage, want) },
		} {
			sent := make(chan error, 1)
			go func() { sent <- send() }()
			kind, got, err := a.Read(t.Context())
			if err != nil || kind != websocket.MessageBinary || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes of %s: coder got %d, %v", size, sender, len(got), err)
			}
			what, got, err := b.ReadMessage()
			if err != nil || what != gorilla.BinaryMessage || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes of %s: gorilla got %d, %v", size, sender, len(got), err)
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
		}
	}
	// Only this one has gone to the other room, and as text.
	if err := other.Write(t.Context(), websocket.MessageText, []byte("alone")); err != nil {
		t.Fatal(err)
	}
	if kind, got, err := other.Read(t.Context()); err != nil || kind != websocket.MessageText || string(got) != "alone" {
		t.Fatalf("%v %q, %v", kind, got, err)
	}
	go other.Read(t.Context()) // for the pong
	if err := other.Ping(t.Context()); err != nil {
		t.Error("ping:", err)
	}
	if err := a.Close(websocket.StatusNormalClosure, "bye"); err != nil {
		t.Error("close:", err)
	}
	b.Close()
	other.CloseNow()
	roomsEmpty(t, s)
}

const roomShake = "GET /room HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

const roomShook = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// clientFrame is a frame of at most 125 bytes as a client sends it.
func clientFrame(first byte, payload string) string {
	b := []byte{first, 0x80 | byte(len(payload)), 1, 2, 3, 4}
	for i := range len(payload) {
		b = append(b, payload[i]^byte(1+i%4))
	}
	return string(b)
}

func TestRoomWire(t *testing.T) {
	quiet(t)
	s := echoServer(t)
	broken := "\x88\x02\x03\xea" // 1002
	for _, tt := range []struct{ name, in, want string }{
		{"frames with the handshake", clientFrame(0x81, "hi") + clientFrame(0x82, ""), "\x81\x02hi\x82\x00"},
		{"fragments make one frame", clientFrame(0x02, "a") + clientFrame(0x00, "") + clientFrame(0x80, "b") + clientFrame(0x81, "c"), "\x82\x02ab\x81\x01c"},
		{"a pong is dropped", clientFrame(0x8a, "zzz") + clientFrame(0x81, "x"), "\x81\x01x"},
		{"close ends it", clientFrame(0x81, "x") + clientFrame(0x88, "\x03\xe8"), "\x81\x01x\x88\x02\x03\xe8"},
		{"unmasked", "\x81\x00", broken},
		{"RSV", clientFrame(0xc1, ""), broken},
		{"reserved opcode", clientFrame(0x83, ""), broken},
		{"continuation of nothing", clientFrame(0x80, "x"), broken},
		{"message inside a message", clientFrame(0x01, "x") + clientFrame(0x81, "y"), broken},
		{"too long", "\x82\xff\x00\x00\x00\x00\x01\x00\x00\x01\x01\x02\x03\x04", "\x88\x02\x03\xf1"},
		{"too long in fragments", clientFrame(0x02, "x") + "\x80\xff\x00\x00\x00\x00\x01\x00\x00\x00\x01\x02\x03\x04", "\x88\x02\x03\xf1"},
		{"far too long", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04", "\x88\x02\x03\xf1"},
		{"cut in a frame", clientFrame(0x81, "abcdef")[:8], ""},
	} {
		for _, bytewise := range []bool{false, true} {
			if got := talk(t, s, roomShake+tt.in, bytewise); got != roomShook+tt.want {
				t.Errorf("%s (byte by byte: %v): %q, want %q", tt.name, bytewise, got, tt.want)
			}
		}
	}
	// A pong and a message may change places, but each comes whole.
	got := talk(t, s, roomShake+clientFrame(0x01, "a")+clientFrame(0x89, "p")+clientFrame(0x80, "b"), false)
	if rest := strings.TrimPrefix(got, roomShook); rest != "\x81\x02ab\x8a\x01p" && rest != "\x8a\x01p\x81\x02ab" {
		t.Errorf("a ping between fragments: %q", got)
	}
	for _, path := range []string{"/roomy", "/rooms/a", "/Room", "/a/room"} {
		if name := roomName([]byte(path)); name != "" {
			t.Errorf("%s is room %q", path, name)
		}
	}
	roomsEmpty(t, s)
}

// rawMember joins /room and returns the connection behind its handshake.
func rawMember(t *testing.T, s *EchoServer) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, roomShake)
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v, %v", resp, err)
	}
	return c.(*net.TCPConn), in
}

func (s *EchoServer) setPatience(d time.Duration) {
	s.rooms.mu.Lock()
	s.rooms.patience = d
	s.rooms.mu.Unlock()
}

// A member that reads nothing delays the others once, and is cut off.
func TestRoomSlowMember(t *testing.T) {
	quiet(t)
	s := echoServer(t)
	s.setPatience(100 * time.Millisecond)
	slow, in := rawMember(t, s)
	slow.SetReadBuffer(4 << 10)
	fast := joinGorilla(t, "ws://"+s.Addr()+"/room")
	message := make([]byte, 1<<20)
	cut := func() bool { // and so the fast one is alone
		s.rooms.mu.Lock()
		r := s.rooms.byName["/room"]
		s.rooms.mu.Unlock()
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.members) == 1
	}
	for i := 0; !cut(); i++ {
		if i > 200 {
			t.Fatal("a member that reads nothing is still there")
		}
		sent := make(chan error, 1)
		go func() { sent <- fast.WriteMessage(gorilla.BinaryMessage, message) }()
		if _, got, err := fast.ReadMessage(); err != nil || len(got) != len(message) {
			t.Fatalf("message %d: %d bytes, %v", i, len(got), err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.Copy(io.Discard, in); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("it was not reset, and its socket keeps what it did not read: %v", err)
	}
	fast.Close()
	roomsEmpty(t, s)
}

// A deadline that was set for a pong does not hold for what is sent after it.
func TestRoomPongDeadlinePasses(t *testing.T) {
	quiet(t)
	s := echoServer(t)
	const patience = 20 * time.Millisecond
	s.setPatience(patience)
	c, in := rawMember(t, s)
	for range 3 {
		io.WriteString(c, clientFrame(0x89, "p"))
		b := make([]byte, 3)
		if _, err := io.ReadFull(in, b); err != nil || string(b) != "\x8a\x01p" {
			t.Fatalf("%q, %v", b, err)
		}
		time.Sleep(2 * patience) // the time under test, not a wait for state
		io.WriteString(c, clientFrame(0x81, "m"))
		if _, err := io.ReadFull(in, b); err != nil || string(b) != "\x81\x01m" {
			t.Fatalf("%q, %v", b, err)
		}
	}
}

// Many join, ping, send and leave while others do: each sees its handshake first,
// then whole frames, and every message once all are in.
func TestRoomComingAndGoing(t *testing.T) {
	quiet(t)
	s := echoServer(t)
	stay, in := rawMember(t, s)
	const comers, messages = 8, 40
	var group sync.WaitGroup
	for i := range comers {
		group.Go(func() {
			for range messages {
				c, err := net.Dial("tcp", s.Addr())
				if err != nil {
					t.Error(err)
					return
				}
				c.SetDeadline(time.Now().Add(20 * time.Second))
				mine := fmt.Sprint("from ", i)
				io.WriteString(c, roomShake+clientFrame(0x89, "ping!")+clientFrame(0x82, mine))
				if err := readOwn(bufio.NewReader(c), mine); err != nil {
					t.Error(err)
				}
				c.Close()
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; n < comers*messages; n++ {
			if f, err := serverFrame(in); err != nil || !strings.HasPrefix(f, "\x82from ") {
				t.Errorf("message %d: %q, %v", n, f, err)
				return
			}
		}
	}()
	group.Wait()
	<-done
	stay.Close()
	roomsEmpty(t, s)
}

// readOwn reads until it has the pong and the message that is its own.
func readOwn(in *bufio.Reader, mine string) error {
	if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != 101 {
		return fmt.Errorf("%v, %w", resp, err)
	}
	for pong, own := false, false; !pong || !own; {
		f, err := serverFrame(in)
		if err != nil {
			return err
		}
		switch {
		case f == "\x8aping!":
			pong = true
		case f == "\x82"+mine:
			own = true
		case !strings.HasPrefix(f, "\x82from "):
			return fmt.Errorf("frame %q", f)
		}
	}
	return nil
}

// serverFrame reads one small frame: its first byte and its payload.
func serverFrame(in *bufio.Reader) (string, error) {
	var h [2]byte
	if _, err := io.ReadFull(in, h[:]); err != nil {
		return "", err
	}
	b := make([]byte, 1+int(h[1]&0x7f))
	b[0] = h[0]
	_, err := io.ReadFull(in, b[1:])
	return string(b), err
}
