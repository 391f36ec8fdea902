package main

import (
	"os"
	"runtime"
)

// fitProcs gives the Go scheduler as many processors as there are loops (0: one per
// CPU), and one more if handshakes with RSA are computed beside them. A loop that has nothing
// to read yields, and with a processor idle each yield wakes a thread that finds nothing:
// 7% of the CPU of a WebSocket message with one loop on two processors. But a handshake
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

// handshakeGarbage is how much RSA handshakes may leave behind, at least, before it is
// collected. Each leaves some 80 KiB, so that with a small heap a collection would come
// every fifty, and hold up all loops twice.
const handshakeGarbage = 16 << 20

// fitHeap has garbage collected less often where handshakes are heavy. The ballast that
// it gives is never touched, so it takes addresses but no memory; as long as the caller
// keeps it, the collector counts it as in use, and lets as much again be left behind.
// GOGC and GOMEMLIMIT in the environment have the last word.
func fitHeap(rsa bool) (ballast []byte) {
	if !rsa || os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, handshakeGarbage)
}
