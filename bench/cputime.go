package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// exactCPU is s.cpu with the share of the process itself to the nanosecond, where
// the kernel says it. The times in stat are the same sum cut to ticks of 10 ms each,
// which is too coarse for a process that does next to nothing.
//
// The source is the process's CPU-time clock (clock_getcpuclockid(3)), which
// anybody may read. It counts threads that have ended, as a sum over
// /proc/PID/task/*/schedstat would not. Children that ended and were waited for are
// in stat alone, in ticks.
func (s procStat) exactCPU(pid int) time.Duration {
	// The clock's number holds the complement of pid above three bits: 2 asks for the
	// scheduler's sum, and a clear 4 for that of the whole process.
	const sumOfProcess = 2
	var t unix.Timespec
	if unix.ClockGettime(int32(^pid)<<3|sumOfProcess, &t) != nil {
		return s.cpu // it has just ended
	}
	return time.Duration(t.Nano()) + s.waited
}
