package main

import (
	"os"
	"runtime"
)

// fitProcs gives the Go scheduler as many processors as there are loops (0: one per
// CPU), and one more if RSA signatures are made beside them. A loop that has nothing to
// read yields, and with a processor idle each yield wakes a thread that finds nothing:
// 7% of the CPU of a WebSocket message with one loop on two processors. But a signature
// that took the processor of a loop would hold up everyone on it for a millisecond; with
// one of its own it runs on a thread of low priority, also where threads outnumber CPUs.
// GOMAXPROCS in the environment has the last word.
func fitProcs(loops int, rsa bool) {
	if os.Getenv("GOMAXPROCS") != "" {
		return
	}
	procs := runtime.GOMAXPROCS(0)
	if loops > 0 {
		procs = min(procs, loops)
	}
	if rsa {
		procs++
	}
	if procs != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(procs)
	}
}
