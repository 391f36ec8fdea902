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
	want := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d) WARN careful \{"n": 3\}\n$`)
	if !want.MatchString(out.String()) {
		t.Errorf("%q", out.String())
	}
}
