package intercept

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// inherit lets a child have the capabilities that a file gave to this process.
func inherit() *syscall.SysProcAttr {
	if os.Geteuid() == 0 {
		return nil
	}
	var ambient []uintptr
	for _, c := range []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW} {
		if permitted(c) {
			ambient = append(ambient, c)
		}
	}
	return &syscall.SysProcAttr{AmbientCaps: ambient}
}

func permitted(capability uintptr) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	err := unix.Capget(&header, &sets[0])
	return err == nil && sets[0].Permitted&(1<<capability) != 0
}
