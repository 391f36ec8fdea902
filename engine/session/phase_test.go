package session

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the phase table in ARCHITECTURE.md")

// A phase that ignores one of these can hang: the peer vanishes, a deadline
// passes, the process drains, or something fails beyond words.
func TestEveryLivePhaseHandlesTheUnavoidable(t *testing.T) {
	for p := phaseProxy; p < phaseClosed; p++ {
		for _, ev := range []event{evGone, evTimeout, evDrain, evCut} {
			if transitions[p][ev] == phaseInvalid {
				t.Errorf("%v has no transition for %v", p, ev)
			}
		}
	}
}

func TestClosedIsTheEnd(t *testing.T) {
	for ev := range numEvents {
		if to := transitions[phaseClosed][ev]; to != phaseInvalid {
			t.Errorf("closed goes to %v by %v", to, ev)
		}
	}
}

// ARCHITECTURE.md shows the table between two markers; it is made from the table.
func TestArchitectureShowsTheTable(t *testing.T) {
	const file, begin, end = "../../ARCHITECTURE.md", "<!-- phases:begin -->\n", "<!-- phases:end -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := bytes.Cut(text, []byte(begin))
	old, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		t.Fatalf("%s has no phase table between %q and %q", file, begin, end)
	}
	if want := phaseTable(); string(old) != want {
		if !*update {
			t.Fatalf("the table is out of date; run go test ./engine/session -update\n%s", want)
		}
		out := string(head) + begin + want + end + string(tail)
		if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// phaseTable is the table in Markdown, one row a phase.
func phaseTable() string {
	var b strings.Builder
	b.WriteString("| phase | event → next phase |\n| --- | --- |\n")
	for p := phaseProxy; p < phaseClosed; p++ {
		var cells []string
		for ev := range numEvents {
			if to := transitions[p][ev]; to != phaseInvalid {
				cells = append(cells, fmt.Sprintf("%v → %v", ev, to))
			}
		}
		fmt.Fprintf(&b, "| %v | %s |\n", p, strings.Join(cells, " · "))
	}
	return b.String()
}
