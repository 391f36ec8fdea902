package reactor

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of the data path. The descriptors are non-blocking, so none of
// these can wait, and RawSyscall spares the scheduler's bookkeeping. All restart
// after EINTR, and all return -1 with an errno on failure.

// Read reads into p. n is 0 at the end of the stream; p is not empty.
func Read(fd int, p []byte) (n int, errno syscall.Errno) {
	for {
		// recvfrom, not read: it goes to the socket without the file layer's checks.
		r, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
		if e == 0 {
			return int(r), 0
		}
		if e != unix.EINTR {
			return -1, e
		}
	}
}

// Write sends p, or the front of it.
func Write(fd int, p []byte) (n int, errno syscall.Errno) {
	for {
		r, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
		if e == 0 {
			return int(r), 0
		}
		if e != unix.EINTR {
			return -1, e
		}
	}
}

// maxSegments is how many buffers one Writev takes.
const maxSegments = 16

// Writev sends up to maxSegments buffers in one call, or the front of them.
func Writev(fd int, segments [][]byte) (n int, errno syscall.Errno) {
	var iov [maxSegments]unix.Iovec
	count := 0
	for _, s := range segments {
		if count == maxSegments {
			break
		}
		if len(s) > 0 {
			iov[count] = unix.Iovec{Base: unsafe.SliceData(s), Len: uint64(len(s))}
			count++
		}
	}
	msg := unix.Msghdr{Iov: &iov[0], Iovlen: uint64(count)}
	for {
		r, _, e := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)), unix.MSG_NOSIGNAL)
		if e == 0 {
			return int(r), 0
		}
		if e != unix.EINTR {
			return -1, e
		}
	}
}

// ShutdownWrite sends FIN.
func ShutdownWrite(fd int) syscall.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), unix.SHUT_WR, 0)
	return e
}

// Linger0 makes the next close send RST instead of FIN.
func Linger0(fd int) {
	l := unix.Linger{Onoff: 1}
	_, _, _ = unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER, uintptr(unsafe.Pointer(&l)), unsafe.Sizeof(l), 0)
}

// SocketError takes the pending error of a socket, as after a connect.
func SocketError(fd int) syscall.Errno {
	var value int32
	size := uint32(unsafe.Sizeof(value))
	_, _, e := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ERROR, uintptr(unsafe.Pointer(&value)), uintptr(unsafe.Pointer(&size)), 0)
	if e != 0 {
		return e
	}
	return syscall.Errno(value)
}

// ConnectError tells how the connect of a TCP socket ended: 0 if it is up, an
// errno, or EINPROGRESS if it has not ended, as after a stale event.
//
// A connect to a port of this machine that nobody listens on can meet itself, when
// the kernel picks that very port for its own end. Such a socket talks to itself,
// and keeps the endpoint from binding its port: it counts as refused.
func ConnectError(fd int) syscall.Errno {
	if errno := SocketError(fd); errno != 0 {
		return errno
	}
	peer, errno := sockname(unix.SYS_GETPEERNAME, fd)
	switch {
	case errno == unix.ENOTCONN:
		return unix.EINPROGRESS
	case errno != 0:
		return errno
	}
	if local, errno := sockname(unix.SYS_GETSOCKNAME, fd); errno == 0 && local == peer {
		return unix.ECONNREFUSED
	}
	return 0
}

// LocalAddr is the address a socket has on this machine, or the zero Addr.
func LocalAddr(fd int) Addr {
	a, _ := sockname(unix.SYS_GETSOCKNAME, fd)
	return a
}

func sockname(call uintptr, fd int) (Addr, syscall.Errno) {
	var sa unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	_, _, e := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)))
	if e != 0 {
		return Addr{}, e
	}
	return addrFromRaw(&sa), 0
}

func accept(fd int, sa *unix.RawSockaddrAny) (int, syscall.Errno) {
	for {
		size := uint32(unix.SizeofSockaddrAny)
		r, _, e := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(sa)), uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if e == 0 {
			return int(r), 0
		}
		if e != unix.EINTR {
			return -1, e
		}
	}
}

func closeFD(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// one is an eventfd counter's step, in native byte order: a large step would fill
// the counter, and a full one takes no more writes.
var one uint64 = 1

func signalEventFD(fd int) {
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
}

// setTimerFD sets the timerfd to go off once, after the given nanoseconds.
func setTimerFD(fd int, after int64) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(after, 1))}
	_, _, _ = unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(fd), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}
