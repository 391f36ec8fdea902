package report

import (
	"slices"
	"strings"
	"testing"
)

func TestPlace(t *testing.T) {
	const document = "# a\n<!-- compare:x:begin -->\nold $1\n<!-- compare:x:end -->\nb\n<!-- compare:y:begin --><!-- compare:y:end -->\nc\n<!-- compare:z:begin -->\nstays\n<!-- compare:z:end -->\n"
	const want = "# a\n<!-- compare:x:begin -->\n| $1 |\n<!-- compare:x:end -->\nb\n<!-- compare:y:begin -->\nY\n<!-- compare:y:end -->\nc\n<!-- compare:z:begin -->\nstays\n<!-- compare:z:end -->\n"
	tables := []Table{{"x", "| $1 |\n"}, {"y", "Y\n\n"}, {"nowhere", "N"}}
	got, missing, err := Place(document, tables)
	if err != nil || got != want || !slices.Equal(missing, []string{"nowhere"}) {
		t.Fatalf("%v, missing %v:\n%s", err, missing, got)
	}
	if again, _, _ := Place(got, tables); again != got {
		t.Errorf("a second time changes it:\n%s", again)
	}
}

func TestPlaceRefuses(t *testing.T) {
	x := []Table{{"x", "X"}}
	for name, document := range map[string]string{
		"end first": end("x") + begin("x"),
		"no end":    begin("x"),
		"no begin":  end("x"),
		"twice":     strings.Repeat(begin("x")+end("x"), 2),
	} {
		if got, _, err := Place(document, x); err == nil || got != document {
			t.Errorf("%s: %v, %q", name, err, got)
		}
	}
}
