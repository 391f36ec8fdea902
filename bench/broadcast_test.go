package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// hub is a room that was not written here.
type hub struct {
	mu      sync.Mutex
	members map[*websocket.Conn]bool
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock() // until the member is in: nothing may be sent before it hears of it
	c, err := websocket.Accept(w, r, nil)
	if err == nil {
		h.members[c] = true
	}
	h.mu.Unlock()
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	for {
		kind, b, err := c.Read(context.Background())
		h.mu.Lock()
		if err != nil {
			delete(h.members, c)
			h.mu.Unlock()
			return
		}
		for m := range h.members {
			m.Write(context.Background(), kind, b)
		}
		h.mu.Unlock()
	}
}

func TestBroadcast(t *testing.T) {
	for _, server := range []struct {
		name  string
		start func(t *testing.T) string
	}{
		{"coder", func(t *testing.T) string { return serveHTTP(t, &hub{members: map[*websocket.Conn]bool{}}) }},
		{"own", func(t *testing.T) string { return echoServer(t).Addr() }},
	} {
		for _, tt := range []struct {
			name string
			set  func(*Options)
		}{
			{"closed", func(*Options) {}},
			{"closed, no more than a number", func(o *Options) { o.Size = 8 }},
			{"closed, larger than any buffer", func(o *Options) { o.Size = 200_000 }},
			{"closed, one member", func(o *Options) { o.Connections = 1 }},
			{"closed, not looked at", func(o *Options) { o.Verify = false }},
			{"open", func(o *Options) { o.Rate = 200 }},
			{"open, more than a socket holds", func(o *Options) { o.Rate, o.Size = 20, 3_000_000 }},
		} {
			t.Run(server.name+"/"+tt.name, func(t *testing.T) {
				quiet(t)
				o := short("ws://" + server.start(t) + "/room/a")
				o.Connections, o.Timeout = 5, 20*time.Second
				tt.set(&o)
				r, err := Broadcast(context.Background(), o)
				sound(t, r, err)
				if r.Kind != "broadcast" || r.Sent%uint64(o.Connections) != 0 {
					t.Errorf("kind %s, %d deliveries to %d members", r.Kind, r.Sent, o.Connections)
				}
				due := o.Rate * o.Duration.Seconds() * float64(o.Connections)
				if slack := 2 * float64(o.Connections); o.Rate > 0 && (float64(r.Sent) < due-slack || float64(r.Sent) > due+slack) {
					t.Errorf("%d deliveries, %v were due", r.Sent, due)
				}
			})
		}
	}
}

// faulty is a room whose server delivers message k to member i as it likes: deliver
// returns what member i gets for frame.
func faulty(t *testing.T, deliver func(i int, k uint64, frame []byte) (reply []byte, hangUp bool)) string {
	var mu sync.Mutex
	var members []*net.TCPConn
	var first uint64
	return script(t, func(c *net.TCPConn, in *bufio.Reader) {
		mu.Lock()
		accept(c, in)
		members = append(members, c)
		mu.Unlock()
		for n := uint64(0); ; n++ {
			frame, err := readMessage(in)
			if err != nil {
				return
			}
			mu.Lock()
			if n == 0 {
				first = binary.BigEndian.Uint64(frame[2:])
			}
			k := binary.BigEndian.Uint64(frame[2:]) - first
			for i, m := range members {
				reply, hangUp := deliver(i, k, frame)
				m.Write(reply)
				if hangUp {
					m.CloseWrite()
				}
			}
			mu.Unlock()
		}
	})
}

func TestBroadcastFailures(t *testing.T) {
	twice := func(f []byte) []byte { return append(append([]byte{}, f...), f...) }
	corrupt := func(f []byte) []byte {
		f = append([]byte{}, f...)
		f[len(f)-1]++
		return f
	}
	for _, tt := range []struct {
		name, kind string
		rate       float64
		deliver    func(i int, k uint64, f []byte) ([]byte, bool)
		errors     func(r *Result) bool
		lost       int
	}{
		{"one delivery is missing", "missing delivery", 100, func(i int, k uint64, f []byte) ([]byte, bool) {
			if i == 2 && k == 3 {
				return nil, false
			}
			return f, false
		}, func(r *Result) bool { return r.Errors == 1 }, 0},
		{"a member hears nothing", "timeout", 100, func(i int, k uint64, f []byte) ([]byte, bool) {
			if i == 2 {
				return nil, false
			}
			return f, false
		}, func(r *Result) bool { return r.Errors*4 >= r.Sent-8 && r.Errors*4 <= r.Sent+8 }, 0},
		{"a member hears nothing, closed loop", "timeout", 0, func(i int, k uint64, f []byte) ([]byte, bool) {
			if i == 2 {
				return nil, false
			}
			return f, false
		}, func(r *Result) bool { return r.Errors == 1 && r.Sent <= 4 }, 0},
		{"a byte is wrong", "bad echo", 0, func(i int, k uint64, f []byte) ([]byte, bool) {
			if i == 1 {
				return corrupt(f), false
			}
			return f, false
		}, func(r *Result) bool { return r.Errors*3 >= r.Received }, 0},
		{"a member is hung up on", "closed", 0, func(i int, k uint64, f []byte) ([]byte, bool) {
			if i == 3 && k == 2 {
				return nil, true
			}
			return f, false
		}, func(r *Result) bool { return r.Errors == 1 && r.Received > 30 }, 1},
		{"twice is not better", "unexpected reply", 100, func(i int, k uint64, f []byte) ([]byte, bool) {
			return twice(f), false
		}, func(r *Result) bool {
			return r.Errors == 0 && r.Sent == r.Received && r.ErrorKinds["unexpected reply"] >= 4
		}, 0},
		{"a stranger speaks", "unexpected reply", 100, func(i int, k uint64, f []byte) ([]byte, bool) {
			return append([]byte("\x82\x02hi"), f...), false
		}, func(r *Result) bool { return r.Errors == 0 && r.Sent == r.Received }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			quiet(t)
			o := short("ws://" + faulty(t, tt.deliver))
			o.Timeout, o.Rate, o.Warmup = 200*time.Millisecond, tt.rate, 0
			o.Verify = tt.kind == "bad echo"
			o.ConnectRate = 200 // one by one: the sender is the server's first member
			r, err := Broadcast(context.Background(), o)
			if err != nil || r.ErrorKinds[tt.kind] == 0 || len(r.ErrorKinds) != 1 || !tt.errors(r) || r.Lost != tt.lost || r.Sent != r.Received+r.Errors {
				t.Fatalf("%+v, %v", r, err)
			}
		})
	}
}

// Without its sender a room is silent: what is owed has failed, and nobody waits
// beyond the timeout.
func TestBroadcastSenderLost(t *testing.T) {
	quiet(t)
	var first sync.Once
	o := short("ws://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
		accept(c, in)
		if _, err := readMessage(in); err == nil { // the sender's, with which it goes
			first.Do(func() { c.SetLinger(0) })
			return
		}
		io.Copy(io.Discard, in)
	}))
	o.Timeout = 100 * time.Millisecond
	r, err := Broadcast(context.Background(), o)
	if err != nil || r.Received != 0 || r.Lost != 1 || r.Errors != 4 || r.ErrorKinds["reset"] != 1 || r.ErrorKinds["timeout"] != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestBroadcastRefusesSmallMessages(t *testing.T) {
	o := short("ws://127.0.0.1:1/room")
	o.Size = 7
	if _, err := Broadcast(context.Background(), o); err == nil || !strings.Contains(err.Error(), "at least 8") {
		t.Error(err)
	}
}
