package bench

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite golden files")

// sample has a value of its own in every field.
func sample() *Result {
	return &Result{
		Kind: "ws", URL: "ws://127.0.0.1:8080/chat", Connections: 9000, Active: 64, Failed: 1, Lost: 2, Reconnects: 3,
		Alive: 4, Size: 125, Pipeline: 1, Rate: 5000, Sent: 50000, Received: 49990, Errors: 10,
		ErrorKinds: map[string]int{"timeout": 7, "bad echo": 3, "connect refused": 1}, BytesIn: 6_349_000, BytesOut: 6_550_000,
		OpenSeconds: 1.25, Elapsed: 10, Throughput: 4999, GeneratorCPU: 0.75,
		Latency: Latency{P50: 61, P90: 75, P99: 110, P999: 240, Max: 1023, Mean: 64.5},
		Process: &ProcessUsage{
			PID: 4711, CPUSeconds: 0.34, CPUMicrosPerUnit: 6.8, RSSBeforeBytes: 10 << 20,
			RSSOpenBytes: 14 << 20, RSSBytes: 15 << 20, RSSPerConnectionBytes: 582.5,
		},
	}
}

// The JSON names are a contract: scripts read them.
func TestResultGolden(t *testing.T) {
	b, err := json.MarshalIndent(sample(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/result.json", append(b, '\n'))

	var text bytes.Buffer
	sample().WriteText(&text)
	idle := sample()
	idle.Kind, idle.Sent, idle.Received, idle.Alive, idle.Rate = "idle", 9000, 8998, 8998, 0
	idle.WriteText(&text)
	golden(t, "testdata/result.txt", text.Bytes())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update rewrites it); got:\n%s", name, got)
	}
}

func TestResultSums(t *testing.T) {
	a, b := newRecorder(), newRecorder()
	w := window{begin: 1000_000, end: 2000_000}
	a.answered(w, 999_999, 1500_000, 1, 1)    // sent before the window: not counted
	a.answered(w, 1000_000, 1001_000, 10, 20) // 1 µs
	b.answered(w, 1999_999, 5000_000, 10, 20) // answered after the window, 3000 µs
	b.answered(w, 2000_000, 2000_001, 1, 1)   // sent after it
	b.answered(w, 1500_000, 1e18, 10, 20)     // beyond the histogram: 60 s
	b.failed(2, 40, errNoAnswer)
	b.failed(0, 0, errNoAnswer)
	a.disconnected(errBadEcho)
	r := &run{
		opener: &opener{Options: Options{Active: 1}}, kind: "ws", recs: []*recorder{a, b}, window: w,
		stopped: 1500_000, meter: &meter{}, peers: make([]peer, 3),
	}
	res, err := r.result()
	if err != nil {
		t.Fatal(err)
	}
	if res.Sent != 5 || res.Received != 3 || res.Errors != 2 || res.Lost != 1 || res.BytesIn != 30 || res.BytesOut != 100 {
		t.Errorf("%+v", res)
	}
	if len(res.ErrorKinds) != 2 || res.ErrorKinds["timeout"] != 2 || res.ErrorKinds["bad echo"] != 1 {
		t.Errorf("kinds %v", res.ErrorKinds)
	}
	// One reply in a window that a cancel cut to 500 µs.
	if res.Elapsed != 0.0005 || res.Throughput != 2000 {
		t.Errorf("elapsed %v, throughput %v", res.Elapsed, res.Throughput)
	}
	if l := res.Latency; l.P50 < 2990 || l.P50 > 3010 || l.Max < highestMicros*0.999 {
		t.Errorf("%+v", l)
	}
}

func TestMeter(t *testing.T) {
	m := &meter{
		pid: 1, haveEnds: true,
		idle: usage{rss: 1000}, full: usage{rss: 5000},
		atBegin: usage{cpu: time.Second}, atEnd: usage{cpu: 3 * time.Second, rss: 6000},
	}
	u := m.usage(10, 1000)
	if u.CPUSeconds != 2 || u.CPUMicrosPerUnit != 2000 || u.RSSPerConnectionBytes != 500 || u.RSSBytes != 6000 {
		t.Errorf("%+v", u)
	}
	if u := m.usage(0, 0); u.RSSPerConnectionBytes != 0 || u.CPUMicrosPerUnit != 0 {
		t.Errorf("division by nothing: %+v", u)
	}
	if _, err := newMeter(1 << 30); err == nil || !strings.Contains(err.Error(), "no process") {
		t.Error(err)
	}
}
