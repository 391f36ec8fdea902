package measure

import (
	"fmt"
	"io"
	"time"
)

// Progress says what runs now and how long the rest will take: on a terminal in one
// line that is written over, elsewhere in plain lines.
type Progress struct {
	out      io.Writer
	terminal bool
	steps    int
	total    time.Duration
	started  time.Time

	done     int
	expected time.Duration // of what is done
}

// NewProgress expects so many steps to take total.
func NewProgress(out io.Writer, terminal bool, steps int, total time.Duration) *Progress {
	return &Progress{out: out, terminal: terminal, steps: steps, total: total, started: time.Now()}
}

// begin announces a step.
func (p *Progress) begin(what string) {
	line := fmt.Sprintf("%d of %d, %s left: %s", p.done+1, p.steps, clock(p.left(time.Since(p.started))), what)
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K%s", line)
	} else {
		fmt.Fprintln(p.out, line)
	}
}

// finish counts a step that was expected to take so long.
func (p *Progress) finish(expected time.Duration) {
	p.done++
	p.expected += expected
}

// trusted is how much must be done before the estimate is corrected by what it took.
const trusted = 30 * time.Second

// left estimates the rest, from the plan and how the plan has kept so far.
func (p *Progress) left(elapsed time.Duration) time.Duration {
	rest := max(0, p.total-p.expected)
	if p.expected < trusted {
		return rest
	}
	return time.Duration(float64(rest) * float64(elapsed) / float64(p.expected))
}

// Line prints a line that stays.
func (p *Progress) Line(format string, args ...any) {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	fmt.Fprintf(p.out, format+"\n", args...)
}

// Close leaves the line of a terminal.
func (p *Progress) Close() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
