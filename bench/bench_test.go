package bench

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// quiet fails t if goroutines that its body started outlive it.
func quiet(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		poll(t, func() bool { return runtime.NumGoroutine() <= before }, func() {
			buf := make([]byte, 1<<20)
			t.Errorf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
		})
	})
}

// poll waits until ok, and calls late if that takes too long.
func poll(t *testing.T, ok func() bool, late func()) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			late()
			return
		}
	}
}

// serveHTTP runs a net/http server and returns its address.
func serveHTTP(t *testing.T, h http.Handler) string {
	t.Helper()
	l := listen(t)
	s := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { s.Serve(l); close(done) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// coderEcho is a WebSocket echo that no one here wrote.
func coderEcho(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	for {
		kind, b, err := c.Read(context.Background())
		if err != nil {
			return
		}
		if c.Write(context.Background(), kind, b) != nil {
			return
		}
	}
}

func echoServer(t *testing.T) *EchoServer {
	t.Helper()
	s, err := NewEchoServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// short is a run that does little.
func short(url string) Options {
	return Options{URL: url, Connections: 4, Size: 125, Duration: 150 * time.Millisecond, Warmup: 20 * time.Millisecond, Verify: true}
}

// sound demands what every run without a fault must show.
func sound(t *testing.T, r *Result, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if r.Received == 0 || r.Errors != 0 || r.Sent != r.Received || r.Lost != 0 || r.Failed != 0 || len(r.ErrorKinds) != 0 {
		t.Fatalf("received %d, errors %d, sent %d, lost %d, failed %d: %v", r.Received, r.Errors, r.Sent, r.Lost, r.Failed, r.ErrorKinds)
	}
	if r.Throughput*r.Elapsed > float64(r.Received)+0.5 || r.Elapsed <= 0 || r.BytesIn == 0 || r.BytesOut == 0 || r.OpenSeconds <= 0 {
		t.Errorf("throughput %v, elapsed %v, bytes %d in %d out, open %v", r.Throughput, r.Elapsed, r.BytesIn, r.BytesOut, r.OpenSeconds)
	}
	l := r.Latency
	if l.P50 < 1 || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max || l.Mean <= 0 {
		t.Errorf("latencies out of order: %+v", l)
	}
}
