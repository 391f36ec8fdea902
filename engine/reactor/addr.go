package reactor

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Addr is a TCP address in 20 bytes; netip.AddrPort takes 32 and a pointer.
type Addr struct {
	ip   [16]byte
	port uint16
	v4   bool
}

// AddrFrom converts; zones are dropped, IPv4-mapped addresses become IPv4.
func AddrFrom(a netip.AddrPort) Addr {
	ip := a.Addr().Unmap()
	return Addr{ip: ip.As16(), port: a.Port(), v4: ip.Is4()}
}

// AddrPort converts back.
func (a Addr) AddrPort() netip.AddrPort { return netip.AddrPortFrom(a.Addr(), a.port) }

// Addr is the address alone.
func (a Addr) Addr() netip.Addr { return netip.AddrFrom16(a.ip).Unmap() }

// Port is the port.
func (a Addr) Port() uint16 { return a.port }

// String is "ip:port"; it allocates.
func (a Addr) String() string { return a.AddrPort().String() }

func addrFromRaw(sa *unix.RawSockaddrAny) Addr {
	switch sa.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return AddrFrom(netip.AddrPortFrom(netip.AddrFrom4(in.Addr), swap16(in.Port)))
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		return AddrFrom(netip.AddrPortFrom(netip.AddrFrom16(in.Addr), swap16(in.Port)))
	}
	return Addr{}
}

func swap16(p uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], p)
	return binary.BigEndian.Uint16(b[:])
}

// Connect starts a connection to a: a non-blocking socket with TCP_NODELAY, whose
// local port is chosen only at connect, so that ports can be shared between
// destinations (IP_BIND_ADDRESS_NO_PORT matters once a source address is bound).
// The descriptor is the caller's; the connection is up, or has failed, when it
// becomes writable and SocketError says which.
func Connect(a Addr) (fd int, errno syscall.Errno) {
	family, sa, size := unix.AF_INET6, unix.RawSockaddrAny{}, uintptr(unix.SizeofSockaddrInet6)
	if a.v4 {
		family, size = unix.AF_INET, unix.SizeofSockaddrInet4
		*(*unix.RawSockaddrInet4)(unsafe.Pointer(&sa)) = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swap16(a.port), Addr: [4]byte(a.ip[12:])}
	} else {
		*(*unix.RawSockaddrInet6)(unsafe.Pointer(&sa)) = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: swap16(a.port), Addr: a.ip}
	}
	r, _, e := unix.RawSyscall(unix.SYS_SOCKET, uintptr(family), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if e != 0 {
		return -1, e
	}
	fd = int(r)
	setInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	setInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	_, _, e = unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&sa)), size)
	if e != 0 && e != unix.EINPROGRESS && e != unix.EINTR {
		closeFD(fd)
		return -1, e
	}
	return fd, 0
}

func setInt(fd, level, option, value int) {
	v := int32(value)
	_, _, _ = unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option), uintptr(unsafe.Pointer(&v)), unsafe.Sizeof(v), 0)
}
