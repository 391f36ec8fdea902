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
	visits := r.Kind == "handshake" || r.Kind == "tls" || r.NewConnections
	if visits {
		opened = fmt.Sprintf("%d in flight at most", r.Connections)
	}
	line("connections", "%s", opened)
	if r.Bulk != nil {
		r.Bulk.writeText(line)
	} else if r.Kind == "idle" {
		r.writeIdle(line)
	} else {
		loop := "closed loop"
		if r.Rate > 0 {
			loop = fmt.Sprintf("open loop, %g due a second", r.Rate)
		}
		if r.NewConnections {
			loop += ", a connection each"
		}
		line("throughput", "%.0f a second over %.2f s (%s)", r.Throughput, r.Elapsed, loop)
		line("units", "%d sent, %d received, %d errors", r.Sent, r.Received, r.Errors)
		line("bytes", "%s in, %s out", bytesText(float64(r.BytesIn)), bytesText(float64(r.BytesOut)))
	}
	if r.Storm != nil {
		r.Storm.writeText(line)
	} else if r.Received > 0 && r.Bulk == nil {
		line("latency µs", "%s", r.Latency.text())
	}
	if r.TLS != nil {
		r.TLS.writeText(line)
	}
	if len(r.ErrorKinds) > 0 {
		line("errors", "%s", kindsText(r.ErrorKinds))
	}
	line("generator", "%.2f s of CPU", r.GeneratorCPU)
	if r.Process != nil {
		r.Process.writeText(line, !visits)
	}
}

// writeText writes p. Without held there is no number of connections to divide by.
func (p *ProcessUsage) writeText(line func(name, format string, args ...any), held bool) {
	line("process", "%d: %.3f s of CPU, %.2f µs a unit", p.PID, p.CPUSeconds, p.CPUMicrosPerUnit)
	if p.CPUSecondsPerGiB > 0 {
		line("", "%.3f s of CPU a GiB", p.CPUSecondsPerGiB)
	}
	memory := fmt.Sprintf("%s before, %s open, %s at the end",
		bytesText(float64(p.RSSBeforeBytes)), bytesText(float64(p.RSSOpenBytes)), bytesText(float64(p.RSSBytes)))
	if held {
		memory += fmt.Sprintf(", %s a connection", bytesText(p.RSSPerConnectionBytes))
	}
	line("memory", "%s", memory)
}

// writeIdle writes what is of idle runs alone.
func (r *Result) writeIdle(line func(name, format string, args ...any)) {
	line("held", "%.2f s", r.Elapsed)
	switch {
	case r.PingSeconds > 0:
		line("pings", "%d sent, %d received, %d errors (each connection every %g s)", r.Sent, r.Received, r.Errors, r.PingSeconds)
		if r.Alive > 0 {
			line("alive", "%d of %d answered the last ping", r.Alive, r.Connections)
		}
	case r.Sent > 0:
		line("alive", "%d of %d answered a ping", r.Alive, r.Sent)
	}
}

func (l *Latency) text() string {
	return fmt.Sprintf("p50 %d  p90 %d  p99 %d  p99.9 %d  max %d  mean %.1f", l.P50, l.P90, l.P99, l.P999, l.Max, l.Mean)
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
