//go:build race

package tlsconn

// raceEnabled: the race detector makes sync.Pool drop items at random, so counts
// of allocations mean nothing under it.
const raceEnabled = true
