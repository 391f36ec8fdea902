package bench

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A cancelled run ends at once, in whatever it is doing, and reports what it had.
func TestCancel(t *testing.T) {
	silent := func(c *net.TCPConn, in *bufio.Reader) { io.Copy(io.Discard, in) }
	mute := after(func(*net.TCPConn, []byte) error { return nil })
	for _, tt := range []struct {
		name    string
		measure func(context.Context, Options) (*Result, error)
		url     func(t *testing.T) string
		rate    float64
		replies bool
	}{
		{"closed loop", WebSocket, func(t *testing.T) string { return "ws://" + echoServer(t).Addr() }, 0, true},
		{"open loop", WebSocket, func(t *testing.T) string { return "ws://" + echoServer(t).Addr() }, 300, true},
		{"slow open loop", WebSocket, func(t *testing.T) string { return "ws://" + echoServer(t).Addr() }, 0.001, false},
		{"http", HTTP, func(t *testing.T) string { return "http://" + echoServer(t).Addr() }, 0, true},
		{"http, open loop", HTTP, func(t *testing.T) string { return "http://" + echoServer(t).Addr() }, 300, true},
		{"idle", Idle, func(t *testing.T) string { return "ws://" + echoServer(t).Addr() }, 0, false},
		{"waiting for a handshake", WebSocket, func(t *testing.T) string { return "ws://" + script(t, silent) }, 0, false},
		{"waiting for a message", WebSocket, func(t *testing.T) string { return "ws://" + script(t, mute) }, 0, false},
		{"waiting for a response", HTTP, func(t *testing.T) string { return "http://" + script(t, silent) }, 50, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			quiet(t)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			time.AfterFunc(100*time.Millisecond, cancel)
			o := Options{URL: tt.url(t), Connections: 3, Size: 10, Duration: time.Hour, Timeout: time.Hour, Rate: tt.rate, Verify: true}
			begun := time.Now()
			r, err := tt.measure(ctx, o)
			if err != nil || time.Since(begun) > time.Minute {
				t.Fatalf("%v after %v", err, time.Since(begun))
			}
			if r.Errors != 0 || r.Lost != 0 || len(r.ErrorKinds) != 0 || r.Elapsed > 60 {
				t.Errorf("%+v", r)
			}
			if tt.replies && (r.Received == 0 || r.Elapsed == 0 || r.Throughput == 0) {
				t.Errorf("no partial result: %+v", r)
			}
		})
	}
}

func TestCancelledBeforeItBegins(t *testing.T) {
	quiet(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := HTTP(ctx, short("http://"+serveHTTP(t, http.NotFoundHandler())))
	if err != nil || r.Sent != 0 || r.Elapsed != 0 || len(r.ErrorKinds) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
