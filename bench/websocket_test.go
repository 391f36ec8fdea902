package bench

import (
	"context"
	"net/http"
	"testing"
	"time"
)

func TestWebSocket(t *testing.T) {
	for _, server := range []struct {
		name  string
		start func(t *testing.T) string
	}{
		{"coder", func(t *testing.T) string { return serveHTTP(t, http.HandlerFunc(coderEcho)) }},
		{"own", func(t *testing.T) string { return echoServer(t).Addr() }},
	} {
		for _, tt := range []struct {
			name string
			set  func(*Options)
		}{
			{"closed", func(*Options) {}},
			{"closed, empty messages", func(o *Options) { o.Size = 0 }},
			{"closed, larger than any buffer", func(o *Options) { o.Size = 200_000 }},
			{"closed, half active", func(o *Options) { o.Active = 0.5 }},
			{"closed, opened at a rate", func(o *Options) { o.ConnectRate = 1000 }},
			{"open", func(o *Options) { o.Rate = 500 }},
			{"open, one byte", func(o *Options) { o.Rate, o.Size = 500, 1 }},
			{"open, more than a socket holds", func(o *Options) { o.Rate, o.Size = 50, 3_000_000 }},
			{"open, half active", func(o *Options) { o.Rate, o.Active = 500, 0.5 }},
		} {
			t.Run(server.name+"/"+tt.name, func(t *testing.T) {
				quiet(t)
				o := short("ws://" + server.start(t) + "/echo?x=1")
				o.Timeout = 20 * time.Second
				tt.set(&o)
				r, err := WebSocket(context.Background(), o)
				sound(t, r, err)
				if want := int(4 * o.withDefaults().Active); r.Active != want {
					t.Errorf("%d active, want %d", r.Active, want)
				}
				// Everything that was due is accounted for, however slow the machine.
				if due := o.Rate * o.Duration.Seconds(); o.Rate > 0 && (float64(r.Sent) < due-2 || float64(r.Sent) > due+2) {
					t.Errorf("%d sent, %v were due", r.Sent, due)
				}
			})
		}
	}
}

// A connection's own payload is what tells crossed connections apart.
func TestVerifyTellsConnectionsApart(t *testing.T) {
	o := &opener{Options: Options{Size: 125, Verify: true}}
	a, b := o.newWSPeer(0), o.newWSPeer(1)
	if string(a.want) == string(b.want) {
		t.Fatal("two connections send the same")
	}
	o.Size = 1
	if a, b = o.newWSPeer(0), o.newWSPeer(1); string(a.want) == string(b.want) {
		t.Fatal("two connections send the same byte")
	}
}
