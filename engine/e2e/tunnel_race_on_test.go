//go:build race

package e2e

// raceDetector: the detector allocates by itself.
const raceDetector = true
