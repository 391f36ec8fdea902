package reactor

import "golang.org/x/sys/unix"

const (
	// behindNice is a tenth of a loop's share, where the two compete for a processor.
	behindNice = 10
	// behindSlice is how long such a thread asks to go on at a time, in nanoseconds:
	// whoever asks for less, as all others do, need not wait for its end (Linux 6.12).
	behindSlice = 3_000_000
)

// StayBehind lowers the priority of the calling thread to a tenth of a loop's, for good:
// to raise it again takes a privilege. The goroutine is locked to the thread, and stays
// so. Where the kernel refuses, the thread competes as an equal.
func StayBehind() {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Nice: behindNice, Runtime: behindSlice}
	_ = unix.SchedSetAttr(0, &attr, 0)
}

// StayIdle is StayBehind, down to what is left over: any other thread that wakes has the
// processor at once, and is not moved to another to get one. Beside threads that are
// always busy it has next to nothing, a three-hundredth (SCHED_IDLE, sched(7)).
func StayIdle() {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	_ = unix.SchedSetAttr(0, &attr, 0)
}
