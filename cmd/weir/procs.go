package main

import (
	"os"
	"runtime"
)

// oneProcPerLoop gives the Go scheduler as many processors as there are loops. A
// loop that has nothing to read yields, and with a processor idle each yield wakes
// a thread that finds nothing: 7% of the CPU of a WebSocket message with one loop
// on two processors. GOMAXPROCS in the environment has the last word.
func oneProcPerLoop(loops int) {
	if loops > 0 && loops < runtime.GOMAXPROCS(0) && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(loops)
	}
}
