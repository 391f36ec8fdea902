package bench

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestIdle(t *testing.T) {
	for _, server := range []func(t *testing.T) string{
		func(t *testing.T) string { return serveHTTP(t, http.HandlerFunc(coderEcho)) },
		func(t *testing.T) string { return echoServer(t).Addr() },
	} {
		quiet(t)
		o := short("ws://" + server(t))
		o.Connections, o.PID = 50, os.Getpid()
		r, err := Idle(context.Background(), o)
		if err != nil || r.Connections != 50 || r.Alive != 50 || r.Lost != 0 || r.Failed != 0 || r.Sent != 50 || r.Received != 50 || len(r.ErrorKinds) != 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		if p := r.Process; p == nil || p.PID != os.Getpid() || p.RSSBeforeBytes < 1<<20 || p.RSSBytes < 1<<20 || p.CPUMicrosPerUnit != 0 {
			t.Errorf("process: %+v", p)
		}
		if r.Latency.Max < 1 {
			t.Errorf("no latency of pings: %+v", r.Latency)
		}
	}
}

// Each connection carries one message before it is held, and who cannot is lost.
func TestIdleExchange(t *testing.T) {
	quiet(t)
	var n atomic.Int64
	var bytes atomic.Int64
	addr := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(-1)
		cut := n.Add(1) == 3
		for {
			kind, b, err := c.Read(context.Background())
			if err != nil || cut {
				return
			}
			bytes.Add(int64(len(b)))
			c.Write(context.Background(), kind, b)
		}
	}))
	o := short("ws://" + addr)
	o.Connections, o.Exchange = 10, 70_000
	r, err := Idle(context.Background(), o)
	if err != nil || r.Connections != 9 || r.Alive != 9 || r.Lost != 1 || bytes.Load() != 9*70_000 || len(r.ErrorKinds) != 1 {
		t.Errorf("%+v, %v, %d bytes", r, err, bytes.Load())
	}
	o.Exchange = -1
	if err := o.Validate(); err == nil {
		t.Error("a message of -1 bytes")
	}
}

// Connections the server closes are lost; those that answer no ping are not alive.
func TestIdleFindsTheDead(t *testing.T) {
	quiet(t)
	var n atomic.Int64
	o := short("ws://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
		accept(c, in)
		switch n.Add(1) % 4 {
		case 0:
			write(c, "\x88\x02\x03\xe9")
		case 1: // answers with pongs no one asked for
			wrong := "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x00"
			write(c, wrong)
			if _, err := readMessage(in); err == nil {
				write(c, wrong)
			}
			io.Copy(io.Discard, in)
		default:
			write(c, "\x81\x05hello") // a server may speak first
			for {
				m, err := readMessage(in)
				if err != nil || m[0] != 0x89 {
					return
				}
				m[0] = 0x8a
				for range 3 { // two too many
					write(c, string(m))
				}
			}
		}
	}))
	o.Connections, o.Timeout = 8, 300*time.Millisecond
	r, err := Idle(context.Background(), o)
	if err != nil || r.Connections != 8 || r.Lost != 2 || r.Alive != 4 || r.Errors != 2 || r.ErrorKinds["close 1001"] != 2 || r.ErrorKinds["no pong"] != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// The held connections of a run are watched too.
func TestHeldConnectionsLost(t *testing.T) {
	quiet(t)
	var n atomic.Int64
	o := short("ws://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
		accept(c, in)
		if n.Add(1) > 1 { // opened one by one: the first is the active one
			return
		}
		for {
			m, err := readMessage(in)
			if err != nil || write(c, string(m)) != nil {
				return
			}
		}
	}))
	o.Active, o.ConnectRate = 0.25, 50
	r, err := WebSocket(context.Background(), o)
	if err != nil || r.Active != 1 || r.Lost != 3 || r.ErrorKinds["closed"] != 3 || r.Errors != 0 || r.Received == 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
