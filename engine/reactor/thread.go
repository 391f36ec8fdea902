package reactor

import "golang.org/x/sys/unix"

// StayIdle lowers the priority of the calling thread to what is left over, for good: to
// raise it again takes a privilege. Any other thread that wakes has the processor at
// once, and is not moved to another to get one (SCHED_IDLE, sched(7)). The goroutine is
// locked to the thread, and stays so. Where the kernel refuses, the thread competes as an
// equal.
//
// Beside threads that are always busy, of this process or another, it gets next to
// nothing. While it waits for the processor inside Go code it holds up the garbage
// collector, and with it all of the process: with two processors that others keep busy,
// 200 ms in the median. Who uses such a thread must notice, and leave it alone.
func StayIdle() {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	_ = unix.SchedSetAttr(0, &attr, 0)
}
