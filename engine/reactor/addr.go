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

// IsZero reports whether a is no address at all.
func (a Addr) IsZero() bool { return a == Addr{} }

// WithPort is a with another port.
func (a Addr) WithPort(port uint16) Addr {
	a.port = port
	return a
}

// Is4 reports whether a is an IPv4 address.
func (a Addr) Is4() bool { return a.v4 }

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

// family is that of a socket for a.
func (a Addr) family() uintptr {
	if a.v4 {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// raw writes a for a system call, and returns its size.
func (a Addr) raw(sa *unix.RawSockaddrAny) (size uintptr) {
	if a.v4 {
		*(*unix.RawSockaddrInet4)(unsafe.Pointer(sa)) = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swap16(a.port), Addr: [4]byte(a.ip[12:])}
		return unix.SizeofSockaddrInet4
	}
	*(*unix.RawSockaddrInet6)(unsafe.Pointer(sa)) = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: swap16(a.port), Addr: a.ip}
	return unix.SizeofSockaddrInet6
}

func setInt(fd, level, option, value int) (errno syscall.Errno) {
	v := int32(value)
	_, _, errno = unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option), uintptr(unsafe.Pointer(&v)), unsafe.Sizeof(v), 0)
	return errno
}
