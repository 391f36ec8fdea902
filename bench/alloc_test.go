package bench

import (
	"bufio"
	"context"
	"io"
	"math"
	"net"
	"testing"
	"time"

	"weir/codec/http1"
	"weir/codec/websocket"
)

// An exchange allocates nothing: a generator that collects garbage measures itself.
func TestExchangeAllocations(t *testing.T) {
	// The server answers every so many bytes with the same.
	fixed := func(size int, reply []byte, hello func(io.Writer, *bufio.Reader)) string {
		return script(t, func(c *net.TCPConn, in *bufio.Reader) {
			hello(c, in)
			for b := make([]byte, size); ; c.Write(reply) {
				if _, err := io.ReadFull(in, b); err != nil {
					return
				}
			}
		})
	}
	o := &opener{Options: Options{Size: 125, Verify: true, Timeout: time.Minute}}
	ws := o.newWSPeer(0)
	want := append(websocket.AppendHeader(nil, &websocket.Header{Fin: true, OpCode: websocket.OpBinary, Length: 125}), ws.want...)
	web := &httpPeer{opener: o, request: []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), method: http1.MethodGET}
	for _, tt := range []struct {
		name string
		peer peer
		url  string
	}{
		{"ws", ws, "ws://" + fixed(len(ws.unit()), want, accept)},
		{"http", web, "http://" + fixed(len(web.unit()), []byte(response), func(io.Writer, *bufio.Reader) {})},
	} {
		target, err := parseTarget(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		to, err := target.resolve(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		o.header = append(target.appendHead(nil, "GET", nil), "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"...)
		tt.peer.wire().address = to
		if err := tt.peer.open(context.Background()); err != nil {
			t.Fatal(err)
		}
		defer tt.peer.wire().close()
		r := &run{opener: o, ctx: context.Background(), base: time.Now(), window: window{0, math.MaxInt64}}
		rec := newRecorder()
		if n := testing.AllocsPerRun(200, func() {
			if err := r.exchange(tt.peer, rec, tt.peer.unit(), 1); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations an exchange, want 0", tt.name, n)
		}
		if rec.received != 201 || rec.errors != 0 {
			t.Errorf("%s: %d received, %d errors: %v", tt.name, rec.received, rec.errors, rec.kinds)
		}
		if n := testing.AllocsPerRun(200, func() {
			if n, err := tt.peer.wire().try.write(tt.peer.unit()); n != len(tt.peer.unit()) || err != nil || tt.peer.receive() != nil {
				t.Fatal(n, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations an exchange in open loop, want 0", tt.name, n)
		}
	}
}
