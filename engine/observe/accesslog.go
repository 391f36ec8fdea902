package observe

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	blockBytes   = 32 << 10
	blocksQueued = 64 // what may wait for a slow disk: 2 MiB

	closePatience = 5 * time.Second
)

// AccessLog writes blocks of lines on a goroutine of its own, so that a slow disk
// or a full pipe never holds a loop: then lines are dropped, and counted.
type AccessLog struct {
	out    io.Writer
	file   *os.File // to be closed; nil: not ours
	blocks chan []byte
	spare  sync.Pool
	done   chan struct{}
	failed func(error)

	patience time.Duration // of Close with the writer
}

// OpenAccessLog opens target: "stdout" writes to stdout, "off" gives nil, anything
// else is a file that is appended to. failed is told of the first write error of
// a run of them, on the log's goroutine.
func OpenAccessLog(target string, stdout io.Writer, failed func(error)) (*AccessLog, error) {
	a := &AccessLog{out: stdout, blocks: make(chan []byte, blocksQueued), done: make(chan struct{}), failed: failed, patience: closePatience}
	switch target {
	case "off":
		return nil, nil
	case "stdout":
	default:
		f, err := os.OpenFile(target, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
		if err != nil {
			return nil, fmt.Errorf("access log: %w", err)
		}
		a.out, a.file = f, f
	}
	go a.run()
	return a, nil
}

func (a *AccessLog) run() {
	defer close(a.done)
	healthy := true
	for b := range a.blocks {
		_, err := a.out.Write(b)
		if err != nil && healthy && a.failed != nil {
			a.failed(fmt.Errorf("access log: %w", err))
		}
		healthy = err == nil
		b = b[:0]
		a.spare.Put(&b)
	}
}

// Close writes what was handed over and closes the file. Every Lines must have
// been flushed before, and may not be used again. A writer that is stuck does not
// keep the process from ending: it is left after a while, with an error.
func (a *AccessLog) Close() error {
	close(a.blocks)
	patience := time.NewTimer(a.patience)
	defer patience.Stop()
	select {
	case <-a.done:
	case <-patience.C:
		return errors.New("access log: the writer is stuck; the last lines are lost")
	}
	if a.file != nil {
		return a.file.Close()
	}
	return nil
}

// Lines is the end of an AccessLog that one loop writes to.
type Lines struct {
	log     *AccessLog
	stamp   *Stamp
	block   []byte
	lines   int64
	dropped *Counter
}

// Lines makes the end for one loop.
func (a *AccessLog) Lines(stamp *Stamp, dropped *Counter) *Lines {
	return &Lines{log: a, stamp: stamp, dropped: dropped}
}

// Write appends one record and reports whether a Flush is wanted soon; it hands
// the block over by itself when it is full. Allocation-free once warm.
func (l *Lines) Write(r *Record) (flushSoon bool) {
	if l.block == nil {
		if b, ok := l.log.spare.Get().(*[]byte); ok {
			l.block = *b
		} else {
			l.block = make([]byte, 0, blockBytes+blockBytes/2)
		}
	}
	l.block = r.Append(l.block, l.stamp)
	l.lines++
	if len(l.block) >= blockBytes {
		l.Flush()
		return false
	}
	return true
}

// Flush hands over what has gathered. It never waits.
func (l *Lines) Flush() {
	if l.lines == 0 {
		return
	}
	select {
	case l.log.blocks <- l.block:
		l.block = nil
	default:
		l.dropped.Add(l.lines)
		l.block = l.block[:0]
	}
	l.lines = 0
}
