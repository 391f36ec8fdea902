package bench

import (
	"time"
)

// Result is what a run measured. Its JSON names are stable. Latencies, bytes and
// counts are of the units that were sent, or due, inside the measured window;
// failures during the warm-up are added.
type Result struct {
	Kind string `json:"kind"` // ws, http, idle, handshake, tls, broadcast, storm or bulk
	URL  string `json:"url"`
	// Connections opened, of which Active sent; Failed could not be opened; Lost
	// ended before the run did. Reconnects counts HTTP connections opened anew. Of
	// handshakes, and with NewConnections, Connections is how many were in flight at
	// most, and the others are 0.
	Connections int `json:"connections"`
	Active      int `json:"active"`
	Failed      int `json:"failed"`
	Lost        int `json:"lost"`
	Reconnects  int `json:"reconnects"`
	// Alive is how many connections answered the ping at the end of Idle.
	Alive    int     `json:"alive"`
	Size     int     `json:"size"`
	Pipeline int     `json:"pipeline"`
	Rate     float64 `json:"rate"` // asked for; 0: closed loop
	// NewConnections and PingSeconds are as asked for; PingSeconds is how often Idle
	// pinged each connection.
	NewConnections bool    `json:"new_connections"`
	PingSeconds    float64 `json:"ping_every_seconds"`
	// Sent is Received plus Errors, except that units which a cancelled run left
	// unanswered are in none of them. For Idle they count pings.
	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"`
	Errors   uint64 `json:"errors"`
	// ErrorKinds counts Errors, Failed, Lost and attempts to reconnect by what went
	// wrong. A connection lost with units on the wire is counted by its units.
	ErrorKinds map[string]int `json:"error_kinds"`
	BytesIn    uint64         `json:"bytes_in"` // as read and written, without those of TLS itself
	BytesOut   uint64         `json:"bytes_out"`
	// OpenSeconds is how long opening took, Elapsed how long was measured.
	OpenSeconds float64 `json:"open_seconds"`
	Elapsed     float64 `json:"elapsed_seconds"`
	// Throughput is replies a second: those that came, and whose unit was sent,
	// inside the window.
	Throughput float64 `json:"throughput_per_second"`
	Latency    Latency `json:"latency_us"`
	// GeneratorCPU is the processor time of weir bench itself in the window. When it
	// nears a whole processor, it is the generator that is measured.
	GeneratorCPU float64       `json:"generator_cpu_seconds"`
	Process      *ProcessUsage `json:"process,omitempty"`
	// TLS is of wss:// and https:// only.
	TLS *TLSResult `json:"tls,omitempty"`
	// Storm and Bulk are what only those kinds measure.
	Storm *StormResult `json:"storm,omitempty"`
	Bulk  *BulkResult  `json:"bulk,omitempty"`
}

// Latency is in microseconds, from the send (closed loop) or from when the unit was
// due (open loop) to the whole reply.
type Latency struct {
	P50  int64   `json:"p50"`
	P90  int64   `json:"p90"`
	P99  int64   `json:"p99"`
	P999 int64   `json:"p999"`
	Max  int64   `json:"max"`
	Mean float64 `json:"mean"`
}

// ProcessUsage is what the process under test and its descendants used. Resident
// pages they share count in each of them.
type ProcessUsage struct {
	PID int `json:"pid"`
	// CPUSeconds is over the window, CPUMicrosPerUnit that by reply; 0 without any.
	CPUSeconds       float64 `json:"cpu_seconds"`
	CPUMicrosPerUnit float64 `json:"cpu_us_per_unit"`
	// CPUSecondsPerGiB is CPUSeconds by what Bulk moved; 0 for other kinds.
	CPUSecondsPerGiB float64 `json:"cpu_seconds_per_gib,omitempty"`
	// RSS before the first connection, when all were open, and at the end.
	RSSBeforeBytes int64 `json:"rss_before_bytes"`
	RSSOpenBytes   int64 `json:"rss_open_bytes"`
	RSSBytes       int64 `json:"rss_bytes"`
	// RSSPerConnectionBytes is the growth from before to the end, or to open if the
	// run was cut short, by connections opened.
	RSSPerConnectionBytes float64 `json:"rss_per_connection_bytes"`
}

// result sums up a run whose goroutines have ended. The error is that of the meter.
func (r *run) result() (*Result, error) {
	sum := merge(r.recs)
	elapsed := time.Duration(max(0, r.stopped-r.window.begin))
	res := &Result{
		Kind: r.kind, URL: r.URL, Connections: len(r.peers), Failed: r.failed,
		Lost: sum.lost, Reconnects: sum.reconnects, Alive: r.alive,
		Size: r.Size, Pipeline: r.Pipeline, Rate: r.Rate,
		NewConnections: r.NewConnections, PingSeconds: r.PingEvery.Seconds(),
		Sent: sum.sent, Received: sum.received, Errors: sum.errors, ErrorKinds: sum.kinds,
		BytesIn: sum.bytesIn, BytesOut: sum.bytesOut,
		OpenSeconds: time.Duration(r.opened).Seconds(), Elapsed: elapsed.Seconds(),
		GeneratorCPU: (r.self[1] - r.self[0]).Seconds(),
		Latency:      sum.percentiles(),
		TLS:          r.agreed.result(),
	}
	units := sum.inWindow
	if r.kind != "idle" {
		res.Active = r.active()
	}
	if elapsed > 0 {
		res.Throughput = float64(units) / elapsed.Seconds()
	}
	held := res.Connections
	if r.visits() {
		held = 0
	}
	res.Process = r.meter.usage(held, units)
	return res, r.meter.lost
}

// percentiles are those of the latencies of r.
func (r *recorder) percentiles() Latency {
	return Latency{
		P50:  r.latency.ValueAtPercentile(50),
		P90:  r.latency.ValueAtPercentile(90),
		P99:  r.latency.ValueAtPercentile(99),
		P999: r.latency.ValueAtPercentile(99.9),
		Max:  r.latency.Max(),
		Mean: r.latency.Mean(),
	}
}

// usage sums up what was sampled; nil if there was no process, or it went away.
func (m *meter) usage(connections int, units uint64) *ProcessUsage {
	if m.pid == 0 || m.lost != nil {
		return nil
	}
	u := &ProcessUsage{PID: m.pid, RSSBeforeBytes: m.idle.rss, RSSOpenBytes: m.full.rss, RSSBytes: m.full.rss}
	if m.haveEnds {
		u.RSSBytes = m.atEnd.rss
		u.CPUSeconds = (m.atEnd.cpu - m.atBegin.cpu).Seconds()
		if units > 0 {
			u.CPUMicrosPerUnit = u.CPUSeconds * 1e6 / float64(units)
		}
	}
	if connections > 0 {
		u.RSSPerConnectionBytes = float64(u.RSSBytes-u.RSSBeforeBytes) / float64(connections)
	}
	return u
}
