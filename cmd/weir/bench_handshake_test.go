package main

import (
	"encoding/json"
	"strings"
	"testing"

	"weir/bench"
)

func TestBenchVisitUsageErrors(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"bench handshake", "takes one URL"},
		{"bench handshake http://127.0.0.1:1/", "handshake needs ws://"},
		{"bench handshake ws://127.0.0.1:1/ --connect-rate 5", "--rate says"},
		{"bench handshake ws://127.0.0.1:1/ --verify", "checked in full"},
		{"bench handshake ws://127.0.0.1:1/ --connections 0", "connections: 0"},
		{"bench handshake ws://127.0.0.1:1/ --rate -1", "rate: -1"},
		{"bench handshake ws://127.0.0.1:1/ --size 3", "unknown flag: --size"},
		{"bench http http://127.0.0.1:1/ --new-connections --pipeline 2", "leave one of the two out"},
		{"bench http http://127.0.0.1:1/ --new-connections --active 0.5", "active must be 1"},
		{"bench idle ws://127.0.0.1:1/ --ping-every -1s", "ping every: -1s"},
		{"bench idle ws://127.0.0.1:1/ --ping-every often", "invalid argument \"often\""},
	} {
		code, stdout, stderr := weir(t, strings.Fields(tt.args)...)
		if code == exitOK || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want %q", tt.args, code, stdout, stderr, tt.want)
		}
	}
}

// The commands run what they say, with the flags they were given.
func TestBenchVisits(t *testing.T) {
	s, err := bench.NewEchoServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const short = " --connections 2 --duration 100ms --warmup 0s --json"
	for _, tt := range []struct {
		args string
		ok   func(r *bench.Result) bool
	}{
		{"bench handshake ws://ADDR/", func(r *bench.Result) bool { return r.Kind == "handshake" && r.Rate == 0 }},
		{"bench handshake ws://ADDR/ --rate 50", func(r *bench.Result) bool { return r.Kind == "handshake" && r.Rate == 50 && r.Sent < 7 }},
		{"bench http http://ADDR/ --new-connections", func(r *bench.Result) bool { return r.NewConnections && r.Reconnects == 0 }},
		{"bench idle ws://ADDR/ --ping-every 20ms", func(r *bench.Result) bool { return r.PingSeconds == 0.02 && r.Sent > 8 }},
	} {
		args := strings.ReplaceAll(tt.args, "ADDR", s.Addr()) + short
		code, stdout, stderr := weir(t, strings.Fields(args)...)
		var r bench.Result
		if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != exitOK || stderr != "" {
			t.Fatalf("%s: exit %d, stdout %q, stderr %q, %v", args, code, stdout, stderr, err)
		}
		if r.Received == 0 || r.Errors != 0 || !tt.ok(&r) {
			t.Errorf("%s: %+v", args, r)
		}
	}
}
