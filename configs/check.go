package configs

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checker goes through a decoded Config, completes it, and reports what is wrong.
// It never stops early.
type checker struct {
	*reader
	cfg     *Config
	dir     string          // what relative paths are relative to
	now     time.Time       // when certificates must be valid
	used    map[string]bool // clusters that a route or a listener leads to
	http    map[string]bool // clusters that a route leads to
	guesses int             // searches for a near cluster so far
}

// check completes c and reports to r. The error is nil or *Errors.
func (c *Config) check(r *reader, dir string) error {
	ck := &checker{reader: r, cfg: c, dir: dir, now: time.Now(), used: map[string]bool{}, http: map[string]bool{}}
	ck.engine()
	ck.log()
	ck.transparent()
	ck.listeners()
	ck.routes()
	ck.clusters()
	ck.intercepts()
	ck.originals()
	ck.errorPages()
	c.Warnings = sortProblems(r.warnings)
	if len(r.problems) > 0 {
		return &Errors{Problems: sortProblems(r.problems), Warnings: c.Warnings}
	}
	return nil
}

func (ck *checker) engine() {
	at := pathOf("engine")
	e := &ck.cfg.Engine
	ck.number(at.child("loops"), e.Loops, 0, 256)
	ck.number(at.child("max_connections"), e.MaxConnections, 0, 1<<24)
	ck.size(at.child("pause_above"), e.PauseAbove, 16*kib, 64*mib)
	ck.duration(at.child("drain_timeout"), e.DrainTimeout, true)
	ck.number(at.child("handshake_workers"), e.HandshakeWorkers, 0, 256)
	ck.number(at.child("max_handshakes"), e.MaxHandshakes, 1, 1<<20)
}

func (ck *checker) log() {
	at := pathOf("log")
	l := &ck.cfg.Log
	ck.word(at.child("level"), l.Level, logLevels)
	ck.word(at.child("format"), l.Format, logFormats)
	access := at.child("access")
	switch l.Access {
	case "stdout", "off":
	case "":
		ck.problemf(access, `write "stdout", "off" or the name of a file`, "access is empty")
	case "stderr", "none", "on", "true", "false":
		ck.problemf(access, `write "stdout", "off" or the name of a file`, "access cannot be %q", l.Access)
	default:
		if strings.IndexByte(l.Access, 0) >= 0 {
			ck.problemf(access, "", "access: %s is not a file name", quote(l.Access))
		} else if near := nearest(l.Access, []string{"stdout", "off"}); near != "" {
			ck.warnf(access, fmt.Sprintf("did you mean %q?", near), "access names a file called %s", quote(l.Access))
		}
	}
}

// number reports an integer outside lo..hi.
func (ck *checker) number(p keyPath, v, lo, hi int) {
	if v < lo || v > hi {
		ck.problemf(p, fmt.Sprintf("from %d to %d", lo, hi), "%s = %d is out of range", p.last(), v)
	}
}

// size reports a size outside lo..hi.
func (ck *checker) size(p keyPath, v, lo, hi Size) {
	if v < lo || v > hi {
		ck.problemf(p, fmt.Sprintf("from %s to %s", show(lo), show(hi)), "%s = %q is out of range", p.last(), show(v))
	}
}

func show(v interface{ MarshalText() ([]byte, error) }) string {
	text, _ := v.MarshalText() // of Size and Duration: never fails
	return string(text)
}

// Below a millisecond no deadline is meant, and beyond a year none is reached.
const (
	minTimeout = Duration(1e6)
	maxTimeout = 8760 * hour
)

// duration reports a deadline out of bounds. zero says whether 0 has a meaning.
func (ck *checker) duration(p keyPath, v Duration, zero bool) {
	hint := "from 1ms to 8760h"
	if zero {
		hint = "0, or " + hint
	}
	switch {
	case v == 0 && zero:
	case v == 0:
		ck.problemf(p, hint, "%s cannot be 0", p.last())
	case v < minTimeout || v > maxTimeout:
		ck.problemf(p, hint, "%s = %q is out of range", p.last(), show(v))
	}
}

// word reports a value that is not one of a few.
func (ck *checker) word(p keyPath, v string, allowed []string) {
	if slices.Contains(allowed, v) {
		return
	}
	hint := "write " + oneOf(allowed)
	if near := nearest(v, allowed); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	ck.problemf(p, hint, "%s = %s is not known", p.last(), quote(v))
}

// oneOf lists words for a hint: "a", "b" or "c".
func oneOf(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strconv.Quote(w)
	}
	if len(out) == 1 {
		return out[0]
	}
	return strings.Join(out[:len(out)-1], ", ") + " or " + out[len(out)-1]
}

// name reports a name of a table that could not stand in logs and metrics.
func (ck *checker) name(p keyPath, what, name string) {
	if !isName(name) {
		ck.problemf(p, `use letters, digits, "_", "-" and ".", at most 128`, "%s is not a name for a %s", quote(name), what)
	}
}

// ordered are the keys of a table, so that reports do not depend on map order.
func ordered[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
