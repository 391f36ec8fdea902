package reactor

import "time"

// start anchors the monotonic clock. time.Since of it reads only the monotonic
// counter, through the vDSO, without a system call.
var start = time.Now()

// Monotonic is the clock of all loops, read now; Loop.Now is as old as the turn. Any
// goroutine may ask.
func Monotonic() int64 { return monotonic() }

// monotonic is the time since the process began, in nanoseconds, never zero.
func monotonic() int64 { return int64(time.Since(start)) + 1 }
