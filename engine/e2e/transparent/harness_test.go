// Package transparent runs weir as a transparent proxy on a real kernel, with the rules
// that weir makes itself.
//
// The whole process lives in a network namespace of its own, which is the router: weir's
// loops, whatever their threads, connect from there. Clients and servers have namespaces
// beside it (netnstest.Route). Tests do not run in parallel: rules, sysctls and the
// counters of one are those of all.
//
// What a client gets proves nothing, since it might have got it without weir too. So
// every test looks at what weir has counted, and most at what the server has seen.
package transparent

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/configs"
	"weir/engine"
	"weir/engine/e2e/probe"
	"weir/engine/intercept"
	"weir/engine/netnstest"
	"weir/engine/observe"
)

func TestMain(m *testing.M) { netnstest.ReExec(m) }

// deadline bounds every wait. It is generous: passing is fast, and a loaded machine must
// not fail.
const deadline = 20 * time.Second

// weir is one running engine.
type weir struct {
	t           *testing.T
	engine      *engine.Engine
	log, access *probe.Buffer
	cancel      context.CancelFunc
	done        chan error
	fds, gos    int
}

// start runs weir on a whole file. What must come back is counted from here on.
func start(t *testing.T, text string) *weir {
	t.Helper()
	return startConfig(t, parse(t, text))
}

func startConfig(t *testing.T, cfg *configs.Config) *weir {
	t.Helper()
	if cfg.Engine.Loops == 0 {
		cfg.Engine.Loops = 2
	}
	w := &weir{t: t, log: &probe.Buffer{}, access: &probe.Buffer{}, done: make(chan error, 1), fds: openFDs(t), gos: runtime.NumGoroutine()}
	e, err := engine.New(cfg, engine.Options{Stdout: w.access, Stderr: w.log, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.engine, w.cancel = e, cancel
	go func() { w.done <- e.Run(ctx) }()
	t.Cleanup(w.requireQuiet)
	return w
}

// led is start with the rules that the file asks for, made by tool, and gone at the end.
func led(t *testing.T, tool intercept.Tool, text string) *weir {
	t.Helper()
	w := start(t, text)
	lead(t, tool, text)
	t.Cleanup(func() { // the last packets need the rules
		w.eventually("all sessions have ended", func() bool { return w.stats().Sessions == 0 })
	})
	return w
}

// lead makes the rules of a file, as `weir transparent up` does, and demands at the end
// that `weir transparent down` leaves everything as it was.
func lead(t *testing.T, tool intercept.Tool, text string) {
	t.Helper()
	before := listings(t)
	if _, err := intercept.Up(intercept.NewPlan(parse(t, text)), tool); err != nil {
		t.Fatal(err)
	}
	if listings(t) == before {
		t.Error("up has made nothing")
	}
	t.Cleanup(func() {
		if _, err := intercept.Down(); err != nil {
			t.Error(err)
		}
		if after := listings(t); after != before {
			t.Errorf("after down: %s\nbefore up: %s", after, before)
		}
	})
}

// listings are all that up may change, as the kernel's own tools show it.
func listings(t *testing.T) string {
	t.Helper()
	return netnstest.Shell(t, `
for p in iptables ip6tables; do
  $p-save | grep -v '^#' | sed 's/\[[0-9:]*\]//'
done
nft -s list ruleset
for f in -4 -6; do ip $f rule; ip $f route show table all; done`)
}

func parse(t *testing.T, text string) *configs.Config {
	t.Helper()
	cfg, err := configs.Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatalf("config: %v\n%s", err, text)
	}
	return cfg
}

func (w *weir) stats() observe.Snapshot { return w.engine.Stats() }

// stop ends weir as SIGTERM does and waits for it. It may be called twice.
func (w *weir) stop() {
	w.t.Helper()
	w.cancel()
	if w.done == nil {
		return
	}
	select {
	case err := <-w.done:
		if err != nil {
			w.t.Errorf("Run: %v", err)
		}
	case <-time.After(deadline):
		w.t.Errorf("weir does not stop; %+v\n%s", w.stats(), probe.Stacks())
	}
	w.done = nil
}

// requireQuiet demands that nothing is left: first of sessions and buffers while weir
// runs, then of connections, endpoints, descriptors and goroutines when it has stopped.
func (w *weir) requireQuiet() {
	w.t.Helper()
	defer w.stop() // whatever fails
	if w.done != nil {
		w.eventually("sessions and buffers are back", func() bool {
			s := w.stats()
			return s.Sessions == 0 && s.Active == 0 && s.TunnelsOpen == 0 && s.Buffers == 0
		})
	}
	w.stop()
	s := w.stats()
	if s.Sessions != 0 || s.Connections != 0 || s.Buffers != 0 || s.Held != 0 || s.Idle != 0 || s.Endpoints != 0 || s.EndpointsAdded != s.EndpointsRemoved {
		w.t.Errorf("left over after stop: %+v", s)
	}
	if s.Panics != 0 {
		w.t.Errorf("%d panics were caught", s.Panics)
	}
	w.eventually("descriptors are back", func() bool { return openFDs(w.t) <= w.fds })
	w.eventually("goroutines are back", func() bool { return runtime.NumGoroutine() <= w.gos })
	if w.t.Failed() {
		w.t.Logf("log:\n%s\naccess:\n%s", last(w.log), last(w.access))
	}
}

// eventually polls until ok, or fails the test.
func (w *weir) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(deadline); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("not in time: %s; stats %+v, fds %d (were %d), goroutines %d (were %d)\n%s",
				what, w.stats(), openFDs(w.t), w.fds, runtime.NumGoroutine(), w.gos, probe.Stacks())
		}
	}
}

// line is what these tests look at in a line of the access log.
type line struct {
	Kind     string `json:"kind"`
	Client   string `json:"client"`
	Listener string `json:"listener"`
	Original string `json:"original_dst"`
	Endpoint string `json:"endpoint"`
	Status   int    `json:"status"`
	Target   string `json:"target"`
	BytesIn  int64  `json:"bytes_in"`
	BytesOut int64  `json:"bytes_out"`
	Fault    string `json:"fault"`
	Detail   string `json:"detail"`
	ClosedBy string `json:"closed_by"`
}

// lines stops weir, once no session is left, and gives the access log.
func (w *weir) lines() []line {
	w.t.Helper()
	w.eventually("all sessions have ended", func() bool { return w.stats().Sessions == 0 })
	w.stop()
	var list []line
	for text := range strings.Lines(w.access.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			w.t.Errorf("not JSON: %q: %v", text, err)
		}
		list = append(list, l)
	}
	return list
}

// onlyLine is lines where there must be one.
func (w *weir) onlyLine() line {
	w.t.Helper()
	list := w.lines()
	if len(list) != 1 {
		w.t.Fatalf("%d lines in the access log, want one:\n%s", len(list), w.access)
	}
	return list[0]
}

// messages is the debug log of weir, which has ended, without what does not differ
// between tests: "message field=value", by the fields named.
func (w *weir) messages(fields ...string) []string {
	w.t.Helper()
	var list []string
	for text := range strings.Lines(w.log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(text), &entry); err != nil {
			w.t.Errorf("not JSON: %q: %v", text, err)
		}
		said := fmt.Sprint(entry["message"])
		for _, name := range fields {
			if v, there := entry[name]; there {
				said += fmt.Sprintf(" %s=%v", name, v)
			}
		}
		list = append(list, said)
	}
	return list
}

// last is the end of a log, as far as people read it.
func last(b *probe.Buffer) string {
	const most = 4000
	text := b.String()
	return text[max(len(text)-most, 0):]
}

func openFDs(t *testing.T) int {
	t.Helper()
	n, err := probe.FDs()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
