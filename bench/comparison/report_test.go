package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/bench/comparison/report"
	"weir/bench/comparison/results"
)

const fixture = "report/testdata/results.json"

// A file with faulty samples is shown, and fails.
func TestReport(t *testing.T) {
	code, stdout, stderr := compare(t.Context(), t, "report", fixture)
	want, err := os.ReadFile("report/testdata/tables.md")
	if err != nil || code != exitFailure || stdout != string(want) || !strings.Contains(stderr, "1 of 234 samples were taken with errors") {
		t.Errorf("%v, exit %d, stderr %q, stdout\n%s", err, code, stderr, stdout)
	}
	t.Setenv("COMPARE_FROM", filepath.Join(mustGetwd(t), "report"))
	if _, again, _ := compare(t.Context(), t, "report", "testdata/results.json"); again != stdout {
		t.Error("a path is not taken from where the user stands")
	}
	if code, _, stderr := compare(t.Context(), t, "report", "none.json"); code != exitFailure || !strings.Contains(stderr, "none.json") {
		t.Errorf("a file that is not there: exit %d, %q", code, stderr)
	}
}

func mustGetwd(t *testing.T) string {
	t.Helper()
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return cwd
}

func TestWriteAll(t *testing.T) {
	f, err := results.Load(fixture)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	path := filepath.Join(root, "BENCHMARKS.md")
	document := "# Benchmarks\n"
	for _, name := range report.Names()[1:] {
		document += "<!-- compare:" + name + ":begin -->\n<!-- compare:" + name + ":end -->\n"
	}
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	err = writeAll(f, report.Tables(f), root, &stderr)
	if err == nil || !strings.Contains(err.Error(), "no place for environment;") {
		t.Errorf("a table without a place: %v", err)
	}
	text, _ := os.ReadFile(path)
	if !strings.Contains(string(text), "| echo, 125 B | weir |") {
		t.Errorf("the others are not written:\n%s", text)
	}
	for _, name := range []string{"density.svg", "cost.svg", "growth.svg"} {
		if _, err := os.Stat(filepath.Join(root, "bench", "plots", name)); err != nil {
			t.Error(err)
		}
	}
	if strings.Contains(stderr.String(), "note:") {
		t.Errorf("a whole run is called a part: %s", stderr.String())
	}
	if err := writeAll(f, report.Tables(f)[2:5], root, &stderr); err != nil || !strings.Contains(stderr.String(), "not all works") {
		t.Errorf("a part of a run: %v, %s", err, stderr.String())
	}
}

func TestJudgeAllocations(t *testing.T) {
	for _, tt := range []struct {
		name, out string
		err       error
		tests     int
		want      string
	}{
		{"passed", "=== RUN   TestAllocs\n--- PASS: TestAllocs (0.00s)\nPASS\nok  \tweir/pool\t0.1s\n", nil, 1, ""},
		{"with parts", "--- PASS: TestAllocs (0.00s)\n    --- PASS: TestAllocs/a (0.00s)\n--- PASS: TestNoAlloc (0.00s)\n", nil, 2, ""},
		{"none ran", "testing: warning: no tests to run\nPASS\nok  \tweir/pool\t0.1s [no tests to run]\n", nil, 0, "no test of allocations ran"},
		{"skipped is not run", "--- SKIP: TestAllocs (0.00s)\nPASS\n", nil, 0, "no test of allocations ran"},
		{"failed", "--- FAIL: TestAllocs (0.00s)\n", os.ErrInvalid, 0, "--- FAIL: TestAllocs"},
	} {
		n, err := judgeAllocations([]byte(tt.out), tt.err)
		if n != tt.tests || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %d, %v", tt.name, n, err)
		}
	}
}
