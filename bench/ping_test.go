package bench

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// pinging is an idle run of 20 connections with a ping each 50 ms.
func pinging(url string) Options {
	o := short(url)
	o.Connections, o.Verify, o.PingEvery = 20, false, 50*time.Millisecond
	return o
}

func TestPings(t *testing.T) {
	for _, server := range []func(t *testing.T) string{
		func(t *testing.T) string { return serveHTTP(t, http.HandlerFunc(coderEcho)) },
		func(t *testing.T) string { return echoServer(t).Addr() },
	} {
		for _, verify := range []bool{false, true} {
			quiet(t)
			o := pinging("ws://" + server(t))
			o.Verify, o.PID = verify, os.Getpid()
			r, err := Idle(context.Background(), o)
			sound(t, r, err)
			// Those due in the 150 ms of the window: 3 from each. With Verify one more.
			want, alive := uint64(60), 0
			if verify {
				want, alive = 80, 20
			}
			if r.Received < want-1 || r.Received > want+1 || r.Alive != alive || r.PingSeconds != 0.05 {
				t.Errorf("verify %v: %+v", verify, r)
			}
			if verify {
				continue // its pings are counted with the others, and have no bytes
			}
			if r.BytesOut != pingSize*r.Received || r.BytesIn != pongSize*r.Received {
				t.Errorf("%d pings are %d bytes out and %d in", r.Received, r.BytesOut, r.BytesIn)
			}
			if most := 61 / r.Elapsed; r.Throughput <= 0 || r.Throughput > most {
				t.Errorf("%v pongs a second, want at most %v", r.Throughput, most)
			}
			if p := r.Process; p == nil || p.CPUMicrosPerUnit <= 0 {
				t.Errorf("no CPU time by ping: %+v", p)
			}
		}
	}
}

// Pings are those of a client, carry 8 bytes, and go round: none is sent a second
// one before all have had one.
func TestPingsTakeTurns(t *testing.T) {
	quiet(t)
	type arrival struct {
		conn  int64
		frame []byte
	}
	var mu sync.Mutex
	var seen []arrival
	var conns atomic.Int64
	o := pinging("ws://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
		conn := conns.Add(1)
		accept(c, in)
		for {
			m, err := readMessage(in)
			if err != nil {
				return
			}
			mu.Lock()
			seen = append(seen, arrival{conn, m})
			mu.Unlock()
			pong := bytes.Clone(m)
			pong[0] = 0x8a
			write(c, string(pong))
		}
	}))
	r, err := Idle(context.Background(), o)
	sound(t, r, err)
	each := map[int64]int{}
	payloads := map[string]bool{}
	for _, a := range seen {
		each[a.conn]++
		payloads[string(a.frame)] = true
		if len(a.frame) != 2+pingPayload || a.frame[0] != 0x89 {
			t.Fatalf("%x is no ping of %d bytes", a.frame, pingPayload)
		}
	}
	// 170 ms of pings every 50 ms: 3 or 4 a connection.
	for conn, n := range each {
		if n < 3 || n > 4 {
			t.Errorf("connection %d was pinged %d times", conn, n)
		}
	}
	if len(each) != 20 || len(payloads) != len(seen) {
		t.Errorf("%d connections pinged; %d payloads in %d pings", len(each), len(payloads), len(seen))
	}
}

// Every ping that was sent is received or an error, whatever a server does with it.
func TestPingFailures(t *testing.T) {
	pong := func(m []byte) string { return "\x8a" + string(m[1:]) }
	for _, tt := range []struct {
		name           string
		lost           int
		received, fail bool
		serve          func() func(c *net.TCPConn, m []byte) error
	}{
		{"silent", 0, false, true, func() func(*net.TCPConn, []byte) error {
			return func(*net.TCPConn, []byte) error { return nil }
		}},
		{"every second one", 0, true, true, func() func(*net.TCPConn, []byte) error {
			n := 0
			return func(c *net.TCPConn, m []byte) error {
				if n++; n%2 == 1 {
					return nil
				}
				return write(c, pong(m))
			}
		}},
		{"unasked, twice, and with a byte wrong", 0, true, false, func() func(*net.TCPConn, []byte) error {
			return func(c *net.TCPConn, m []byte) error {
				wrong := bytes.Clone(m)
				wrong[5] ^= 0x40
				return write(c, "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x00"+"\x8a\x00"+pong(wrong)+pong(m)+pong(m))
			}
		}},
		{"closes at the second", 20, true, true, func() func(*net.TCPConn, []byte) error {
			n := 0
			return func(c *net.TCPConn, m []byte) error {
				if n++; n == 2 {
					return io.EOF
				}
				return write(c, pong(m))
			}
		}},
		{"asks back", 0, true, false, func() func(*net.TCPConn, []byte) error {
			return func(c *net.TCPConn, m []byte) error {
				if m[0] == 0x8a { // the answer
					return nil
				}
				return write(c, "\x89\x02hi"+"\x81\x05hello"+pong(m))
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			quiet(t)
			o := pinging("ws://" + script(t, func(c *net.TCPConn, in *bufio.Reader) { after(tt.serve())(c, in) }))
			o.Warmup, o.Timeout = 0, 100*time.Millisecond
			r, err := Idle(context.Background(), o)
			if err != nil || r.Lost != tt.lost || r.Sent != r.Received+r.Errors || uint64(r.ErrorKinds["no pong"]) != r.Errors {
				t.Fatalf("%+v, %v", r, err)
			}
			if (r.Received > 0) != tt.received || (r.Errors > 0) != tt.fail {
				t.Errorf("%d received, %d errors", r.Received, r.Errors)
			}
			switch {
			case tt.lost == 0 && (r.Sent < 58 || r.Sent > 62):
				t.Errorf("%d sent, want 60", r.Sent)
			case tt.lost > 0 && (r.Sent != 40 || r.Received != 20 || r.ErrorKinds["closed"] != 20):
				t.Errorf("a lost connection is pinged: %+v", r)
			}
		})
	}
}

// A server that asks for pongs and reads none fills its socket. Others are pinged in
// time all the same.
func TestPingsWaitForNobody(t *testing.T) {
	quiet(t)
	var n atomic.Int64
	release := make(chan struct{})
	o := pinging("ws://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
		if n.Add(1) > 1 {
			after(func(c *net.TCPConn, m []byte) error { return write(c, "\x8a"+string(m[1:])) })(c, in)
			return
		}
		c.SetReadBuffer(4 << 10)
		accept(c, in)
		flood := bytes.Repeat(append([]byte("\x89\x7d"), make([]byte, 125)...), 1000)
		for range 60 { // 7.5 MB of pongs are more than the sockets hold
			if _, err := c.Write(flood); err != nil {
				break
			}
		}
		<-release
	}))
	defer close(release)
	o.Warmup, o.Duration, o.Timeout = 0, time.Second, 200*time.Millisecond
	r, err := Idle(context.Background(), o)
	if err != nil || r.Received < 19*20-1 || r.Received > 20*20 || r.Errors > 20 || r.Lost > 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// In steady state a ping and its pong allocate nothing.
func TestPingAllocations(t *testing.T) {
	client, server := pair(t)
	o := &opener{Options: Options{PingEvery: time.Second, Timeout: time.Minute}}
	p := o.newWSPeer(0)
	p.conn = client
	if err := p.try.bind(client); err != nil {
		t.Fatal(err)
	}
	r := &run{opener: o, ctx: context.Background(), base: time.Now(), window: window{0, math.MaxInt64}, peers: []peer{p}, recs: []*recorder{newRecorder()}}
	s := newPings(r)
	p.ponged = func(payload []byte) { s.ponged(0, payload) }
	frame, pong := make([]byte, pingSize), make([]byte, pongSize)
	k := uint64(0)
	if n := testing.AllocsPerRun(200, func() {
		s.send(0, s.schedule.at(0, k))
		k++
		if _, err := io.ReadFull(server, frame); err != nil {
			t.Fatal(err)
		}
		pong[0], pong[1] = 0x8a, pingPayload
		for i := range pingPayload { // unmasked
			pong[2+i] = frame[6+i] ^ frame[2+i%4]
		}
		server.Write(pong)
		h, err := p.nextHeader()
		if err != nil || p.takeControl(h) != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a ping, want 0", n)
	}
	if rec := r.recs[0]; rec.received != 201 || rec.errors != 0 {
		t.Errorf("%d received, %d errors", rec.received, rec.errors)
	}
}
