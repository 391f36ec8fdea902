package configs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxFile bounds a configuration: far above 100,000 routes, far below the memory
// of a machine that was pointed at the wrong file.
const maxFile = 64 << 20

// Load reads and checks the file at path. See Parse.
func Load(path string) (*Config, error) {
	text, err := readBounded(path, maxFile)
	if err != nil {
		return nil, &Errors{Problems: []Problem{{File: path, Message: reason(err)}}, cause: err}
	}
	return Parse(path, text)
}

// Parse reads a configuration and checks it. name is the file it came from: it
// stands in messages, and files that the configuration names are relative to its
// folder.
//
// The error is always *Errors and lists every mistake at once, except that a
// mistake in the syntax of TOML hides all others. The Config is nil then.
func Parse(name string, text []byte) (*Config, error) {
	lines := scanLines(string(text))
	tree, problem := parseTree(string(text), lines)
	if problem != nil {
		problem.File = name
		return nil, &Errors{Problems: []Problem{*problem}}
	}
	r := &reader{file: name, lines: lines, broken: map[keyPath]bool{}, partial: map[keyPath]bool{}}
	cfg := Default()
	r.decode("", tree, reflect.ValueOf(cfg).Elem())
	if err := cfg.check(r, filepath.Dir(name)); err != nil {
		return nil, err
	}
	return cfg, nil
}

// Check finds every mistake in a Config made by code and completes it: it names
// the routes, lower-cases hosts, and reads the files of error pages, relative to
// the working folder. The error is nil or *Errors. Checking twice is harmless.
func (c *Config) Check() error { return c.check(&reader{}, ".") }

// parseTree is the file as nested maps, or its first mistake of syntax.
func parseTree(text string, lines *lineIndex) (tree map[string]any, problem *Problem) {
	if lines.tooDeep > 0 {
		return nil, &Problem{Line: lines.tooDeep, Message: fmt.Sprintf("nested more than %d deep", maxDepth)}
	}
	// The parser has panics of its own for what it thinks impossible.
	defer func() {
		if r := recover(); r != nil {
			tree, problem = nil, &Problem{Message: fmt.Sprintf("the TOML parser failed: %v", r)}
		}
	}()
	_, err := toml.Decode(text, &tree)
	if err == nil {
		return tree, nil
	}
	var syntax toml.ParseError
	if !errors.As(err, &syntax) {
		return nil, &Problem{Message: oneLine(err.Error())}
	}
	line := syntax.Position.Line
	for _, again := range lines.again {
		if again.line == line && strings.Contains(syntax.Message, "already") {
			return nil, &Problem{
				Line:    line,
				Key:     again.path.String(),
				Message: fmt.Sprintf("%s is given twice", again.path),
				Hint:    fmt.Sprintf("the first is on line %d", again.first),
			}
		}
	}
	if strings.HasSuffix(syntax.Message, `'\n' instead`) && line > 1 {
		line-- // toml has counted the line end that it found too early
	}
	message := strings.TrimSuffix(oneLine(syntax.Message), ".")
	return nil, &Problem{Line: line, Key: syntax.LastKey, Message: "not TOML: " + message, Hint: syntaxHint(text, line)}
}

// bareWord is a key with a value that begins like a word and is no number.
var bareWord = regexp.MustCompile(`^[^=#"']*=\s*(\pL\w*|[/.:*]|\d+(\.\d+){3}|\d+[A-Za-z])`)

// syntaxHint adds what the parser leaves unsaid in the most common slip.
func syntaxHint(text string, line int) string {
	lines := strings.SplitN(text, "\n", line+1)
	if line < 1 || line > len(lines) {
		return ""
	}
	m := bareWord.FindStringSubmatch(lines[line-1])
	if m == nil || m[1] == "true" || m[1] == "false" {
		return ""
	}
	return "strings need quotes"
}

// oneLine keeps a message of another package within its line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// errTooLarge and errNotRegular are the refusals of readBounded.
var (
	errTooLarge   = errors.New("the file is too large")
	errNotRegular = errors.New("not a regular file")
)

// readBounded reads a regular file of at most limit bytes. A device or a named
// pipe is refused unopened: it could block or never end.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		return nil, errTooLarge
	}
	return text, err
}

// reason is err without the path and the system call that its message leads with.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}
