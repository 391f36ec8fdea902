// Package results is what a comparison measured: the samples with all that is
// needed to read them later, as one JSON file, and the statistics over them.
package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"weir/bench"
)

// Mode is how a sample was taken.
type Mode string

const (
	Closed Mode = "closed" // a connection sends when its last reply is in
	Open   Mode = "open"   // units are due at a rate
	Once   Mode = "once"   // a storm or a transfer: it has its own end
	Idle   Mode = "idle"   // at the same time as its peers
	Tool   Mode = "tool"   // wrk or h2load
	// Calibration found a rate for another work, and is in no table.
	Calibration Mode = "calibration"
)

// Sample is one measurement of one peer. Times without a unit in their name are in
// seconds. What a kind of work does not have is 0.
type Sample struct {
	Work  string  `json:"work"`
	Peer  string  `json:"peer"`
	Mode  Mode    `json:"mode"`
	Round int     `json:"round"`
	Rate  float64 `json:"rate,omitempty"` // units due a second

	Throughput       float64            `json:"throughput_per_second,omitempty"`
	CPUMicros        float64            `json:"cpu_us_per_unit,omitempty"`
	CPUSeconds       float64            `json:"cpu_seconds"`
	Elapsed          float64            `json:"elapsed_seconds"`
	CPUSecondsPerGiB float64            `json:"cpu_seconds_per_gib,omitempty"`
	Latency          bench.Latency      `json:"latency_us,omitzero"`
	RSS              int64              `json:"rss_bytes,omitempty"`
	RSSPerConnection float64            `json:"rss_per_connection_bytes,omitempty"`
	GeneratorCPU     float64            `json:"generator_cpu_seconds,omitempty"`
	Storm            *bench.StormResult `json:"storm,omitempty"`
	Bulk             *bench.BulkResult  `json:"bulk,omitempty"`
	TLS              *bench.TLSResult   `json:"tls,omitempty"`

	// Faults is what went wrong; "" if nothing did. The figures of a faulty sample
	// are in no statistic: a number got with errors is not a number.
	Faults string `json:"faults,omitempty"`
}

// Of turns what the generator measured into a sample.
func Of(r *bench.Result) Sample {
	s := Sample{
		Rate: r.Rate, Throughput: r.Throughput, Elapsed: r.Elapsed, Latency: r.Latency,
		GeneratorCPU: r.GeneratorCPU, Storm: r.Storm, Bulk: r.Bulk, TLS: r.TLS,
	}
	if p := r.Process; p != nil {
		s.CPUMicros, s.CPUSeconds, s.CPUSecondsPerGiB = p.CPUMicrosPerUnit, p.CPUSeconds, p.CPUSecondsPerGiB
		s.RSS, s.RSSPerConnection = p.RSSBytes, p.RSSPerConnectionBytes
	}
	return s
}

// File is a whole comparison.
type File struct {
	Machine  Machine       `json:"machine"`
	Settings Settings      `json:"settings"`
	Peers    []PeerVersion `json:"peers"`
	Tools    []PeerVersion `json:"tools,omitempty"`
	// LeftOut are lines that say which peers and works were not measured, and why.
	LeftOut []string `json:"left_out,omitempty"`
	Samples []Sample `json:"samples"`
}

// Settings are the flags that shape the samples.
type Settings struct {
	Rounds      int     `json:"rounds"`
	IdleRounds  int     `json:"idle_rounds"`
	Duration    float64 `json:"duration_seconds"`
	Warmup      float64 `json:"warmup_seconds"`
	IdleSeconds float64 `json:"idle_seconds"`
	Took        float64 `json:"took_seconds"`
	// CutShort: the run was interrupted.
	CutShort bool `json:"cut_short,omitempty"`
}

// PeerVersion is which version of a peer or tool was measured or used.
type PeerVersion struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Save writes f to path.
func (f *File) Save(path string) error {
	b, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// Load reads what Save wrote.
func Load(path string) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := new(File)
	if err := json.Unmarshal(b, f); err != nil {
		return nil, fmt.Errorf("%s is no file of results: %w", path, err)
	}
	if f.Machine.Commit == "" {
		return nil, fmt.Errorf("%s is no file of results: %w", path, errors.New("no commit"))
	}
	return f, nil
}

// Faulty counts the samples with faults.
func (f *File) Faulty() int {
	n := 0
	for i := range f.Samples {
		if f.Samples[i].Faults != "" {
			n++
		}
	}
	return n
}
