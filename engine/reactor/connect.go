package reactor

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Outgoing is a connection to be made.
type Outgoing struct {
	To Addr
	// From is whose address the other end is to see, which need not be one of this
	// machine's (IP_TRANSPARENT; it takes CAP_NET_ADMIN or CAP_NET_RAW); its port 0: any.
	// The zero Addr leaves both to the kernel.
	From Addr
	// Mark is the fwmark of its packets (SO_MARK, the same capabilities); 0: none.
	Mark uint32
}

// Connect starts a connection: a non-blocking socket with TCP_NODELAY. Its local port is
// chosen only at connect, so that ports can be shared between destinations
// (IP_BIND_ADDRESS_NO_PORT; it matters where From has no port). The descriptor is the
// caller's; the connection is up, or has failed, when it becomes writable and
// ConnectError says which.
//
// EADDRINUSE and EADDRNOTAVAIL say that From's port cannot be had for this destination.
// EAFNOSUPPORT says that From is of the other family.
func Connect(o Outgoing) (fd int, errno syscall.Errno) {
	var sa unix.RawSockaddrAny
	r, _, e := unix.RawSyscall(unix.SYS_SOCKET, o.To.family(), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if e != 0 {
		return -1, e
	}
	fd = int(r)
	setInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	setInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	if o.Mark != 0 {
		e = setInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(o.Mark))
	}
	if e == 0 && !o.From.IsZero() {
		e = bindForeign(fd, o)
	}
	if e == 0 {
		size := o.To.raw(&sa)
		_, _, e = unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&sa)), size)
	}
	if e != 0 && e != unix.EINPROGRESS && e != unix.EINTR {
		closeFD(fd)
		return -1, e
	}
	return fd, 0
}

// bindForeign binds fd to an address that may be anybody's.
func bindForeign(fd int, o Outgoing) syscall.Errno {
	if o.From.v4 != o.To.v4 {
		return unix.EAFNOSUPPORT
	}
	if errno := setTransparent(fd, o.To.v4); errno != 0 {
		return errno
	}
	// The client may have connections from its port to other destinations, and so may
	// others in its name that let connect choose the port.
	setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	var sa unix.RawSockaddrAny
	size := o.From.raw(&sa)
	_, _, errno := unix.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&sa)), size)
	return errno
}

// PortTaken reports whether Connect failed for the port of From alone.
func PortTaken(errno syscall.Errno) bool {
	return errno == unix.EADDRINUSE || errno == unix.EADDRNOTAVAIL
}
