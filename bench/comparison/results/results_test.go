package results

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"weir/bench"
)

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	in := &File{
		Machine: Machine{Commit: "abc", Cores: 2}, Settings: Settings{Rounds: 3}, LeftOut: []string{"x"},
		Samples: []Sample{
			{Work: "w", Peer: "p", Mode: Once, Storm: &bench.StormResult{Cut: 5}, Latency: bench.Latency{P99: 7}},
			{Work: "w", Peer: "q", Mode: Idle, Faults: "lost"},
		},
	}
	if err := in.Save(path); err != nil {
		t.Fatal(err)
	}
	out, err := Load(path)
	if err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%v, %+v, want %+v", err, out, in)
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, text := range []string{"", "[]", `{"samples": []}`, "no JSON"} {
		path := filepath.Join(t.TempDir(), "r.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "no file of results") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestOf(t *testing.T) {
	r := &bench.Result{
		Throughput: 10, Rate: 5, Elapsed: 2, Latency: bench.Latency{P50: 1},
		Process: &bench.ProcessUsage{CPUMicrosPerUnit: 3, CPUSeconds: 4, CPUSecondsPerGiB: 6, RSSBytes: 7, RSSPerConnectionBytes: 8},
	}
	want := Sample{
		Throughput: 10, Rate: 5, Elapsed: 2, Latency: bench.Latency{P50: 1},
		CPUMicros: 3, CPUSeconds: 4, CPUSecondsPerGiB: 6, RSS: 7, RSSPerConnection: 8,
	}
	if got := Of(r); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := Of(&bench.Result{}); got != (Sample{}) {
		t.Errorf("%+v without a process", got)
	}
}

func TestMachine(t *testing.T) {
	m := NewMachine(t.Context(), t.TempDir(), 5)
	if m.Cores < 1 || m.CPU == "" || m.MemoryGB < 1 || !strings.HasPrefix(m.Kernel, "Linux ") || m.Files != 5 {
		t.Errorf("%+v", m)
	}
	// A folder that is no repository has no commit, and nobody can say it is clean.
	if m.Commit != "unknown" || !m.Dirty {
		t.Errorf("commit %q, dirty %v", m.Commit, m.Dirty)
	}
}
