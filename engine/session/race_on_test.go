//go:build race

package session

// raceEnabled: under the race detector sync.Pool drops items at random, so counts of
// allocations mean nothing, and everything is ten times slower.
const raceEnabled = true
