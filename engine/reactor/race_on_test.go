//go:build race

package reactor

// raceEnabled: the race detector allocates by itself, so counts of allocations
// mean nothing under it.
const raceEnabled = true
