package observe

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

func TestLoggerLevels(t *testing.T) {
	levels := []string{"debug", "info", "warn", "error"}
	for least, level := range levels {
		for _, format := range []string{"json", "text"} {
			var out bytes.Buffer
			log, err := NewLogger(&out, level, format)
			if err != nil {
				t.Fatal(err)
			}
			log.Debug("debug line")
			log.Info("info line")
			log.Warn("warn line")
			log.Error("error line")
			closeLog(t, log)
			for i, l := range levels {
				if got := strings.Contains(out.String(), l+" line"); got != (i >= least) {
					t.Errorf("level %s, %s: %s written: %v", level, format, l, got)
				}
			}
		}
	}
	if _, err := NewLogger(&bytes.Buffer{}, "loud", "json"); err == nil || !strings.HasPrefix(err.Error(), "log level: ") {
		t.Errorf("an unknown level: %v", err)
	}
}

func TestLoggerFormats(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, "info", "json")
	if err != nil {
		t.Fatal(err)
	}
	log.Info("a \"line\"\n", zap.String("k", "v\x1b"), zap.Duration("d", 1500*time.Millisecond))
	closeLog(t, log)
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if got["level"] != "info" || got["message"] != "a \"line\"\n" || got["k"] != "v\x1b" || got["d"] != "1.5s" {
		t.Errorf("%v", got)
	}
	if at, err := time.Parse(time.RFC3339, got["time"].(string)); err != nil || at.IsZero() {
		t.Errorf("time %v: %v", got["time"], err)
	}
	if strings.Count(out.String(), "\n") != 1 {
		t.Errorf("not one line: %q", out.String())
	}

	out.Reset()
	if log, err = NewLogger(&out, "info", "text"); err != nil {
		t.Fatal(err)
	}
	log.Warn("careful", zap.Int("n", 3))
	closeLog(t, log)
	want := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d) WARN careful \{"n": 3\}\n$`)
	if !want.MatchString(out.String()) {
		t.Errorf("%q", out.String())
	}
}

func closeLog(t *testing.T, log *Logger) {
	t.Helper()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// blocked is a pipe that nobody reads until it is let go.
type blocked struct {
	free chan struct{}
	bytes.Buffer
}

func (b *blocked) Write(p []byte) (int, error) {
	<-b.free
	return b.Buffer.Write(p)
}

// A loop that logs must never wait for whoever reads stderr.
func TestLoggerNeverWaits(t *testing.T) {
	out := &blocked{free: make(chan struct{})}
	log, err := NewLogger(out, "info", "json")
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 10_000)
	for range 4 * logLinesBytes / len(line) {
		log.Info(line)
	}
	close(out.free)
	closeLog(t, log)
	log.Info("after the end")
	if got := out.Len(); got > 3*logLinesBytes {
		t.Errorf("%d bytes were held for a writer that took none", got)
	}
	if !strings.Contains(out.String(), "log lines were dropped") {
		t.Error("nothing tells that lines were dropped")
	}
	if strings.Contains(out.String(), "after the end") {
		t.Error("a line was written after Close")
	}
}
