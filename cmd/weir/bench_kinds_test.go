package main

import (
	"encoding/json"
	"strings"
	"testing"

	"weir/bench"
)

// Each command measures what it says, with the flags it documents.
func TestBenchKinds(t *testing.T) {
	s, err := bench.NewEchoServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const brief = " --duration 50ms --warmup 10ms --json"
	for _, tt := range []struct {
		args  string
		check func(r *bench.Result) bool
	}{
		{"broadcast ws://ADDRESS/room --connections 5 --verify" + brief,
			func(r *bench.Result) bool { return r.Size == 125 && r.Connections == 5 && r.Received >= 5 }},
		{"broadcast ws://ADDRESS/room/a --connections 5 --size 1KiB --rate 100" + brief,
			func(r *bench.Result) bool { return r.Size == 1024 && r.Rate == 100 && r.Received >= 5 }},
		{"storm ws://ADDRESS/ --connections 10 --survivors 2 --in-flight 3 --rate 200 --size 10" + brief,
			func(r *bench.Result) bool {
				return r.Storm != nil && r.Storm.Cut == 10 && r.Storm.Returned == 10 && r.Active == 2 && r.Size == 10
			}},
		{"bulk http://ADDRESS/bytes/1000000 --json --verify",
			func(r *bench.Result) bool { return r.Bulk != nil && r.Bulk.Bytes == 1_000_000 && !r.Bulk.Upload }},
		{"bulk http://ADDRESS/ --json --upload --size 1MiB --connections 2",
			func(r *bench.Result) bool { return r.Bulk != nil && r.Bulk.Bytes == 2<<20 && r.Bulk.Upload }},
	} {
		args := strings.Fields("bench " + strings.Replace(tt.args, "ADDRESS", s.Addr(), 1))
		code, stdout, stderr := weir(t, args...)
		r := new(bench.Result)
		if err := json.Unmarshal([]byte(stdout), r); err != nil || code != exitOK || stderr != "" {
			t.Errorf("%s: exit %d, %v, stderr %q", tt.args, code, err, stderr)
			continue
		}
		if !tt.check(r) || r.Kind != args[1] || r.Errors != 0 {
			t.Errorf("%s: %+v", tt.args, r)
		}
	}
}

func TestBenchKindsUsage(t *testing.T) {
	for args, want := range map[string]string{
		"broadcast": "takes one URL",
		"broadcast ws://127.0.0.1:1/room --size 7":            "at least 8",
		"storm ws://127.0.0.1:1/ --survivors 0":               "survivors: 0",
		"storm ws://127.0.0.1:1/ --rate 0":                    "open loop",
		"storm ftp://127.0.0.1:1/":                            "ws://",
		"bulk http://127.0.0.1:1/ --upload":                   "size: 0",
		"bulk http://127.0.0.1:1/ --upload --size 65GiB":      "out of range",
		"bulk http://127.0.0.1:1/ --size 1GiB":                "only an upload",
		"bulk http://127.0.0.1:1/ --warmup 1s":                "first byte",
		"bulk http://127.0.0.1:1/ --upload --size 1 --verify": "verify",
	} {
		code, stdout, stderr := weir(t, strings.Fields("bench "+args)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want 2 and %q", args, code, stdout, stderr, want)
		}
	}
}
