package peers

import (
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// Place is the processors that a process may run on. The zero value is any.
type Place struct{ set *unix.CPUSet }

// Places gives a proxy with so many workers processors of its own, and the rest to
// the backend and the generator, so that neither takes the proxy's turns. Where there
// are not enough processors for both, all share all.
func Places(workers int) (proxy, others Place) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil || all.Count() <= workers {
		return Place{}, Place{}
	}
	first, rest := new(unix.CPUSet), new(unix.CPUSet)
	for cpu, left := 0, all.Count(); left > 0; cpu++ {
		if !all.IsSet(cpu) {
			continue
		}
		left--
		if first.Count() < workers {
			first.Set(cpu)
		} else {
			rest.Set(cpu)
		}
	}
	return Place{first}, Place{rest}
}

// StartAt starts cmd on the processors of p.
func (p Place) StartAt(cmd *exec.Cmd) error {
	if p.set == nil {
		return cmd.Start()
	}
	// A child has the affinity of the thread that forked it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, p.set); err != nil {
		return err
	}
	err := cmd.Start()
	if back := unix.SchedSetaffinity(0, &before); back != nil {
		runtime.LockOSThread() // once more than it is unlocked: the thread is not used again
	}
	return err
}
