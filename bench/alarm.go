package bench

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm is a sleep exact to some ten microseconds. The runtime's own timers wake an
// idle process only to the next millisecond, which in open loop would count as
// latency of the server; a timerfd in its poller does not have that limit.
type alarm struct {
	file *os.File
	fd   int
	undo func() bool
}

// newAlarm makes an alarm whose waits end when ctx does.
func newAlarm(ctx context.Context) (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	a := &alarm{file: os.NewFile(uintptr(fd), "timerfd"), fd: fd}
	a.undo = context.AfterFunc(ctx, func() { a.file.SetReadDeadline(time.Unix(1, 0)) })
	return a, nil
}

// wait returns after d nanoseconds, which must be positive. It reports false if ctx
// ended.
func (a *alarm) wait(d int64) bool {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(d)}
	if unix.TimerfdSettime(a.fd, 0, &spec, nil) != nil {
		return false
	}
	var count [8]byte
	_, err := a.file.Read(count[:])
	return err == nil
}

func (a *alarm) close() {
	a.undo()
	a.file.Close()
}
