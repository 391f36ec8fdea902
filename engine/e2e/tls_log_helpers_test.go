package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// lines waits for n lines of a kind in the access log and gives them.
func (w *weir) lines(kind string, n int) (list []map[string]any) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%d %s lines in the access log", n, kind), func() bool {
		list = nil
		for text := range strings.Lines(w.access.String()) {
			var line map[string]any
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				w.t.Fatalf("not JSON: %q: %v", text, err)
			}
			if line["kind"] == kind {
				list = append(list, line)
			}
		}
		return len(list) >= n
	})
	if len(list) != n {
		w.t.Fatalf("%d %s lines in the access log, want %d:\n%s", len(list), kind, n, w.access)
	}
	// Each loop hands over its lines when it has some: those of two may be swapped.
	slices.SortStableFunc(list, func(a, b map[string]any) int { return strings.Compare(a["time"].(string), b["time"].(string)) })
	return list
}

// handshakeLines are those of connections that were refused before anything else.
func (w *weir) handshakeLines(n int) []map[string]any {
	w.t.Helper()
	return w.lines("refused", n)
}

// requireLogged waits until the log says each of texts.
func (w *weir) requireLogged(texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		w.eventually(fmt.Sprintf("%q in the log", text), func() bool { return strings.Contains(w.log.String(), text) })
	}
}

// finish waits until all connections have ended and stops weir, which writes its
// access log sooner than waiting for it would.
func (w *weir) finish() {
	w.t.Helper()
	w.eventually("all connections have ended", func() bool { return w.stats().Sessions == 0 })
	w.stop()
}
