package configs

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the .want files")

// Each testdata/bad/NAME.toml has a NAME.want: what is printed for it, warnings
// after errors.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			cfg, err := Load(file)
			var got strings.Builder
			if err != nil {
				got.WriteString(err.Error() + "\n")
			}
			if cfg != nil {
				for _, w := range cfg.Warnings {
					got.WriteString("warning: " + w.String() + "\n")
				}
			}
			out := strings.ReplaceAll(got.String(), file, name)
			golden := strings.TrimSuffix(file, ".toml") + ".want"
			if *update {
				if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if out != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", out, want)
			}
		})
	}
}

// Lines that a bad file marks with "# bad" are the lines that are reported, no
// more and no fewer. It keeps -update from blessing a wrong line.
func TestBadFilesMarkTheirLines(t *testing.T) {
	files, _ := filepath.Glob("testdata/bad/*.toml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "# bad") {
			continue
		}
		_, err = Load(file)
		var list *Errors
		if !errors.As(err, &list) {
			t.Errorf("%s: no error", file)
			continue
		}
		reported := map[int]bool{}
		for _, p := range list.Problems {
			reported[p.Line] = true
		}
		for i, line := range strings.Split(string(text), "\n") {
			if strings.Contains(line, "# bad") != reported[i+1] {
				t.Errorf("%s:%d: reported is %v: %s", file, i+1, reported[i+1], line)
			}
		}
	}
}
