package reactor

import "time"

// start anchors the monotonic clock. time.Since of it reads only the monotonic
// counter, through the vDSO, without a system call.
var start = time.Now()

// monotonic is the time since the process began, in nanoseconds, never zero.
func monotonic() int64 { return int64(time.Since(start)) + 1 }
