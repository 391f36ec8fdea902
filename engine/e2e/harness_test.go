// Package e2e runs weir on real sockets, against peers that were not written here.
// One behaviour a file. Every test ends by demanding that everything came back:
// sessions, buffers, descriptors, goroutines.
package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/configs"
	"weir/engine"
	"weir/engine/e2e/probe"
	"weir/engine/fault"
	"weir/engine/observe"
)

// deadline bounds every wait of these tests. It is generous: passing is fast, and
// a loaded machine must not fail.
const deadline = 20 * time.Second

// weir is one running engine.
type weir struct {
	t      *testing.T
	engine *engine.Engine
	addr   string // of the listener "edge"
	log    *probe.Buffer
	access *probe.Buffer
	cancel context.CancelFunc
	done   chan error
	fds    int
	gos    int
}

// start runs weir with one listener "edge" on a free port. toml is the rest of the
// file: clusters, routes; lines of the listener's own table may be given as extra
// listener keys in edge. What must come back is counted from here on, so start
// backends before calling it, and let t.Cleanup close them.
func start(t *testing.T, toml string, edge ...string) *weir {
	t.Helper()
	text := "[listeners.edge]\naddress = \"127.0.0.1:0\"\n" + strings.Join(edge, "\n") + "\n" + toml
	cfg, err := configs.Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatalf("config: %v\n%s", err, text)
	}
	return startConfig(t, cfg)
}

func startConfig(t *testing.T, cfg *configs.Config) *weir {
	t.Helper()
	w := &weir{t: t, log: &probe.Buffer{}, access: &probe.Buffer{}, done: make(chan error, 1), fds: openFDs(t), gos: runtime.NumGoroutine()}
	if cfg.Engine.Loops == 0 {
		cfg.Engine.Loops = 2
	}
	e, err := engine.New(cfg, engine.Options{Stdout: w.access, Stderr: w.log, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	w.engine, w.addr = e, e.Addr("edge")
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() { w.done <- e.Run(ctx) }()
	t.Cleanup(w.requireQuiet)
	return w
}

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
		w.t.Errorf("weir does not stop; %+v\n%s", w.engine.Stats(), probe.Stacks())
	}
	w.done = nil
}

// requireQuiet demands that nothing is left: first of sessions and buffers while
// weir runs, then of connections, descriptors and goroutines when it has stopped.
func (w *weir) requireQuiet() {
	w.t.Helper()
	if w.done != nil {
		w.eventually("sessions and buffers are back", func() bool {
			s := w.engine.Stats()
			return s.Sessions == 0 && s.Active == 0 && s.TunnelsOpen == 0 && s.Buffers == 0
		})
	}
	w.stop()
	s := w.engine.Stats()
	if s.Sessions != 0 || s.Connections != 0 || s.Buffers != 0 || s.Held != 0 || s.Idle != 0 {
		w.t.Errorf("left over after stop: %+v", s)
	}
	if s.Panics != 0 {
		w.t.Errorf("%d panics were caught:\n%s", s.Panics, w.log)
	}
	w.eventually("descriptors are back", func() bool { return openFDs(w.t) <= w.fds })
	w.eventually("goroutines are back", func() bool { return runtime.NumGoroutine() <= w.gos })
	if w.t.Failed() {
		w.t.Logf("log:\n%s\naccess:\n%s", w.log, w.access)
	}
}

// eventually polls until ok, or fails the test.
func (w *weir) eventually(what string, ok func() bool) {
	w.t.Helper()
	if !poll(ok) {
		w.t.Errorf("not in time: %s; stats %+v, fds %d (were %d), goroutines %d (were %d)\n%s",
			what, w.engine.Stats(), openFDs(w.t), w.fds, runtime.NumGoroutine(), w.gos, probe.Stacks())
	}
}

func poll(ok func() bool) bool {
	for end := time.Now().Add(deadline); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// requireFault waits until the counter of a fault kind has reached n.
func (w *weir) requireFault(kind fault.Kind, n int64) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%d of fault %v", n, kind), func() bool { return w.engine.Stats().Faults[kind] >= n })
}

func (w *weir) stats() observe.Snapshot { return w.engine.Stats() }

// dial opens a raw connection to weir, with a deadline, closed at the end.
func (w *weir) dial() *net.TCPConn {
	w.t.Helper()
	return dialRaw(w.t, w.addr)
}

func dialRaw(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, deadline)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(deadline))
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

// raw sends text on a fresh connection and returns all that comes until the end.
func (w *weir) raw(text string) string {
	w.t.Helper()
	c := w.dial()
	if _, err := io.WriteString(c, text); err != nil {
		w.t.Logf("write: %v", err)
	}
	got, err := io.ReadAll(c)
	if err != nil {
		w.t.Logf("read: %v", err)
	}
	_ = c.Close()
	return string(got)
}

// get makes one request with net/http, on a connection of its own.
func (w *weir) get(path string) (*http.Response, string) {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: deadline}
	res, err := client.Get("http://" + w.addr + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, string(body)
}

// httpBackend serves h with net/http and returns its address. It is stopped at the
// end, after weir.
func httpBackend(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	ln := listen(t)
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close() })
	return ln.Addr().String()
}

// rawBackend hands every connection to serve, on a goroutine each, and closes it
// when serve returns.
func rawBackend(t *testing.T, serve func(c *net.TCPConn)) string {
	t.Helper()
	ln := listen(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				_ = c.SetDeadline(time.Now().Add(deadline))
				serve(c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// oneCluster is the file of one cluster behind every path. more is appended to the
// route's table.
func oneCluster(addr string, more ...string) string {
	return fmt.Sprintf("[clusters.main]\nendpoints = [%q]\n[[routes]]\ncluster = \"main\"\n%s\n", addr, strings.Join(more, "\n"))
}

// readHead reads up to and including the blank line.
func readHead(r *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String(), err
		}
	}
}

func openFDs(t *testing.T) int {
	t.Helper()
	n, err := probe.FDs()
	if err != nil {
		t.Skipf("descriptors cannot be counted here: %v", err)
	}
	return n
}
