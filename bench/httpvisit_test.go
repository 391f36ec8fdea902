package bench

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// countConnections runs a net/http server and counts its connections.
func countConnections(t *testing.T, h http.HandlerFunc) (addr string, opened *atomic.Int64) {
	t.Helper()
	opened = new(atomic.Int64)
	l := listen(t)
	s := &http.Server{Handler: h, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}}
	done := make(chan struct{})
	go func() { s.Serve(l); close(done) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String(), opened
}

// Every request has a connection of its own and says that it is the last on it.
func TestNewConnections(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		set        func(*Options)
	}{
		{"length", "/length?n=32", func(*Options) {}},
		{"chunked", "/chunked?n=2000", func(*Options) {}},
		{"no content", "/none", func(*Options) {}},
		{"body", "/length?n=32", func(o *Options) { o.Size = 100_000 }},
		{"open", "/length?n=32", func(o *Options) { o.Rate = 200 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			quiet(t)
			var requests, last atomic.Int64
			addr, opened := countConnections(t, func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if r.Close {
					last.Add(1)
				}
				httpBackend(w, r)
			})
			before := remains(t, addr)
			o := short("http://" + addr + tt.path)
			o.Size, o.NewConnections = 0, true
			tt.set(&o)
			r, err := HTTP(context.Background(), o)
			sound(t, r, err)
			if r.Kind != "http" || !r.NewConnections || r.Reconnects != 0 || r.Connections != 4 {
				t.Errorf("%+v", r)
			}
			if n := requests.Load(); last.Load() != n || opened.Load() != n || uint64(n) < r.Received {
				t.Errorf("%d requests of which %d with Connection: close on %d connections; %d replies", n, last.Load(), opened.Load(), r.Received)
			}
			if n := remains(t, addr) - before; n > 0 {
				t.Errorf("%d connections of the client were left", n)
			}
			if tt.name == "open" && (r.Sent < 28 || r.Sent > 32) {
				t.Errorf("%d sent, want 30: 200 a second for 150 ms", r.Sent)
			}
		})
	}
}

// An answer that says no is an error, but the connection ended in order.
func TestNewConnectionsStatus(t *testing.T) {
	quiet(t)
	var n, every atomic.Int64
	every.Store(2)
	addr, _ := countConnections(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%every.Load() == 0 {
			w.WriteHeader(500)
		}
	})
	before := remains(t, addr)
	o := short("http://" + addr)
	o.Size, o.NewConnections = 0, true
	r, err := HTTP(context.Background(), o)
	if err != nil || r.Received == 0 || r.Errors == 0 || uint64(r.ErrorKinds["status 500"]) != r.Errors || len(r.ErrorKinds) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	// Nor is it a reason to rest: 4 connections that did would get 5 answers each.
	every.Store(1)
	r, err = HTTP(context.Background(), o)
	if err == nil || r.Received != 0 || r.Errors <= 4*5 {
		t.Errorf("%+v, %v", r, err)
	}
	if n := remains(t, addr) - before; n > 0 {
		t.Errorf("%d connections of the client were left", n)
	}
}

func TestNewConnectionsFailures(t *testing.T) {
	const last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
	respond := func(b string, then func(*net.TCPConn)) func(*net.TCPConn, *bufio.Reader) {
		return func(c *net.TCPConn, in *bufio.Reader) {
			if _, err := http.ReadRequest(in); err == nil {
				write(c, b)
				then(c)
			}
		}
	}
	hold := func(c *net.TCPConn) { io.Copy(io.Discard, c) }
	hangUp := func(*net.TCPConn) {}
	for _, tt := range []struct {
		kind  string
		serve func(*net.TCPConn, *bufio.Reader)
	}{
		{"closed", respond("", hangUp)},
		{"closed", respond(last[:len(last)-1], hangUp)},
		{"reset", respond("", func(c *net.TCPConn) { c.SetLinger(0) })},
		{"timeout", respond("", hold)},
		{"close timeout", respond(last, hold)},
		{"close timeout", respond(response, hold)}, // as if nothing had been said
		{"bytes after the end", respond(last+response, hangUp)},
	} {
		for _, rate := range []float64{0, 100} {
			t.Run(tt.kind, func(t *testing.T) {
				quiet(t)
				o := short("http://" + script(t, tt.serve))
				o.Size, o.NewConnections, o.Rate, o.Timeout = 0, true, rate, 50*time.Millisecond
				if rate > 0 {
					o.Connections = 32 // none has to wait
				}
				r, err := HTTP(context.Background(), o)
				if err == nil || r == nil || r.Received != 0 || r.Errors < 4 || r.Sent != r.Errors || r.Failed != 0 || r.Reconnects != 0 {
					t.Fatalf("%+v, %v", r, err)
				}
				if len(r.ErrorKinds) != 1 || uint64(r.ErrorKinds[tt.kind]) != r.Errors {
					t.Errorf("%v, want all %q", r.ErrorKinds, tt.kind)
				}
			})
		}
	}
}

func TestNewConnectionsRefused(t *testing.T) {
	quiet(t)
	l := listen(t)
	l.Close()
	o := short("http://" + l.Addr().String())
	o.Size, o.NewConnections = 0, true
	r, err := HTTP(context.Background(), o)
	if err == nil || !strings.Contains(err.Error(), "connect refused") || r.Errors == 0 || r.Received != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestVisitOptions(t *testing.T) {
	good := Options{URL: "http://127.0.0.1:1/x", Connections: 1, Duration: time.Second, NewConnections: true}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		set  func(*Options)
		want string
	}{
		{func(o *Options) { o.Pipeline = 2 }, "leave one of the two out"},
		{func(o *Options) { o.Active = 0.5 }, "active must be 1"},
		{func(o *Options) { o.PingEvery = -1 }, "such as 30s"},
	} {
		o := good
		tt.set(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want a message with %q", o, err, tt.want)
		}
	}
	if _, err := Handshake(context.Background(), good); err == nil || !strings.Contains(err.Error(), "handshake needs ws://") {
		t.Error(err)
	}
}
