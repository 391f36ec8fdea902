package observe

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"weir/engine/fault"
)

var wall = time.Date(2026, 11, 21, 12, 0, 0, 500e6, time.UTC)

func fullRecord() *Record {
	return &Record{
		Kind: "exchange", Now: 2_000_000_000, Conn: 7, RequestID: []byte("abc"), Client: []byte("192.0.2.1:5"),
		ForwardFor: []byte("198.51.100.9"), Listener: "edge", Method: []byte("GET"), Host: []byte("example.com"),
		Target: []byte("/a?b=c"), UserAgent: []byte("curl/8"), Route: "chat", Cluster: "c1", Endpoint: "127.0.0.1:9001",
		Status: 502, BytesIn: 100, BytesOut: 2000, Duration: 1_234_567, Connect: 999, Response: 61_000_000_000,
		Reused: true, Retries: 1, Fault: fault.UpstreamReset, ClosedBy: "endpoint",
	}
}

const fullLine = `{"time":"2026-11-21T12:00:01.500Z","kind":"exchange","conn":7,"request_id":"abc","client":"192.0.2.1:5",` +
	`"forwarded_for":"198.51.100.9","listener":"edge","method":"GET","host":"example.com","target":"/a?b=c","user_agent":"curl/8",` +
	`"route":"chat","cluster":"c1","endpoint":"127.0.0.1:9001","status":502,"bytes_in":100,"bytes_out":2000,` +
	`"duration_ms":1.234,"connect_ms":0.000,"response_ms":61000.000,"reused":true,"retries":1,` +
	`"fault":"upstream_reset","fault_side":"upstream","closed_by":"endpoint"}` + "\n"

func TestRecordIsOneLine(t *testing.T) {
	stamp := NewStamp(wallFrom(wall, 1_000_000_000), 1_000_000_000)
	if got := string(fullRecord().Append(nil, stamp)); got != fullLine {
		t.Errorf("got  %swant %s", got, fullLine)
	}
	const least = `{"time":"2026-11-21T12:00:00.500Z","kind":"tunnel","conn":0,"status":0,"bytes_in":0,"bytes_out":0}` + "\n"
	if got := string((&Record{Kind: "tunnel", Now: 1_000_000_000}).Append([]byte("before "), stamp)); got != "before "+least {
		t.Errorf("got  %swant %s", got, least)
	}
}

// hostile is what a client may put into a field, and what a reader of the log gets.
var hostile = []struct{ name, in, want string }{
	{"quotes", `a"b\c","status":200,"x":"`, `a"b\c","status":200,"x":"`},
	{"line ends", "a\r\n{\"time\":1}\n", "a\r\n{\"time\":1}\n"},
	{"controls", "\x00\x01\x1b[2J\x1f\x7f", "\x00\x01\x1b[2J\x1f\x7f"},
	{"C1 controls", "\u0080\u009b2J\u009f\u00a0", "\u0080\u009b2J\u009f\u00a0"},
	{"separators", "a\u2028b\u2029c", "a\u2028b\u2029c"},
	{"UTF-8", "grüße 世界 🚀", "grüße 世界 🚀"},
	{"no UTF-8", "\xff\xc3(\xe2\x82", "\ufffd\ufffd(\ufffd\ufffd"},
	{"overlong and surrogate", "\xc0\xaf\xed\xa0\x80", "\ufffd\ufffd\ufffd\ufffd\ufffd"},
	{"beyond Unicode", "\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},
	{"cut rune at the end", "x\xf0\x9f\x9a", "x\ufffd\ufffd\ufffd"},
	{"replacement character", "\ufffd", "\ufffd"},
}

func TestRecordEscapesWhatPeersSend(t *testing.T) {
	stamp := NewStamp(wallFrom(wall, 0), 0)
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			v := []byte(tt.in)
			r := &Record{
				RequestID: v, Client: v, ForwardFor: v, Listener: tt.in, Method: v, Host: v, Target: v, UserAgent: v,
				Route: tt.in, Cluster: tt.in, Endpoint: tt.in, ClosedBy: tt.in,
			}
			line := r.Append(nil, stamp)
			requireCleanLine(t, line)
			var got map[string]any
			if err := json.Unmarshal(line, &got); err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			for _, name := range []string{
				"request_id", "client", "forwarded_for", "listener", "method", "host", "target", "user_agent",
				"route", "cluster", "endpoint", "closed_by",
			} {
				if got[name] != tt.want {
					t.Errorf("%s = %q, want %q", name, got[name], tt.want)
				}
			}
		})
	}
}

// requireCleanLine demands one line of UTF-8 without anything that a terminal
// obeys or a reader takes for the end of a line.
func requireCleanLine(t *testing.T, line []byte) {
	t.Helper()
	body, ok := strings.CutSuffix(string(line), "\n")
	if !ok || !utf8.ValidString(body) {
		t.Fatalf("no line of UTF-8: %q", line)
	}
	for _, r := range body {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			t.Fatalf("%U stands as it is in %q", r, line)
		}
	}
}

func FuzzRecord(f *testing.F) {
	for _, tt := range hostile {
		f.Add([]byte(tt.in), uint64(1), int64(1_500_000))
	}
	stamp := NewStamp(wallFrom(wall, 0), 0)
	f.Fuzz(func(t *testing.T, value []byte, conn uint64, ns int64) {
		r := &Record{Kind: "exchange", Conn: conn, Target: value, Duration: ns}
		line := r.Append(nil, stamp)
		requireCleanLine(t, line)
		var got struct {
			Conn     uint64   `json:"conn"`
			Target   string   `json:"target"`
			Duration *float64 `json:"duration_ms"`
		}
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if want := strings.ToValidUTF8(string(value), "\x00"); got.Conn != conn || utf8.Valid(value) && got.Target != want {
			t.Errorf("%q came back as %q", value, got.Target)
		}
		if (got.Duration == nil) != (ns <= 0) {
			t.Errorf("duration %d became %v", ns, got.Duration)
		}
	})
}

func TestRecordDoesNotAllocate(t *testing.T) {
	stamp := NewStamp(wallFrom(wall, 0), 0)
	r := fullRecord()
	r.Target = []byte("/\"\x01ü\xff\u2028")
	dst := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(1000, func() {
		r.Now += 300e6
		dst = r.Append(dst[:0], stamp)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A counter that is added to Counters and forgotten in the sum would read 0 for ever.
func TestSnapshotSumsEveryCounter(t *testing.T) {
	var c Counters
	v := reflect.ValueOf(&c).Elem()
	want := map[string]int64{}
	for i := range v.NumField() {
		if counter, ok := v.Field(i).Addr().Interface().(*Counter); ok {
			counter.Store(int64(100 + i))
			want[v.Type().Field(i).Name] = int64(100 + i)
		}
	}
	for k := range c.Faults {
		c.Faults[k].Store(int64(1000 + k))
	}
	var s Snapshot
	c.AddTo(&s)
	c.AddTo(&s)
	sum := reflect.ValueOf(s)
	for name, n := range want {
		f := sum.FieldByName(name)
		if !f.IsValid() || f.Int() != 2*n {
			t.Errorf("%s: %v, want %d", name, f, 2*n)
		}
	}
	for k, n := range s.Faults {
		if n != int64(2*(1000+k)) {
			t.Errorf("fault %s: %d", fault.Kind(k), n)
		}
	}
	if len(want) < 14 {
		t.Errorf("only %d counters were seen", len(want))
	}
}
