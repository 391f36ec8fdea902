package bench

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// httpBackend answers in every way net/http can frame a body.
func httpBackend(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	body := strings.Repeat("weir", n)
	switch r.URL.Path {
	case "/length":
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		io.WriteString(w, body)
	case "/chunked":
		for i := 0; i < len(body); i += 1000 {
			io.WriteString(w, body[i:min(i+1000, len(body))])
			w.(http.Flusher).Flush()
		}
	case "/close":
		w.Header().Set("Connection", "close")
		io.WriteString(w, body)
	case "/hints":
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, body)
	case "/none":
		w.WriteHeader(http.StatusNoContent)
	}
}

func TestHTTP(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		set        func(*Options)
	}{
		{"length", "/length?n=32", func(*Options) {}},
		{"long", "/length?n=100000", func(*Options) {}},
		{"chunked", "/chunked?n=2000", func(*Options) {}},
		{"empty", "/length?n=0", func(*Options) {}},
		{"no content", "/none", func(*Options) {}},
		{"interim responses", "/hints?n=3", func(*Options) {}},
		{"body", "/length?n=32", func(o *Options) { o.Size = 100_000 }},
		{"pipelined", "/length?n=32", func(o *Options) { o.Pipeline = 8 }},
		{"open", "/length?n=32", func(o *Options) { o.Rate = 500 }},
		{"open, pipelined", "/chunked?n=32", func(o *Options) { o.Rate, o.Pipeline = 500, 4 }},
		{"open, body", "/length?n=32", func(o *Options) { o.Rate, o.Size = 100, 3_000_000 }},
		{"held", "/length?n=32", func(o *Options) { o.Active = 0.25 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			quiet(t)
			o := short("http://" + serveHTTP(t, http.HandlerFunc(httpBackend)) + tt.path)
			o.Size, o.Timeout = 0, 20*time.Second
			tt.set(&o)
			r, err := HTTP(context.Background(), o)
			sound(t, r, err)
			if r.Reconnects != 0 {
				t.Errorf("%d reconnects", r.Reconnects)
			}
		})
	}
}

func TestHTTPReopens(t *testing.T) {
	for _, rate := range []float64{0, 200} {
		quiet(t)
		o := short("http://" + serveHTTP(t, http.HandlerFunc(httpBackend)) + "/close?n=3")
		o.Size, o.Rate = 0, rate
		r, err := HTTP(context.Background(), o)
		sound(t, r, err)
		if uint64(r.Reconnects)+4 < r.Received {
			t.Errorf("rate %v: %d replies over %d reconnects", rate, r.Received, r.Reconnects)
		}
	}
}

const response = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"

// A server may close with pipelined requests unanswered. In open loop they are sent
// again, so nothing is lost.
func TestHTTPSendsAgainWhatWasCutOff(t *testing.T) {
	quiet(t)
	var conns atomic.Int64
	o := short("http://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
		if conns.Add(1) == 1 {
			for range 5 {
				http.ReadRequest(in)
			}
			write(c, strings.Replace(response, "Content", "Connection: close\r\nContent", 1))
			return
		}
		for {
			if _, err := http.ReadRequest(in); err != nil || write(c, response) != nil {
				return
			}
		}
	}))
	o.Size, o.Rate, o.Pipeline, o.Connections = 0, 500, 16, 1
	r, err := HTTP(context.Background(), o)
	sound(t, r, err)
	if r.Reconnects != 1 {
		t.Errorf("%d reconnects", r.Reconnects)
	}
}

// In closed loop what a closed connection leaves unanswered has failed.
func TestHTTPPipelineCutOff(t *testing.T) {
	quiet(t)
	o := short("http://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
		for range 4 {
			http.ReadRequest(in)
		}
		write(c, strings.Replace(response, "Content", "Connection: close\r\nContent", 1))
	}))
	o.Size, o.Pipeline, o.Warmup = 0, 4, 0
	r, err := HTTP(context.Background(), o)
	if err != nil || r.Received == 0 || r.Errors != 3*r.Received || r.Sent != r.Received+r.Errors || uint64(r.ErrorKinds["closed"]) != r.Errors {
		t.Errorf("%+v, %v", r, err)
	}
}

// Never more than Pipeline requests are in flight on a connection.
func TestHTTPPipelineLimit(t *testing.T) {
	for _, rate := range []float64{0, 2000} {
		quiet(t)
		var most atomic.Int64
		o := short("http://" + script(t, func(c *net.TCPConn, in *bufio.Reader) {
			for {
				n := int64(0)
				for c.SetReadDeadline(time.Time{}); ; c.SetReadDeadline(time.Now().Add(5 * time.Millisecond)) {
					if _, err := http.ReadRequest(in); err != nil {
						break
					}
					n++
				}
				if n == 0 {
					return
				}
				most.Store(max(most.Load(), n))
				write(c, strings.Repeat(response, int(n)))
			}
		}))
		o.Size, o.Rate, o.Pipeline = 0, rate, 3
		r, err := HTTP(context.Background(), o)
		sound(t, r, err)
		if most.Load() != 3 {
			t.Errorf("rate %v: %d requests in flight, want 3", rate, most.Load())
		}
	}
}

func TestHTTPStatusAndBody(t *testing.T) {
	var n atomic.Int64
	for _, tt := range []struct {
		name, kind string
		handler    http.HandlerFunc
	}{
		{"every second answer is a 500", "status 500", func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1)%2 == 0 {
				w.WriteHeader(500)
			}
			io.WriteString(w, "x")
		}},
		{"every second body differs in a bit", "bad body", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, string('x'^byte(n.Add(1)%2)))
		}},
	} {
		for _, rate := range []float64{0, 500} {
			t.Run(tt.name, func(t *testing.T) {
				quiet(t)
				o := short("http://" + serveHTTP(t, tt.handler))
				o.Size, o.Rate = 0, rate
				r, err := HTTP(context.Background(), o)
				if err != nil || r.Errors == 0 || r.Received == 0 || r.Sent != r.Received+r.Errors || uint64(r.ErrorKinds[tt.kind]) != r.Errors || len(r.ErrorKinds) != 1 {
					t.Errorf("sent %d, received %d, errors %d: %v, %v", r.Sent, r.Received, r.Errors, r.ErrorKinds, err)
				}
				if r.Lost != 0 || r.Reconnects != 0 {
					t.Errorf("lost %d, reconnects %d: the connections were usable", r.Lost, r.Reconnects)
				}
			})
		}
	}
}
