package reactor

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// setTransparent lets a socket have addresses that are not this machine's. On an IPv6
// socket that takes IPv4 too it is the same bit for both.
func setTransparent(fd int, v4 bool) syscall.Errno {
	if v4 {
		return setInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1)
	}
	return setInt(fd, unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1)
}

// CheckTransparent reports whether this process may use addresses that are not this
// machine's: EPERM without CAP_NET_ADMIN and CAP_NET_RAW, ENOPROTOOPT if the kernel has
// no such thing.
func CheckTransparent() error {
	return try(func(fd int) syscall.Errno { return setTransparent(fd, true) })
}

// CheckMark reports whether this process may mark its packets: EPERM as above.
func CheckMark() error {
	return try(func(fd int) syscall.Errno { return setInt(fd, unix.SOL_SOCKET, unix.SO_MARK, 1) })
}

func try(set func(fd int) syscall.Errno) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer closeFD(fd)
	if errno := set(fd); errno != 0 {
		return errno
	}
	return nil
}

// soOriginalDst is SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST.
const soOriginalDst = 80

// OriginalDst is where the client of a redirected connection meant to connect to. v4 is
// the family of the client, also on a socket that takes both. ENOENT says that the
// connection was not redirected: connection tracking knows nothing of it.
func OriginalDst(fd int, v4 bool) (Addr, syscall.Errno) {
	level := uintptr(unix.SOL_IPV6)
	if v4 {
		level = unix.SOL_IP
	}
	var sa unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrInet6)
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), level, soOriginalDst, uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return Addr{}, errno
	}
	return addrFromRaw(&sa), 0
}

// IsLocal reports whether a is an address of this machine: whether a datagram to it would
// come from that very address. (Whether a socket can be bound to it tells nothing where
// ip_nonlocal_bind is set.) Four system calls; nothing is sent.
func IsLocal(a Addr) bool {
	if a.Addr().IsLoopback() {
		return true
	}
	r, _, errno := unix.RawSyscall(unix.SYS_SOCKET, a.family(), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errno != 0 {
		return true // out of descriptors: who asks has that to fear more
	}
	fd := int(r)
	defer closeFD(fd)
	var sa unix.RawSockaddrAny
	size := a.raw(&sa)
	if _, _, errno = unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&sa)), size); errno != 0 {
		return false
	}
	from, errno := sockname(unix.SYS_GETSOCKNAME, fd)
	return errno == 0 && from.ip == a.ip
}
