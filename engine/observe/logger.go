package observe

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Logger is the leveled log.
type Logger struct {
	*zap.Logger
	lines *logLines
}

// NewLogger makes the leveled log: level is debug, info, warn or error; format is
// json or text. Its lines are written on a goroutine of its own. Close it.
func NewLogger(w io.Writer, level, format string) (*Logger, error) {
	min, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("log level: %w", err)
	}
	cfg := zap.NewProductionEncoderConfig()
	cfg.TimeKey, cfg.MessageKey = "time", "message"
	cfg.EncodeTime = zapcore.TimeEncoderOfLayout("2006-01-02T15:04:05.000Z07:00")
	cfg.EncodeDuration = zapcore.StringDurationEncoder
	var enc zapcore.Encoder
	if format == "text" {
		cfg.ConsoleSeparator = " "
		cfg.EncodeLevel = zapcore.CapitalLevelEncoder
		enc = zapcore.NewConsoleEncoder(cfg)
	} else {
		enc = zapcore.NewJSONEncoder(cfg)
	}
	lines := newLogLines(w, func(lost int) []byte {
		line, err := enc.EncodeEntry(zapcore.Entry{Level: zapcore.WarnLevel, Time: time.Now(), Message: "log lines were dropped: they are not read fast enough"},
			[]zapcore.Field{zap.Int("lines", lost)})
		if err != nil {
			return nil
		}
		return line.Bytes()
	})
	return &Logger{Logger: zap.New(zapcore.NewCore(enc, lines, min)), lines: lines}, nil
}

// Close writes what waits. Lines logged afterwards are lost. A writer that is
// stuck is left after a while, with an error.
func (l *Logger) Close() error { return l.lines.close() }

// logLinesBytes is how much log may wait for a slow reader of stderr.
const logLinesBytes = 1 << 20

// logLines gathers lines for a goroutine that writes them: a full pipe must not
// hold a loop. What does not fit is dropped, and the log says how much.
type logLines struct {
	out    io.Writer
	notice func(lost int) []byte // the line that tells of dropped ones
	mu     sync.Mutex
	wake   *sync.Cond
	lines  []byte // waiting
	spare  []byte
	lost   int
	closed bool
	done   chan struct{}
}

func newLogLines(out io.Writer, notice func(lost int) []byte) *logLines {
	l := &logLines{out: out, notice: notice, done: make(chan struct{})}
	l.wake = sync.NewCond(&l.mu)
	go l.run()
	return l
}

// Write is zap's call. Its lock is never held for longer than a copy.
func (l *logLines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
	case len(l.lines)+len(line) > logLinesBytes:
		l.lost++
	default:
		l.lines = append(l.lines, line...)
		l.wake.Signal()
	}
	return len(line), nil
}

// Sync is zap's call before it ends the process, which weir leaves to main.
func (l *logLines) Sync() error { return nil }

func (l *logLines) run() {
	defer close(l.done)
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for len(l.lines) == 0 && !l.closed {
			l.wake.Wait()
		}
		if len(l.lines) == 0 {
			return
		}
		block := l.lines
		if l.lost > 0 {
			block = append(block, l.notice(l.lost)...)
			l.lost = 0
		}
		l.lines, l.spare = l.spare[:0], nil
		l.mu.Unlock()
		// There is nowhere to report that the log cannot be written.
		_, _ = l.out.Write(block)
		l.mu.Lock()
		l.spare = block
	}
}

func (l *logLines) close() error {
	l.mu.Lock()
	l.closed = true
	l.wake.Signal()
	l.mu.Unlock()
	patience := time.NewTimer(closePatience)
	defer patience.Stop()
	select {
	case <-l.done:
		return nil
	case <-patience.C:
		return errors.New("log: the writer is stuck; the last lines are lost")
	}
}
