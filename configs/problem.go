package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is one mistake in a configuration, or one thing worth a warning.
type Problem struct {
	File    string // as it was given to Load or Parse; "" for a Config made by code
	Line    int    // 1 is the first; 0: the file as a whole, or no file
	Key     string // the path of the key, like routes[3].redirect.to; may be ""
	Message string // what is wrong
	Hint    string // what was meant, or what is allowed; may be ""
}

// String is one line: file:line: what is wrong; what was meant. Without a line the
// key says where.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File + ":")
		if p.Line > 0 {
			b.WriteString(strconv.Itoa(p.Line) + ":")
		}
		b.WriteByte(' ')
	}
	if p.Line == 0 && p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Errors is the error of Load, Parse and Check: every mistake, in the order of
// the file, never empty.
type Errors struct {
	Problems []Problem
	Warnings []Problem // as in Config, which is not returned beside an error
	cause    error     // of a file that cannot be read; nil otherwise
}

// Error prints one problem a line, without a newline at the end.
func (e *Errors) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the error of the file system, if that is what stopped the load.
func (e *Errors) Unwrap() error { return e.cause }

// sortProblems puts problems in the order of the file and drops repetitions.
// Those of one line stay in the order in which they were found.
func sortProblems(list []Problem) []Problem {
	slices.SortStableFunc(list, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return slices.Compact(list)
}

// hinted is an error in the two halves of a Problem.
type hinted struct{ message, hint string }

func (h *hinted) Error() string {
	if h.hint == "" {
		return h.message
	}
	return h.message + "; " + h.hint
}

// quote shows a value from the file: escaped, so that it cannot break the line,
// and cut, so that it cannot bury the message. PEM text, wherever it was put, may be
// a private key.
func quote(s string) string {
	const most = 64
	if i := strings.Index(s, pemMark); i >= 0 {
		return fmt.Sprintf("%q...", s[:min(i, most)]+pemMark)
	}
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%q...", s[:most])
}
