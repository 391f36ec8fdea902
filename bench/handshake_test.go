package bench

import (
	"bufio"
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Every handshake is a connection of its own that ends in order, in both loops.
func TestHandshake(t *testing.T) {
	for _, rate := range []float64{0, 200} {
		quiet(t)
		var opened, normal atomic.Uint64
		addr := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer c.CloseNow()
			opened.Add(1)
			c.Write(context.Background(), websocket.MessageText, []byte("hello")) // may be under way when the client closes
			if _, _, err = c.Read(context.Background()); websocket.CloseStatus(err) == websocket.StatusNormalClosure {
				normal.Add(1)
			}
		}))
		before := remains(t, addr)
		o := short("ws://" + addr)
		o.Rate, o.PID = rate, os.Getpid()
		r, err := Handshake(context.Background(), o)
		sound(t, r, err)
		if r.Kind != "handshake" || r.Connections != 4 || r.Size != 0 || r.Reconnects != 0 || r.Process == nil || r.Process.RSSPerConnectionBytes != 0 {
			t.Errorf("%+v", r)
		}
		poll(t, func() bool { return opened.Load() >= r.Received && normal.Load() == opened.Load() }, func() {
			t.Errorf("%d handshakes, the server saw %d and %d normal closes", r.Received, opened.Load(), normal.Load())
		})
		if rate > 0 && (r.Sent < 28 || r.Sent > 32) {
			t.Errorf("%d sent, want 30: 200 a second for 150 ms", r.Sent)
		}
		if in := float64(r.BytesIn) / float64(r.Received); in < 129 || in > 200 || r.BytesOut/r.Received < 129 || r.BytesOut/r.Received > 200 {
			t.Errorf("%v bytes in and %d out a handshake", in, r.BytesOut/r.Received)
		}
		if n := remains(t, addr) - before; n > 0 {
			t.Errorf("%d connections of the client were left", n)
		}
	}
}

// remains counts the connections to addr that are in TIME_WAIT at their client's
// side, or that the server has closed and the client has not. Sockets of earlier
// tests may look like them, so it is the growth that counts.
func remains(t *testing.T, addr string) (n int) {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	number, _ := strconv.Atoi(port)
	wanted := ":" + strings.ToUpper(hex.EncodeToString([]byte{byte(number >> 8), byte(number)}))
	b, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Skip("no list of connections:", err)
	}
	for line := range strings.Lines(string(b)) {
		const timeWait, closeWait = "06", "08"
		if f := strings.Fields(line); len(f) > 3 && (f[3] == timeWait || f[3] == closeWait) && strings.HasSuffix(f[2], wanted) {
			n++
		}
	}
	return n
}

// What goes wrong is an error of the unit, whichever step it is in, and the next one
// is tried all the same.
func TestHandshakeFailures(t *testing.T) {
	// closing shakes hands, waits for the client's close frame, and has f go on.
	closing := func(f func(c *net.TCPConn, frame string)) func(*net.TCPConn, *bufio.Reader) {
		return func(c *net.TCPConn, in *bufio.Reader) {
			accept(c, in)
			if m, err := readMessage(in); err == nil {
				f(c, string(m))
			}
		}
	}
	linger := func(c *net.TCPConn) { io.Copy(io.Discard, c) }
	for _, tt := range []struct {
		kind  string
		serve func(*net.TCPConn, *bufio.Reader)
	}{
		{"handshake closed", func(c *net.TCPConn, in *bufio.Reader) { http.ReadRequest(in) }},
		{"handshake reset", func(c *net.TCPConn, in *bufio.Reader) { http.ReadRequest(in); c.SetLinger(0) }},
		{"handshake timeout", func(c *net.TCPConn, in *bufio.Reader) { io.Copy(io.Discard, in) }},
		{"status 503", answer("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")},
		{"closed without a close frame", closing(func(*net.TCPConn, string) {})},
		{"close closed", closing(func(c *net.TCPConn, m string) { write(c, m[:3]) })},
		{"close reset", closing(func(c *net.TCPConn, m string) { c.SetLinger(0) })},
		{"close timeout", closing(func(c *net.TCPConn, m string) { linger(c) })},
		{"close timeout", closing(func(c *net.TCPConn, m string) { write(c, m); linger(c) })},
		{"bytes after the end", closing(func(c *net.TCPConn, m string) { write(c, m+"\x81\x00") })},
		{"close malformed frame: websocket: close status that may not be sent", closing(func(c *net.TCPConn, m string) { write(c, "\x88\x02\x03\xed") })},
		{"malformed frame: masked by a server", closing(func(c *net.TCPConn, m string) { write(c, "\x88\x80\x00\x00\x00\x00") })},
	} {
		for _, rate := range []float64{0, 100} {
			t.Run(tt.kind, func(t *testing.T) {
				quiet(t)
				o := short("ws://" + script(t, tt.serve))
				if o.Rate, o.Timeout = rate, 50*time.Millisecond; rate > 0 {
					o.Connections = 16 // none has to wait
				}
				r, err := Handshake(context.Background(), o)
				if err == nil || r == nil || r.Received != 0 || r.Errors < 4 || r.Sent != r.Errors || r.Failed != 0 || r.Lost != 0 {
					t.Fatalf("%+v, %v", r, err)
				}
				if len(r.ErrorKinds) != 1 || uint64(r.ErrorKinds[tt.kind]) != r.Errors {
					t.Errorf("%v, want all %q", r.ErrorKinds, tt.kind)
				}
				// Each of 4 rests 10 ms, then 20, 40 and 80 after a failure.
				if rate == 0 && r.Errors > 4*5 {
					t.Errorf("%d failures in 170 ms: a server that refuses is asked in a tight loop", r.Errors)
				}
				if rate > 0 && (r.Errors < 16 || r.Errors > 18) {
					t.Errorf("%d errors, want 17: what was due has failed", r.Errors)
				}
			})
		}
	}
}

// A server that stalls once holds up what is due behind it, and the latencies say so:
// a handshake begins when it is due, not when a connection is free.
func TestHandshakeWaitsForAConnection(t *testing.T) {
	quiet(t)
	const stall = 300 * time.Millisecond
	var stalled atomic.Bool
	o := short("ws://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
		if !stalled.Swap(true) {
			time.Sleep(stall) // the fault under test, not a wait for state
		}
		accept(c, in)
		if m, err := readMessage(in); err == nil {
			write(c, string(m))
		}
	}))
	o.Connections, o.Rate, o.Warmup, o.Duration = 1, 100, 0, 2*stall
	r, err := Handshake(context.Background(), o)
	sound(t, r, err)
	if r.Sent < 58 || r.Sent > 62 {
		t.Errorf("%d sent, want 60", r.Sent)
	}
	// Due evenly over 600 ms, a third of them waits for 100 ms and more.
	if slow := (100 * time.Millisecond).Microseconds(); r.Latency.P90 < slow || r.Latency.Max < stall.Microseconds()*9/10 {
		t.Errorf("the stall is hidden: %+v", r.Latency)
	}
}

// Never more than Connections are in flight, however many are due; those that had no
// turn before the time was over have failed.
func TestHandshakesInFlight(t *testing.T) {
	for _, rate := range []float64{0, 2000} {
		quiet(t)
		var now, most atomic.Int64
		o := short("ws://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			accept(c, in)
			m, err := readMessage(in)
			time.Sleep(20 * time.Millisecond) // what keeps the connection busy
			now.Add(-1)
			if err == nil {
				write(c, string(m))
			}
		}))
		o.Connections, o.Rate, o.Warmup, o.Timeout = 3, rate, 0, 100*time.Millisecond
		r, err := Handshake(context.Background(), o)
		if err != nil || r.Received == 0 || most.Load() != 3 {
			t.Fatalf("%d in flight, want 3: %+v, %v", most.Load(), r, err)
		}
		if rate == 0 && r.Errors != 0 || rate > 0 && (r.Sent < 300 || r.Errors == 0) {
			t.Errorf("rate %v: %d sent, %d errors: %v", rate, r.Sent, r.Errors, r.ErrorKinds)
		}
	}
}

// Refused connections fail a run as a whole, but only if no handshake succeeded.
func TestHandshakeRefused(t *testing.T) {
	quiet(t)
	l := listen(t)
	l.Close()
	r, err := Handshake(context.Background(), short("ws://"+l.Addr().String()))
	if err == nil || !strings.Contains(err.Error(), "connect refused") || r.Received != 0 || uint64(r.ErrorKinds["connect refused"]) != r.Errors {
		t.Errorf("%+v, %v", r, err)
	}
	var n atomic.Int64
	o := short("ws://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
		if n.Add(1)%2 == 0 {
			return
		}
		accept(c, in)
		if m, err := readMessage(in); err == nil {
			write(c, string(m))
		}
	}))
	r, err = Handshake(context.Background(), o)
	if err != nil || r.Received == 0 || r.Errors == 0 || r.Sent != r.Received+r.Errors {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestVisitsAreCancelled(t *testing.T) {
	silent := func(c *net.TCPConn, in *bufio.Reader) { io.Copy(io.Discard, in) }
	lingering := func(c *net.TCPConn, in *bufio.Reader) { accept(c, in); io.Copy(io.Discard, in) }
	newConnections := func(ctx context.Context, o Options) (*Result, error) {
		o.URL, o.NewConnections = strings.Replace(o.URL, "ws", "http", 1), true
		return HTTP(ctx, o)
	}
	for _, tt := range []struct {
		name    string
		measure func(context.Context, Options) (*Result, error)
		addr    func(t *testing.T) string
		replies bool
	}{
		{"handshakes", Handshake, func(t *testing.T) string { return echoServer(t).Addr() }, true},
		{"waiting for a handshake", Handshake, func(t *testing.T) string { return script(t, silent) }, false},
		{"waiting for a close", Handshake, func(t *testing.T) string { return script(t, lingering) }, false},
		{"requests", newConnections, func(t *testing.T) string { return echoServer(t).Addr() }, true},
		{"waiting for a response", newConnections, func(t *testing.T) string { return script(t, silent) }, false},
	} {
		for _, rate := range []float64{0, 300, 0.001} {
			t.Run(tt.name, func(t *testing.T) {
				quiet(t)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				time.AfterFunc(100*time.Millisecond, cancel)
				o := Options{URL: "ws://" + tt.addr(t), Connections: 3, Duration: time.Hour, Timeout: time.Hour, Rate: rate}
				begun := time.Now()
				r, err := tt.measure(ctx, o)
				if err != nil || time.Since(begun) > time.Minute || r.Errors != 0 || len(r.ErrorKinds) != 0 {
					t.Fatalf("%+v, %v after %v", r, err, time.Since(begun))
				}
				if tt.replies && (r.Received == 0 || r.Elapsed == 0) {
					t.Errorf("no partial result: %+v", r)
				}
			})
		}
	}
}

// Units are handed out in the order of time, each once, and the end is told to all.
func TestBacklog(t *testing.T) {
	b := newBacklog()
	for range 3 {
		b.add()
	}
	b.end()
	for want := range uint64(3) {
		if k, ok := b.take(); k != want || !ok {
			t.Errorf("unit %d, %v; want %d", k, ok, want)
		}
	}
	for range 2 {
		if k, ok := b.take(); ok {
			t.Errorf("unit %d is due after the end", k)
		}
	}
}
