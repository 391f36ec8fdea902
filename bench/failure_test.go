package bench

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/codec/websocket"
)

// script is a server that does one thing with every connection. It is cut off when
// the test ends.
func script(t *testing.T, serve func(c *net.TCPConn, in *bufio.Reader)) string {
	t.Helper()
	l := listen(t)
	var (
		mu    sync.Mutex
		conns = map[net.Conn]bool{}
		group sync.WaitGroup
	)
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[c] = true
			mu.Unlock()
			group.Go(func() {
				serve(c.(*net.TCPConn), bufio.NewReader(c))
				c.Close()
				mu.Lock()
				delete(conns, c)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for c := range conns {
			c.Close()
		}
		mu.Unlock()
		group.Wait()
	})
	return l.Addr().String()
}

// accept does the handshake of a script's side.
func accept(c io.Writer, in *bufio.Reader) {
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	b := []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
	b = websocket.AppendAccept(b, []byte(r.Header.Get("Sec-WebSocket-Key")))
	c.Write(append(b, "\r\n\r\n"...))
}

// readMessage reads one frame of a client and returns it as a server's.
func readMessage(in *bufio.Reader) ([]byte, error) {
	var h websocket.Header
	for size := 2; ; size++ {
		b, err := in.Peek(size)
		if err != nil {
			return nil, err
		}
		n, code := websocket.ParseHeader(b, &h)
		if code != 0 {
			return nil, code
		}
		if n > 0 {
			in.Discard(n)
			break
		}
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(in, payload); err != nil {
		return nil, err
	}
	websocket.Mask(payload, h.Mask, 0)
	h.Masked = false
	return append(websocket.AppendHeader(nil, &h), payload...), nil
}

// after shakes hands and then has f answer each message.
func after(f func(c *net.TCPConn, message []byte) error) func(*net.TCPConn, *bufio.Reader) {
	return func(c *net.TCPConn, in *bufio.Reader) {
		accept(c, in)
		for {
			m, err := readMessage(in)
			if err != nil || f(c, m) != nil {
				return
			}
		}
	}
}

func write(c *net.TCPConn, b string) error {
	_, err := io.WriteString(c, b)
	return err
}

// answer replies to a handshake with the head given, in which KEY and ACCEPT stand
// for what they should be.
func answer(head string) func(*net.TCPConn, *bufio.Reader) {
	return func(c *net.TCPConn, in *bufio.Reader) {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		key := []byte(r.Header.Get("Sec-WebSocket-Key"))
		write(c, strings.ReplaceAll(head, "ACCEPT", string(websocket.AppendAccept(nil, key))))
		io.Copy(io.Discard, in)
	}
}

// A connection that cannot be opened is counted as failed, by what went wrong.
func TestOpenFailures(t *testing.T) {
	const ok = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n"
	for _, tt := range []struct {
		kind  string
		serve func(*net.TCPConn, *bufio.Reader)
	}{
		{"handshake closed", func(c *net.TCPConn, in *bufio.Reader) { http.ReadRequest(in) }},
		{"handshake reset", func(c *net.TCPConn, in *bufio.Reader) { http.ReadRequest(in); c.SetLinger(0) }},
		{"handshake timeout", func(c *net.TCPConn, in *bufio.Reader) { io.Copy(io.Discard, in) }},
		{"status 403", answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")},
		{"status 200", answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")},
		{"bad handshake: accept", answer(strings.Replace(ok, "ACCEPT", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 1) + "\r\n")},
		{"bad handshake: upgrade", answer(strings.Replace(ok, "websocket", "h2c", 1) + "\r\n")},
		{"bad handshake: extension", answer(ok + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")},
		{"bad handshake: subprotocol", answer(ok + "Sec-WebSocket-Protocol: chat\r\n\r\n")},
		{"handshake malformed response: LF without CR", answer("HTTP/1.1 101 OK\n\n")},
		{"handshake malformed response: head too large", answer("HTTP/1.1 101 OK\r\nA: " + strings.Repeat("a", 80<<10))},
		{"handshake malformed response: malformed HTTP version", answer("SSH-2.0-OpenSSH\r\n")},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			quiet(t)
			o := short("ws://" + script(t, tt.serve))
			o.Timeout = 200 * time.Millisecond
			r, err := WebSocket(context.Background(), o)
			if err == nil || r == nil || r.Failed != 4 || r.Connections != 0 || len(r.ErrorKinds) != 1 || !hasKind(r, tt.kind, 4) {
				t.Fatalf("%+v, %v", r, err)
			}
		})
	}
}

// hasKind allows for what codec/http1 adds to its texts.
func hasKind(r *Result, kind string, n int) bool {
	for k, count := range r.ErrorKinds {
		if strings.Contains(strings.ReplaceAll(k, "http1: ", ""), kind) && count == n {
			return true
		}
	}
	return false
}

func TestRefused(t *testing.T) {
	quiet(t)
	l := listen(t)
	l.Close()
	r, err := HTTP(context.Background(), short("http://"+l.Addr().String()))
	if err == nil || r.Failed != 4 || r.ErrorKinds["connect refused"] != 4 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// What goes wrong on an open WebSocket costs the connection, unless the reply was
// whole. In either loop every message due is accounted for.
func TestWebSocketFailures(t *testing.T) {
	var frame = func(b string) func(*net.TCPConn, []byte) error {
		return func(c *net.TCPConn, m []byte) error { return write(c, b) }
	}
	for _, tt := range []struct {
		kind  string
		lost  int
		serve func(*net.TCPConn, *bufio.Reader)
	}{
		{"closed", 4, after(func(c *net.TCPConn, m []byte) error { return io.EOF })},
		{"closed", 4, after(func(c *net.TCPConn, m []byte) error { write(c, string(m[:20])); return io.EOF })},
		{"reset", 4, after(func(c *net.TCPConn, m []byte) error { c.SetLinger(0); return io.EOF })},
		{"close 1001", 4, after(frame("\x88\x02\x03\xe9"))},
		{"close frame", 4, after(frame("\x88\x00"))},
		{"malformed frame: websocket: close status that may not be sent", 4, after(frame("\x88\x02\x03\xed"))},
		{"malformed frame: websocket: reserved opcode", 4, after(frame("\x83\x00"))},
		{"malformed frame: masked by a server", 4, after(frame("\x82\x80\x00\x00\x00\x00"))},
		{"malformed frame: RSV bits without an extension", 4, after(frame("\xc2\x00"))},
		{"malformed frame: fragments out of order", 4, after(frame("\x80\x00"))},
		{"malformed frame: fragments out of order", 4, after(frame("\x02\x00\x82\x00"))},
		{"bad echo", 0, after(func(c *net.TCPConn, m []byte) error { m[len(m)-1]++; return write(c, string(m)) })},
		{"bad echo", 0, after(frame("\x82\x03abc"))},
		{"bad echo", 0, after(func(c *net.TCPConn, m []byte) error { m[1] -= 5; return write(c, string(m[:len(m)-5])) })},
		{"bad echo", 0, after(func(c *net.TCPConn, m []byte) error {
			return write(c, "\x02\x01x\x80\x7e\x01\x00"+strings.Repeat("y", 256)) // longer than what was sent
		})},
	} {
		for _, rate := range []float64{0, 100} {
			t.Run(tt.kind, func(t *testing.T) {
				quiet(t)
				o := short("ws://" + script(t, tt.serve))
				o.Rate = rate
				r, err := WebSocket(context.Background(), o)
				if err != nil || r.Received != 0 || r.Errors == 0 || r.Sent != r.Errors || r.Lost != tt.lost || r.Failed != 0 {
					t.Fatalf("%+v, %v", r, err)
				}
				// The client of a reset may see it while writing, or the end of stream first.
				if len(r.ErrorKinds) != 1 || uint64(r.ErrorKinds[tt.kind]) != r.Errors {
					t.Errorf("%v, want all %q", r.ErrorKinds, tt.kind)
				}
			})
		}
	}
}

// A reply in fragments, with pings between them, is one reply; each ping is
// answered with what it carried.
func TestFragmentsAndPings(t *testing.T) {
	for _, rate := range []float64{0, 200} {
		quiet(t)
		pongs := make(chan []byte, 1<<16)
		o := short("ws://" + script(t, after(func(c *net.TCPConn, m []byte) error {
			if m[0] == 0x8a {
				pongs <- bytes.Clone(m)
				return nil
			}
			p := m[2:]
			frame := "\x89\x04ping" + "\x02\x0a" + string(p[:10]) + "\x89\x04ping" + "\x00\x00" + "\x80" + string(byte(len(p)-10)) + string(p[10:])
			for i := range len(frame) { // a byte a write: no frame comes whole
				if err := write(c, frame[i:i+1]); err != nil {
					return err
				}
			}
			return nil
		})))
		o.Size, o.Rate = 100, rate
		r, err := WebSocket(context.Background(), o)
		sound(t, r, err)
		if p := <-pongs; string(p) != "\x8a\x04ping" {
			t.Errorf("pong %q", p)
		}
	}
}

// A server that goes silent is noticed once the timeout after the end has passed.
func TestStall(t *testing.T) {
	silent := func(c *net.TCPConn, in *bufio.Reader) { io.Copy(io.Discard, in) }
	for _, rate := range []float64{0, 100} {
		quiet(t)
		o := short("http://" + script(t, silent))
		o.Size, o.Rate, o.Timeout = 0, rate, 100*time.Millisecond
		r, err := HTTP(context.Background(), o)
		if err != nil || r.Received != 0 || r.Errors == 0 || r.Sent != r.Errors || uint64(r.ErrorKinds["timeout"]) != r.Errors {
			t.Errorf("http at rate %v: %+v, %v", rate, r, err)
		}
		if rate > 0 && (r.Errors < 15 || r.Errors > 18) {
			t.Errorf("http at rate %v: %d errors, want about 17: what could not be sent has failed too", rate, r.Errors)
		}
		o = short("ws://" + script(t, after(func(*net.TCPConn, []byte) error { return nil })))
		o.Rate, o.Timeout = rate, 100*time.Millisecond
		if r, err = WebSocket(context.Background(), o); err != nil || r.Received != 0 || r.Errors == 0 || uint64(r.ErrorKinds["timeout"]) != r.Errors {
			t.Errorf("ws at rate %v: %+v, %v", rate, r, err)
		}
		if want := 1 + 17*int(rate/100); r.Errors < 4 || rate > 0 && int(r.Errors) < want-2 {
			t.Errorf("ws at rate %v: %d errors, want about %d: what was due and never sent counts too", rate, r.Errors, want)
		}
	}
}

// The deadline of the run holds for connections that were opened in the middle of it.
func TestStallAfterReopening(t *testing.T) {
	for _, rate := range []float64{0, 100} {
		quiet(t)
		var conns atomic.Int64
		o := short("http://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
			if conns.Add(1) > 4 {
				io.Copy(io.Discard, in)
			} else if _, err := http.ReadRequest(in); err == nil {
				write(c, strings.Replace(response, "Content", "Connection: close\r\nContent", 1))
			}
		}))
		o.Size, o.Rate, o.Timeout, o.Warmup = 0, rate, 100*time.Millisecond, 0
		r, err := HTTP(context.Background(), o)
		if err != nil || r.Received != 4 || r.Errors == 0 || uint64(r.ErrorKinds["timeout"]) != r.Errors {
			t.Errorf("rate %v: %+v, %v", rate, r, err)
		}
	}
}

// HTTP responses that cannot be understood end the connection, and the next one is
// opened: a generator that stopped at the first bad answer would measure nothing.
func TestHTTPFailures(t *testing.T) {
	for _, tt := range []struct{ kind, response string }{
		{"malformed", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"},
		{"malformed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
		{"closed", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"},
		{"closed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"},
		{"closed", "HTTP/1.1 200"},
		{"status 101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"},
	} {
		for _, rate := range []float64{0, 100} {
			t.Run(tt.kind, func(t *testing.T) {
				quiet(t)
				o := short("http://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
					if _, err := http.ReadRequest(in); err == nil {
						write(c, tt.response)
						c.CloseWrite()
						io.Copy(io.Discard, in)
					}
				}))
				o.Size, o.Rate = 0, rate
				r, err := HTTP(context.Background(), o)
				if err != nil || r.Received != 0 || r.Errors == 0 || r.Sent != r.Errors || r.Reconnects == 0 || len(r.ErrorKinds) != 1 {
					t.Fatalf("%+v, %v", r, err)
				}
				// Each of 4 connections rests 10 ms before it is opened again.
				if most := 4 * (1 + int(170/10)); r.Reconnects > most {
					t.Errorf("%d reconnects, want at most %d", r.Reconnects, most)
				}
				for kind := range r.ErrorKinds {
					if !strings.HasPrefix(kind, tt.kind) {
						t.Errorf("kind %q, want %q", kind, tt.kind)
					}
				}
			})
		}
	}
}

// A server that goes away for good does not stop a run, or keep it from ending.
func TestHTTPServerGone(t *testing.T) {
	for _, rate := range []float64{0, 100} {
		quiet(t)
		l := listen(t)
		go func() {
			for range 4 { // the connections of the run, and then no more
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
			}
			l.Close()
		}()
		o := short("http://" + l.Addr().String())
		o.Size, o.Rate, o.Timeout = 0, rate, 100*time.Millisecond
		r, err := HTTP(context.Background(), o)
		if err != nil || r.Received != 0 || r.ErrorKinds["connect refused"] == 0 {
			t.Errorf("rate %v: %+v, %v", rate, r, err)
		}
	}
}
