package bench

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// A server that stalls once, for a third of the run, must show in a third of the
// open loop's latencies. In closed loop it shows in one: that is the omission.
func TestNoCoordinatedOmission(t *testing.T) {
	const stall = 500 * time.Millisecond
	var stalled atomic.Bool
	begun := make(chan time.Time, 1)
	once := func() {
		if !stalled.Swap(true) {
			begun <- time.Now()
			time.Sleep(stall) // the fault under test, not a wait for state
		}
	}
	backends := map[string]func(t *testing.T) (string, func(context.Context, Options) (*Result, error)){
		"http": func(t *testing.T) (string, func(context.Context, Options) (*Result, error)) {
			return "http://" + serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { once() })), HTTP
		},
		"ws": func(t *testing.T) (string, func(context.Context, Options) (*Result, error)) {
			return "ws://" + script(t, after(func(c *net.TCPConn, m []byte) error { once(); return write(c, string(m)) })), WebSocket
		},
	}
	for name, start := range backends {
		t.Run(name, func(t *testing.T) {
			for _, rate := range []float64{200, 0} {
				quiet(t)
				stalled.Store(false)
				url, measure := start(t)
				o := Options{URL: url, Connections: 1, Duration: 3 * stall, Rate: rate}
				r, err := measure(context.Background(), o)
				<-begun
				sound(t, r, err)
				// Due evenly over 1500 ms, those of the 400 ms before the last 100 ms of the
				// stall wait over 100 ms: 26 %.
				if slow := 100 * int64(time.Millisecond/time.Microsecond); rate > 0 && r.Latency.P90 < slow {
					t.Errorf("open loop: p90 is %d µs, the stall is hidden", r.Latency.P90)
				}
				if us := stall.Microseconds() * 9 / 10; r.Latency.Max < us {
					t.Errorf("rate %v: max is %d µs, want at least %d", rate, r.Latency.Max, us)
				}
				if rate > 0 && (r.Sent < 298 || r.Sent > 302) {
					t.Errorf("%d sent, want 300", r.Sent)
				}
			}
		})
	}
}

// A peer that reads nothing fills the socket. Other connections of the same worker
// keep their times, and what was due is sent when the peer reads again.
func TestFullSocketHoldsUpNobody(t *testing.T) {
	quiet(t)
	var first atomic.Bool
	release := make(chan struct{})
	var others atomic.Int64
	url := "ws://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
		accept(c, in)
		if !first.Swap(true) {
			c.SetReadBuffer(64 << 10)
			<-release
		}
		for {
			m, err := readMessage(in)
			if err != nil || write(c, string(m)) != nil {
				return
			}
			if others.Add(1) == 20 {
				close(release)
			}
		}
	})
	o := Options{
		URL: url, Connections: 8, Size: 2_000_000, Rate: 100, Verify: true,
		Duration: 300 * time.Millisecond, Timeout: 30 * time.Second,
	}
	r, err := WebSocket(context.Background(), o)
	sound(t, r, err)
	if r.Sent < 29 || r.Sent > 31 {
		t.Errorf("%d sent, want 30", r.Sent)
	}
}

// A pong never lands inside a message that is still being written.
func TestPongWaitsForTheMessage(t *testing.T) {
	quiet(t)
	got := make(chan string, 1)
	o := Options{Connections: 1, Size: 8_000_000, Rate: 1, Verify: true, Duration: 500 * time.Millisecond, Timeout: 30 * time.Second}
	o.URL = "ws://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
		c.SetReadBuffer(64 << 10)
		accept(c, in)
		in.Peek(1) // the message is on its way, and more than the sockets hold
		write(c, "\x89\x04ping")
		m, err := readMessage(in)
		if err != nil {
			return
		}
		if p, err := readMessage(in); err == nil {
			got <- string(p)
		}
		write(c, string(m))
		io.Copy(io.Discard, in)
	})
	r, err := WebSocket(context.Background(), o)
	sound(t, r, err)
	if p := <-got; p != "\x8a\x04ping" {
		t.Errorf("pong %q", p)
	}
}

// A flusher of a connection that is gone keeps its hands off the one after it.
func TestLateFlusher(t *testing.T) {
	client, _ := pair(t)
	client.Close()
	f := &flow{up: true, flushing: true, generation: 2}
	f.flush(client, []byte("x"), 1)
	if !f.up || !f.flushing {
		t.Error("an old flusher changed the flow")
	}
	if f.flush(client, []byte("x"), 2); f.up || f.flushing {
		t.Error("a failed flusher left the flow as it was")
	}
}

func TestSchedule(t *testing.T) {
	s := schedule{start: 1000, interval: 250, flows: 4}
	last := int64(0)
	for k := range uint64(100) {
		for i := range s.flows {
			at := s.at(i, k)
			if want := 1000 + 250*(int64(k)*4+int64(i)); at != want || at <= last {
				t.Fatalf("unit %d of flow %d is due at %d, want %d", k, i, at, want)
			}
			last = at
		}
	}
}

func TestAlarm(t *testing.T) {
	quiet(t)
	ctx, cancel := context.WithCancel(context.Background())
	a, err := newAlarm(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	for range 3 {
		begun := time.Now()
		if !a.wait(int64(3*time.Millisecond)) || time.Since(begun) < 3*time.Millisecond {
			t.Fatal("the alarm went off early")
		}
	}
	cancel()
	if a.wait(int64(time.Hour)) {
		t.Fatal("a cancelled wait reports that the time has come")
	}
}

// A message that comes unasked in open loop answers nothing.
func TestUnaskedMessage(t *testing.T) {
	quiet(t)
	o := short("ws://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
		accept(c, in)
		write(c, "\x81\x02hi")
		for {
			m, err := readMessage(in)
			if err != nil || write(c, string(m)) != nil {
				return
			}
		}
	}))
	o.Rate, o.Warmup, o.Verify = 20, 0, false
	o.Duration = 300 * time.Millisecond
	r, err := WebSocket(context.Background(), o)
	if err != nil || r.Sent != r.Received || r.Errors != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
}
