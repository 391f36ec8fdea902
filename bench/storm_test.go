package bench

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func shortStorm(url string) StormOptions {
	o := StormOptions{Options: short("ws://" + url), Survivors: 3}
	o.Connections, o.Rate, o.Timeout = 40, 300, 10*time.Second
	return o
}

// echoAll answers every message of a script's connection until it ends, and returns
// why it did.
func echoAll(c *net.TCPConn, in *bufio.Reader) error {
	for {
		m, err := readMessage(in)
		if err != nil {
			return err
		}
		if err := write(c, string(m)); err != nil {
			return err
		}
	}
}

func TestStorm(t *testing.T) {
	for _, server := range []func(t *testing.T) string{
		func(t *testing.T) string { return serveHTTP(t, http.HandlerFunc(coderEcho)) },
		func(t *testing.T) string { return echoServer(t).Addr() },
	} {
		quiet(t)
		o := shortStorm(server(t))
		o.PID = os.Getpid()
		r, err := Storm(context.Background(), o)
		sound(t, r, err)
		s := r.Storm
		if s == nil || s.Cut != 40 || s.Returned != 40 || s.FailedAttempts != 0 || s.Survivors != 3 || r.Connections != 43 || r.Active != 3 || r.Kind != "storm" {
			t.Fatalf("%+v, %+v", r, s)
		}
		if s.SecondsUntilServed <= 0 || s.SecondsUntilServed > 10 || s.Before.P50 < 1 || s.Before.Max > r.Latency.Max {
			t.Errorf("%+v", s)
		}
		if want := o.Rate * o.Duration.Seconds(); float64(r.Sent) < want-3 {
			t.Errorf("%d messages, want at least those of the steady part, %v", r.Sent, want)
		}
		if most := o.Rate * (r.Elapsed + 1); float64(r.Sent) > most {
			t.Errorf("%d messages in %v s: they went on after the storm", r.Sent, r.Elapsed)
		}
		if p := r.Process; p == nil || p.CPUSeconds > 0 && p.CPUMicrosPerUnit != p.CPUSeconds*1e6/40 {
			t.Errorf("%+v", p)
		}
	}
}

// The cut is a reset, of all but the survivors; those who come back are as many at
// a time as InFlight says; and what fails is tried again.
func TestStormCutsAndRetries(t *testing.T) {
	quiet(t)
	var resets, conns, now, most, refused atomic.Int64
	o := shortStorm(script(t, func(c *net.TCPConn, in *bufio.Reader) {
		if conns.Add(1) > 43 {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			in.Peek(1)
			time.Sleep(2 * time.Millisecond) // so that they meet, if they may
			now.Add(-1)
			if refused.Add(1) <= 5 {
				http.ReadRequest(in)
				write(c, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
				io.Copy(io.Discard, in)
				return
			}
		}
		accept(c, in)
		if errors.Is(echoAll(c, in), syscall.ECONNRESET) {
			resets.Add(1)
		}
	}))
	o.InFlight = 4
	r, err := Storm(context.Background(), o)
	if err != nil || r.Storm.Cut != 40 || r.Storm.Returned != 40 || r.Storm.FailedAttempts != 5 || r.ErrorKinds["status 503"] != 5 || r.Lost != 0 || r.Errors != 0 {
		t.Fatalf("%+v, %+v, %v", r, r.Storm, err)
	}
	if resets.Load() != 40 {
		t.Errorf("%d connections were reset, want 40", resets.Load())
	}
	if n := most.Load(); n < 2 || n > 4 {
		t.Errorf("%d came back at a time, want 4 at most", n)
	}
}

// Whatever keeps connections from coming back, the storm ends with its timeout.
func TestStormThatDoesNotEnd(t *testing.T) {
	for name, again := range map[string]func(c *net.TCPConn, in *bufio.Reader){
		"handshake timeout": func(c *net.TCPConn, in *bufio.Reader) { io.Copy(io.Discard, in) },
		"handshake closed":  func(c *net.TCPConn, in *bufio.Reader) { http.ReadRequest(in) },
	} {
		t.Run(name, func(t *testing.T) {
			quiet(t)
			var conns atomic.Int64
			o := shortStorm(script(t, func(c *net.TCPConn, in *bufio.Reader) {
				if conns.Add(1) > 43 {
					again(c, in)
					return
				}
				accept(c, in)
				echoAll(c, in)
			}))
			o.Timeout = 300 * time.Millisecond
			r, err := Storm(context.Background(), o)
			if err != nil || r.Storm.Cut != 40 || r.Storm.Returned != 0 || r.Lost != 40 || r.Storm.FailedAttempts < 40 || r.ErrorKinds[name] < 40 || r.Errors != 0 {
				t.Fatalf("%+v, %+v, %v", r, r.Storm, err)
			}
			if r.Storm.SecondsUntilServed != 0 || r.Elapsed < 0.45 {
				t.Errorf("%+v, elapsed %v", r.Storm, r.Elapsed)
			}
		})
	}
}

// A stall that the storm causes shows in the survivors' latencies of the storm, and
// not in those before it. A survivor that is lost is lost.
func TestStormSurvivors(t *testing.T) {
	quiet(t)
	const stall = 200 * time.Millisecond
	var conns, storming atomic.Int64
	var begun atomic.Int64
	o := shortStorm(script(t, func(c *net.TCPConn, in *bufio.Reader) {
		n := conns.Add(1)
		if n > 43 {
			begun.CompareAndSwap(0, time.Now().UnixNano())
			storming.Store(1)
			time.Sleep(stall) // the fault under test
		}
		accept(c, in)
		for {
			m, err := readMessage(in)
			if err != nil {
				return
			}
			if storming.Load() == 1 {
				if n == 1 {
					c.SetLinger(0)
					return
				}
				if d := stall - time.Since(time.Unix(0, begun.Load())); d > 0 {
					time.Sleep(d)
				}
			}
			write(c, string(m))
		}
	}))
	o.ConnectRate = 200 // one by one: the first is a survivor
	o.Rate = 100
	r, err := Storm(context.Background(), o)
	if err != nil || r.Storm.Returned != 40 || r.Lost != 1 || r.Errors == 0 || uint64(r.ErrorKinds["reset"]+r.ErrorKinds["closed"]) != r.Errors {
		t.Fatalf("%+v, %+v, %v", r, r.Storm, err)
	}
	if us := stall.Microseconds() / 2; r.Storm.During.Max < us || r.Storm.Before.P50 > us {
		t.Errorf("before %+v, during %+v", r.Storm.Before, r.Storm.During)
	}
}

// A connection that is lost before the cut is not cut, and does not come back.
func TestStormLostBefore(t *testing.T) {
	quiet(t)
	var conns atomic.Int64
	o := shortStorm(script(t, func(c *net.TCPConn, in *bufio.Reader) {
		accept(c, in)
		if conns.Add(1) == 43 {
			return
		}
		echoAll(c, in)
	}))
	o.ConnectRate = 200
	r, err := Storm(context.Background(), o)
	if err != nil || r.Lost != 1 || r.Storm.Cut != 39 || r.Storm.Returned != 39 || r.ErrorKinds["closed"] != 1 {
		t.Fatalf("%+v, %+v, %v", r, r.Storm, err)
	}
}

func TestStormCancel(t *testing.T) {
	for name, again := range map[string]bool{"before": false, "during": true} {
		t.Run(name, func(t *testing.T) {
			quiet(t)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var conns atomic.Int64
			o := shortStorm(script(t, func(c *net.TCPConn, in *bufio.Reader) {
				if n := conns.Add(1); n == 43 && !again || n == 50 {
					cancel()
				}
				if conns.Load() > 43 {
					io.Copy(io.Discard, in)
					return
				}
				accept(c, in)
				echoAll(c, in)
			}))
			o.Timeout = time.Hour
			if !again {
				o.Duration = time.Hour
			}
			begun := time.Now()
			r, err := Storm(ctx, o)
			if err != nil || r.Lost != 0 || len(r.ErrorKinds) != 0 || time.Since(begun) > time.Minute {
				t.Errorf("%+v, %+v, %v", r, r.Storm, err)
			}
		})
	}
}

func TestStormValidate(t *testing.T) {
	good := shortStorm("127.0.0.1:1")
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		set  func(*StormOptions)
		want string
	}{
		{func(o *StormOptions) { o.Survivors = 0 }, "survivors: 0 is too few"},
		{func(o *StormOptions) { o.Survivors = 1 << 40 }, "ulimit -n"},
		{func(o *StormOptions) { o.InFlight = -1 }, "in flight"},
		{func(o *StormOptions) { o.Rate = 0 }, "open loop"},
		{func(o *StormOptions) { o.Connections = 0 }, "at least 1"},
	} {
		o := good
		tt.set(&o)
		if _, err := Storm(context.Background(), o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}
