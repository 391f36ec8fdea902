package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/engine/tlstest"
)

// What is wrong with a record is told to the peer by an alert that it can read, and the
// connection is over: the error is sticky, and nothing is decrypted any more.
func TestBrokenRecordIsToldAndFinal(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(record []byte) []byte
		alert string
	}{
		{"a bit of the ciphertext", func(b []byte) []byte { b[len(b)-20] ^= 1; return b }, "bad record MAC"},
		{"a bit of the tag", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "bad record MAC"},
		{"shorter than a tag", func([]byte) []byte { return record(23, 3) }, "bad record MAC"},
		{"too long", func([]byte) []byte { return record(23, maxCiphertext+1) }, "record overflow"},
		{"another version", func(b []byte) []byte { b[1] = 0x20; return b }, "protocol version"},
		{"text", func([]byte) []byte { return []byte("HTTP/1.1 200 OK\r\n\r\n") }, "protocol version"},
		{"a record again", func(b []byte) []byte { return append(b, b...) }, "bad record MAC"},
	} {
		for _, version := range versions {
			for _, copied := range []bool{false, true} {
				server, client := open(t, version)
				server.copied = copied
				client.seal(t, []byte("before"))
				server.feed(client.take())
				client.seal(t, bytes.Repeat([]byte("x"), 40))
				server.feed(tt.spoil(client.take()))
				name := tt.name + " in TLS " + VersionName(version)
				if server.err == nil || IsCloseNotify(server.err) || !strings.HasPrefix(string(server.plain), "before") {
					t.Fatalf("%s: %v, %q", name, server.err, server.plain)
				}
				client.feed(server.take())
				if client.err == nil || !strings.Contains(client.err.Error(), tt.alert) {
					t.Errorf("%s: the peer reads %v", name, client.err)
				}
				first, had := server.err, len(server.plain)
				client.c.mem.out = client
				server.open(record(23, 40))
				if server.err == nil || len(server.plain) != had || !copied && server.err.Error() != first.Error() {
					t.Errorf("%s: then %v, after %v", name, server.err, first)
				}
			}
		}
	}
}

// A part of a record must not be taken for one: lent, it could not be kept.
func TestPartOfARecordIsRefused(t *testing.T) {
	server, client := open(t, tls.VersionTLS13)
	client.seal(t, []byte("message"))
	b := client.take()
	if server.open(b[:len(b)-1]); server.err != errNotWhole {
		t.Errorf("err is %v", server.err)
	}
	if n := rawInput(server.c.tls).Cap(); n != 0 {
		t.Errorf("%d bytes are still lent", n)
	}
}

// An open server keeps next to nothing of a handshake message that does not end.
func TestEndlessMessageIsCutOff(t *testing.T) {
	for _, tt := range []struct {
		bytes int
		want  error
	}{{maxMessage, nil}, {maxMessage + 1, errMessageTooLong}} {
		server, records := openByHand(t)
		message := append([]byte{24, 0, 0xff, 0xff}, make([]byte, tt.bytes-4)...)
		server.feed(records.Seal(tlstest.RecordHandshake, message))
		if server.err != tt.want {
			t.Errorf("%d bytes: %v, want %v", tt.bytes, server.err, tt.want)
		}
	}
}

func TestNoTLSAtAll(t *testing.T) {
	for _, text := range []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "220 mail\r\n"} {
		for _, isServer := range []bool{true, false} {
			server, client := peers(tls.VersionTLS13)
			e := server
			if !isServer {
				e = client
				e.step(nil)
				e.take()
			}
			e.feed([]byte(text))
			var header tls.RecordHeaderError
			if !errors.As(e.err, &header) || len(e.out) > 0 {
				t.Errorf("%q to a server (%v): %v, %q goes out", text, isServer, e.err, e.out)
			}
		}
	}
}

// A refused handshake has an alert for the peer.
func TestRefusedHandshakeHasItsAlert(t *testing.T) {
	s, c := configs()
	s = s.Clone()
	s.MinVersion = tls.VersionTLS13
	c = c.Clone()
	c.MaxVersion = tls.VersionTLS12
	server, client := &end{c: Server(s)}, &end{c: Client(c)}
	meet(t, server, client, 1000)
	if server.err == nil || server.opened {
		t.Fatal("agreed")
	}
	var remote *net.OpError
	if !errors.As(client.err, &remote) || remote.Op != "remote error" {
		t.Errorf("the peer reads %v", client.err)
	}
	if got := server.c.Step(nil); got != Failed {
		t.Errorf("then %v", got)
	}
}

// goroutinesEnd waits until there are no more of them than before.
func goroutinesEnd(t *testing.T, before int) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// Abort at any point of a handshake leaves no coroutine, and is heeded.
func TestAbortAtEveryStage(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, version := range versions {
		for stop := range 2000 {
			server, client := peers(version)
			ended := meetUpTo(server, client, stop)
			for _, e := range []*end{server, client} {
				was := e.c.state()
				e.c.Abort()
				e.c.Abort()
				if was == Handshaking && (e.c.state() != Failed || e.c.Err() != ErrAborted || e.c.Step(nil) != Failed || e.c.Output() != nil) {
					t.Fatalf("after Abort: %v, %v", e.c.state(), e.c.Err())
				}
				if was == Open && (e.c.state() != Open || e.c.Seal([]byte("x"), e) != nil) {
					t.Fatal("Abort has ended an open connection")
				}
			}
			if ended {
				break
			}
		}
	}
	goroutinesEnd(t, before)
}

// meetUpTo runs a handshake up to so many bytes, and reports whether it ended.
func meetUpTo(server, client *end, bytes int) (ended bool) {
	if bytes == 0 {
		return false
	}
	client.step(nil)
	for !server.opened || !client.opened {
		for _, pair := range [][2]*end{{client, server}, {server, client}} {
			b := pair[0].take()
			for i := range b {
				if bytes--; bytes == 0 {
					return false
				}
				pair[1].raw = true
				pair[1].feed(b[i : i+1])
			}
		}
	}
	return true
}

// A bug in a callback comes out of Step, at whoever resumes the handshake, and the
// coroutine is gone.
func TestPanicComesOutOfStep(t *testing.T) {
	before := runtime.NumGoroutine()
	s, _ := configs()
	s = s.Clone()
	s.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { panic("bug") }
	_, c := configs()
	server, client := &end{c: Server(s)}, &end{c: Client(c)}
	client.step(nil)
	func() {
		defer func() {
			if cause := recover(); cause != "bug" {
				t.Errorf("recovered %v", cause)
			}
		}()
		server.feed(client.take())
	}()
	if got := server.c.Step(nil); got != Failed || server.c.Err() == nil {
		t.Errorf("then %v, %v", got, server.c.Err())
	}
	server.c.Abort()
	client.c.Abort()
	goroutinesEnd(t, before)
}

// A buffer that is too small is the caller's mistake; it must not spin, nor leave the
// caller's memory with the connection.
func TestShortBufferIsAnError(t *testing.T) {
	for _, copied := range []bool{false, true} {
		server, client := open(t, tls.VersionTLS13)
		client.seal(t, []byte("message"))
		records := client.take()
		var err error
		if p := make([]byte, 3); copied {
			_, err = server.c.openCopied(p, records)
		} else {
			_, err = server.c.Open(p, records, server)
			if rawInput(server.c.tls).Cap() > 0 || input(server.c.tls).Len() > 0 {
				t.Error("the records are still lent")
			}
		}
		if err != io.ErrShortBuffer {
			t.Errorf("copied %v: %v", copied, err)
		}
	}
}
