package session

import (
	"slices"
	"strings"
	"testing"

	"weir/engine/transport/transporttest"
)

// One line for each exchange and tunnel: how it ended, by whom, and what it carried.
func TestAccessLogTellsHowItEnded(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(f *fixture)
		want []record // bytes are compared where they are given
	}{
		{"keep-alive", func(f *fixture) {
			client, up := f.exchanging(get)
			up.Send(ok)
			client.Send("GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			up.Send(ok)
		}, []record{{Kind: "exchange", Target: "/", Status: 200, In: int64(len(get))}, {Kind: "exchange", Target: "/2", Status: 200, In: 47, Reused: true, ClosedBy: "weir"}}},
		{"pipelined", func(f *fixture) {
			_, up := f.exchanging(get + get)
			up.Send(ok)
			up.Send(ok)
		}, []record{{Kind: "exchange", Target: "/", Status: 200, In: int64(len(get))}, {Kind: "exchange", Target: "/", Status: 200, In: int64(len(get)), Reused: true}}},
		{"malformed", func(f *fixture) { f.client().Send("nonsense\r\n\r\n") },
			[]record{{Kind: "exchange", Status: 400, Fault: "malformed_request", ClosedBy: "weir"}}},
		{"retried", func(f *fixture) {
			client, up := f.exchanging(get)
			up.Send(ok)
			client.Send(get)
			up.Shut()
			f.up().Send(ok)
		}, []record{{Kind: "exchange", Target: "/", Status: 200}, {Kind: "exchange", Target: "/", Status: 200, Retries: 1}}},
		{"client leaves", func(f *fixture) {
			client, _ := f.exchanging(get)
			client.ResetByPeer()
		}, []record{{Kind: "exchange", Target: "/", Fault: "client_reset", ClosedBy: "client"}}},
		{"endpoint leaves", func(f *fixture) {
			_, up := f.exchanging(get)
			up.Shut()
		}, []record{{Kind: "exchange", Target: "/", Status: 502, Fault: "upstream_closed"}}},
		{"response cut short", func(f *fixture) {
			_, up := f.exchanging(get)
			up.Send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
			up.Shut()
		}, []record{{Kind: "exchange", Target: "/", Status: 200, Fault: "response_truncated", ClosedBy: "endpoint"}}},
		{"tunnel", func(f *fixture) {
			client, up := f.tunnel()
			client.Send("hello")
			up.Send("hi")
			up.Shut()
			client.Shut()
		}, []record{{Kind: "tunnel", Target: "/ws", Status: 101, In: int64(len(handshake)) + 5, ClosedBy: "endpoint"}}},
		{"tunnel reset", func(f *fixture) {
			_, up := f.tunnel()
			up.ResetByPeer()
		}, []record{{Kind: "tunnel", Target: "/ws", Status: 101, Fault: "tunnel_reset", ClosedBy: "endpoint"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, func(s *setup) { s.access = true })
			tt.do(f)
			got := f.records()
			for i := range got {
				got[i].Out = 0
				if i < len(tt.want) && tt.want[i].In == 0 {
					got[i].In = 0
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// The bytes of the lines add up to those of the connection.
func TestAccessLogCountsBytesOnce(t *testing.T) {
	f := newFixture(t, func(s *setup) { s.access = true })
	f.n.AutoConnect = true
	client := f.client()
	client.SetWindow(10)
	in := get + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("x", 20000) + get
	client.Send(in)
	up := f.dialled()
	for range 3 {
		client.SetWindow(50)
		up.Send(ok)
		client.SetWindow(transporttest.Unlimited)
	}
	out := int64(len(client.Received()))
	var sum record
	list := f.records()
	for _, r := range list {
		sum.In, sum.Out = sum.In+r.In, sum.Out+r.Out
	}
	if len(list) != 3 || sum.In != int64(len(in)) || sum.Out != out {
		t.Errorf("%d lines, %d of %d bytes in, %d of %d out", len(list), sum.In, len(in), sum.Out, out)
	}
}
