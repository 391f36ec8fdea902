package observe

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// gate is a writer that blocks until it is opened, and gathers.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	got  bytes.Buffer
	fail error

	count int // calls of Write
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count++
	if g.fail != nil {
		return 0, g.fail
	}
	return g.got.Write(p)
}

func (g *gate) setFail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail = err
}

func openLog(t *testing.T, target string, w io.Writer, failed func(error)) *AccessLog {
	t.Helper()
	a, err := OpenAccessLog(target, w, failed)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAccessLogWritesLinesInOrder(t *testing.T) {
	var out bytes.Buffer
	a := openLog(t, "stdout", &out, nil)
	var dropped Counter
	lines := a.Lines(NewStamp(wallFrom(wall, 0), 0), &dropped)
	const n = 2000 // several blocks
	var want []byte
	stamp := NewStamp(wallFrom(wall, 0), 0)
	for i := range n {
		r := fullRecord()
		r.Conn = uint64(i)
		want = r.Append(want, stamp)
		lines.Write(r)
		for len(a.blocks) > blocksQueued/2 {
			time.Sleep(time.Millisecond)
		}
	}
	lines.Flush()
	lines.Flush()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) || dropped.Load() != 0 {
		t.Errorf("%d bytes, want %d; %d dropped", out.Len(), len(want), dropped.Load())
	}
}

func TestWriteAsksForAFlush(t *testing.T) {
	var out bytes.Buffer
	a := openLog(t, "stdout", &out, nil)
	defer func() { _ = a.Close() }()
	lines := a.Lines(NewStamp(wallFrom(wall, 0), 0), &Counter{})
	soon, full := 0, 0
	for full == 0 {
		if lines.Write(fullRecord()) {
			soon++
		} else {
			full++
		}
	}
	if want := blockBytes / len(fullLine); soon != want {
		t.Errorf("%d lines gathered before the block was handed over, want %d", soon, want)
	}
	if lines.lines != 0 {
		t.Error("a full block was not handed over")
	}
}

// A loop must get on with its work whatever the disk does.
func TestSlowWriterLosesLinesAndCountsThem(t *testing.T) {
	g := newGate()
	a := openLog(t, "stdout", g, nil)
	var dropped Counter
	lines := a.Lines(NewStamp(wallFrom(wall, 1_000_000_000), 1_000_000_000), &dropped)
	const n = (blocksQueued + 10) * blockBytes / len(fullLine) // more than can wait
	for range n {
		lines.Write(fullRecord())
	}
	lines.Flush()
	if dropped.Load() == 0 {
		t.Fatal("nothing was dropped")
	}
	close(g.open)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	written := int64(strings.Count(g.got.String(), "\n"))
	if written+dropped.Load() != int64(n) {
		t.Errorf("%d written and %d dropped of %d", written, dropped.Load(), n)
	}
	for line := range strings.Lines(g.got.String()) {
		if line != fullLine {
			t.Fatalf("a line was torn: %q", line)
		}
	}
}

// A reader of our stdout that has stopped reading must not keep us from ending.
func TestCloseLeavesAStuckWriter(t *testing.T) {
	g := newGate()
	a := openLog(t, "stdout", g, nil)
	a.patience = time.Millisecond
	lines := a.Lines(NewStamp(wallFrom(wall, 0), 0), &Counter{})
	lines.Write(fullRecord())
	lines.Flush()
	if err := a.Close(); err == nil || !strings.Contains(err.Error(), "stuck") {
		t.Errorf("Close: %v", err)
	}
	close(g.open)
	<-a.done
}

func TestWriteErrorsAreToldOnceARun(t *testing.T) {
	g := newGate()
	close(g.open)
	var mu sync.Mutex
	var told []error
	a := openLog(t, "stdout", g, func(err error) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, err)
	})
	lines := a.Lines(NewStamp(wallFrom(wall, 0), 0), &Counter{})
	full := errors.New("no space left on device")
	// Each block is written before the next one is handed over.
	attempt := func(fail error) {
		g.setFail(fail)
		before := g.tries()
		lines.Write(fullRecord())
		lines.Flush()
		for end := time.Now().Add(10 * time.Second); g.tries() == before && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	}
	for _, fail := range []error{nil, full, full, full, nil, nil, full, full} {
		attempt(fail)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 2 || !errors.Is(told[0], full) || !strings.HasPrefix(told[0].Error(), "access log: ") {
		t.Errorf("told %v, want the first error of each of two runs", told)
	}
}

func (g *gate) tries() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}

func TestAccessLogAppendsToAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	for range 2 {
		a := openLog(t, path, nil, nil)
		lines := a.Lines(NewStamp(wallFrom(wall, 1_000_000_000), 1_000_000_000), &Counter{})
		lines.Write(fullRecord())
		lines.Flush()
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != fullLine+fullLine {
		t.Errorf("%q, %v", got, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&^0o640 != 0 {
		t.Errorf("mode %v, %v: others may read who asked for what", info.Mode(), err)
	}
}

func TestOpenAccessLog(t *testing.T) {
	if a, err := OpenAccessLog("off", nil, nil); a != nil || err != nil {
		t.Errorf("off: %v, %v", a, err)
	}
	if _, err := OpenAccessLog(filepath.Join(t.TempDir(), "no", "such"), nil, nil); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "access log: ") {
		t.Errorf("no such folder: %v", err)
	}
}

func TestLinesDoNotAllocateWhenWarm(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	a := openLog(t, "stdout", io.Discard, nil)
	lines := a.Lines(NewStamp(wallFrom(wall, 0), 0), &Counter{})
	r := fullRecord()
	run := func() {
		r.Now += 1e6
		lines.Write(r)
	}
	for range 10_000 {
		run()
	}
	if n := testing.AllocsPerRun(10_000, run); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
	lines.Flush()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
