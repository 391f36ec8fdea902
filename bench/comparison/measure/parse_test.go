package measure

import (
	"strings"
	"testing"
	"time"

	"weir/bench"
)

func TestParseTools(t *testing.T) {
	const wrk = `Running 1s test @ http://127.0.0.1:8080/bytes/128
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.36ms  301.11us   5.94ms   89.11%
  47112 requests in 1.02s, 9.12MB read
`
	const h2load = `finished in 1.00s, 45160.00 req/s, 8.31MB/s
requests: 45160 total, 45224 started, 45160 done, 45158 succeeded, 2 failed, 0 errored, 0 timeout
status codes: 45158 2xx, 0 3xx, 0 4xx, 2 5xx
`
	for _, tt := range []struct {
		name, tool, out string
		requests        int
		wrong           string // part of it; "": nothing
		bad             bool
	}{
		{"wrk", "wrk", wrk, 47112, "", false},
		{"wrk with errors", "wrk", wrk + "  Socket errors: connect 0, read 5, write 0, timeout 0\n  Non-2xx or 3xx responses: 7\n", 47112, "read 5, write 0, timeout 0, Non-2xx or 3xx responses: 7", false},
		{"wrk changed", "wrk", "47112 replies", 0, "", true},
		{"h2load", "h2load", strings.NewReplacer("2 failed", "0 failed", "2 5xx", "0 5xx").Replace(h2load), 45158, "", false},
		{"h2load with errors", "h2load", h2load, 45158, "2 failed", false},
		{"h2load without statuses", "h2load", strings.Split(h2load, "status")[0], 0, "", true},
	} {
		parse := parseWrk
		if tt.tool == "h2load" {
			parse = parseH2load
		}
		n, wrong, err := parse(tt.out)
		if n != tt.requests || (err != nil) != tt.bad || (wrong == "") != (tt.wrong == "") || !strings.Contains(wrong, tt.wrong) {
			t.Errorf("%s: %d, %q, %v", tt.name, n, wrong, err)
		}
	}
	s := toolSample("wrk", wrk, 471120*time.Microsecond, 2*time.Second)
	if s.CPUMicros != 10 || s.Throughput != 23556 || s.Faults != "" {
		t.Errorf("%+v", s)
	}
	if s := toolSample("wrk", "  0 requests in 1.00s, 0.00B read\n", 0, time.Second); s.Faults == "" {
		t.Errorf("no request: %+v", s)
	}
}

func TestParseStat(t *testing.T) {
	const line = "42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 150 50 20 5 20 0 1 0 100 1000 10"
	parent, cpu, err := parseStat([]byte(line))
	if err != nil || parent != 7 || cpu != 2250*time.Millisecond {
		t.Errorf("%d, %v, %v", parent, cpu, err)
	}
	for _, bad := range []string{"", "42 (a) S 7", strings.Replace(line, " 150 ", " x ", 1)} {
		if _, _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestFaults(t *testing.T) {
	fine := func() *bench.Result { return &bench.Result{Process: &bench.ProcessUsage{}} }
	if got := faults(fine(), nil, nil); got != "" {
		t.Errorf("a good result has faults: %s", got)
	}
	// Attempts that failed while a storm was on are part of it.
	r := fine()
	r.Storm, r.ErrorKinds = &bench.StormResult{Cut: 5, Returned: 5}, map[string]int{"reset": 3}
	if got := faults(r, nil, nil); got != "" {
		t.Errorf("a storm that is over has faults: %s", got)
	}
	r.Storm.Returned = 4
	if got := faults(r, nil, nil); got != "4 of 5 came back, 3 reset" {
		t.Errorf("%q", got)
	}
	if got := faults(&bench.Result{}, nil, nil); !strings.Contains(got, "lost") {
		t.Errorf("no process: %q", got)
	}
	if got := complaint(errOutput, []byte("x\nweir: 2 errors\n")); got != "2 errors" {
		t.Errorf("%q", got)
	}
	if got := complaint(errOutput, nil); got != errOutput.Error() {
		t.Errorf("%q", got)
	}
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0 s", 59 * time.Second: "59 s", 61 * time.Second: "1:01 min", 40 * time.Minute: "40:00 min"} {
		if got := clock(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// Full handshakes are not taken for resumed ones.
func TestNotResumed(t *testing.T) {
	for _, tt := range []struct {
		r    *bench.TLSResult
		good bool
	}{
		{nil, false},
		{&bench.TLSResult{Handshakes: 100, Resumed: 80}, false},
		{&bench.TLSResult{Handshakes: 100, Resumed: 95}, true},
	} {
		if got := notResumed(tt.r); (got == "") != tt.good {
			t.Errorf("%+v: %q", tt.r, got)
		}
	}
}
