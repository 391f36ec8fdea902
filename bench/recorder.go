package bench

import (
	"maps"
	"sync"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept from 1 µs to 60 s with 3 digits; longer ones count as 60 s.
const (
	lowestMicros  = 1
	highestMicros = 60_000_000
	latencyDigits = 3
)

// recorder counts what a share of the connections sees. A histogram is some 140 KB,
// too much for each of 9,000 connections, so a few recorders serve them all. All
// times are nanoseconds since the start of the run.
type recorder struct {
	mu      sync.Mutex
	latency *hdr.Histogram
	tally
	// later, if set, counts what was due from split on instead.
	later *recorder
	split int64
}

// tally is a plain sum of what happened to the units of the window [begin, end).
type tally struct {
	sent, received, errors uint64
	inWindow               uint64 // replies that also arrived in the window
	bytesIn, bytesOut      uint64
	lost, reconnects       int
	kinds                  map[string]int
}

func newRecorder() *recorder {
	return &recorder{
		latency: hdr.New(lowestMicros, highestMicros, latencyDigits),
		tally:   tally{kinds: map[string]int{}},
	}
}

// answered counts a unit that was due at from and answered at to.
func (r *recorder) answered(w window, from, to int64, bytesIn, bytesOut int) {
	if !w.has(from) {
		return
	}
	if r.later != nil && from >= r.split {
		r = r.later
	}
	micros := min(max((to-from+500)/1000, lowestMicros), highestMicros)
	r.mu.Lock()
	r.sent++
	r.received++
	if w.has(to) {
		r.inWindow++
	}
	r.bytesIn += uint64(bytesIn)
	r.bytesOut += uint64(bytesOut)
	_ = r.latency.RecordValue(micros) // cannot fail: micros is in range
	r.mu.Unlock()
}

// failed counts units that failed for err. Failures during the warm-up count too:
// they are never expected.
func (r *recorder) failed(units uint64, bytesOut int, err error) {
	if units == 0 {
		return
	}
	r.mu.Lock()
	r.sent += units
	r.errors += units
	r.bytesOut += uint64(bytesOut)
	r.kinds[kindOf(err)] += int(units)
	r.mu.Unlock()
}

// disconnected counts a connection that ended for err without a unit to blame.
func (r *recorder) disconnected(err error) {
	r.mu.Lock()
	r.lost++
	r.kinds[kindOf(err)]++
	r.mu.Unlock()
}

// note counts err by its kind alone.
func (r *recorder) note(err error) {
	r.mu.Lock()
	r.kinds[kindOf(err)]++
	r.mu.Unlock()
}

func (r *recorder) add(f func(*tally)) {
	r.mu.Lock()
	f(&r.tally)
	r.mu.Unlock()
}

// merge sums recorders once nothing writes to them any more.
func merge(all []*recorder) *recorder {
	sum := newRecorder()
	for _, r := range all {
		r.mu.Lock()
		sum.latency.Merge(r.latency)
		sum.sent += r.sent
		sum.received += r.received
		sum.errors += r.errors
		sum.inWindow += r.inWindow
		sum.bytesIn += r.bytesIn
		sum.bytesOut += r.bytesOut
		sum.lost += r.lost
		sum.reconnects += r.reconnects
		for kind := range maps.Keys(r.kinds) {
			sum.kinds[kind] += r.kinds[kind]
		}
		r.mu.Unlock()
	}
	return sum
}

// window is the measured part of a run.
type window struct{ begin, end int64 }

func (w window) has(t int64) bool { return w.begin <= t && t < w.end }
