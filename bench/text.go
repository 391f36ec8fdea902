package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteText writes r for a person, in at most some twenty lines. It ignores errors
// of w.
func (r *Result) WriteText(w io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	line(r.Kind, "%s", r.URL)
	opened := fmt.Sprintf("%d opened in %.2f s", r.Connections, r.OpenSeconds)
	if r.Kind != "idle" && r.Active != r.Connections {
		opened += fmt.Sprintf(", %d active", r.Active)
	}
	for _, c := range []struct {
		n    int
		what string
	}{{r.Failed, "failed"}, {r.Lost, "lost"}, {r.Reconnects, "reconnects"}} {
		if c.n > 0 {
			opened += fmt.Sprintf(", %d %s", c.n, c.what)
		}
	}
	line("connections", "%s", opened)
	if r.Kind == "idle" {
		line("held", "%.2f s", r.Elapsed)
		if r.Sent > 0 {
			line("alive", "%d of %d answered a ping", r.Alive, r.Sent)
		}
	} else {
		loop := "closed loop"
		if r.Rate > 0 {
			loop = fmt.Sprintf("open loop, %g due a second", r.Rate)
		}
		line("throughput", "%.0f a second over %.2f s (%s)", r.Throughput, r.Elapsed, loop)
		line("units", "%d sent, %d received, %d errors", r.Sent, r.Received, r.Errors)
		line("bytes", "%s in, %s out", bytesText(float64(r.BytesIn)), bytesText(float64(r.BytesOut)))
	}
	if r.Received > 0 {
		l := r.Latency
		line("latency µs", "p50 %d  p90 %d  p99 %d  p99.9 %d  max %d  mean %.1f", l.P50, l.P90, l.P99, l.P999, l.Max, l.Mean)
	}
	if len(r.ErrorKinds) > 0 {
		line("errors", "%s", kindsText(r.ErrorKinds))
	}
	line("generator", "%.2f s of CPU", r.GeneratorCPU)
	if p := r.Process; p != nil {
		line("process", "%d: %.2f s of CPU, %.2f µs a unit", p.PID, p.CPUSeconds, p.CPUMicrosPerUnit)
		line("memory", "%s before, %s open, %s at the end, %s a connection",
			bytesText(float64(p.RSSBeforeBytes)), bytesText(float64(p.RSSOpenBytes)), bytesText(float64(p.RSSBytes)), bytesText(p.RSSPerConnectionBytes))
	}
}

// kindsText lists the most frequent first.
func kindsText(kinds map[string]int) string {
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := kinds[b] - kinds[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", kinds[name], name)
	}
	const most = 10
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("and %d other kinds", len(kinds)-most))
	}
	return strings.Join(names, ", ")
}

func bytesText(n float64) string {
	const step = 1024
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if n < step && n > -step {
			return fmt.Sprintf("%.4g %s", n, unit)
		}
		n /= step
	}
	return fmt.Sprintf("%.4g TiB", n)
}
