package reactor

import (
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	acceptBudget = 64 // connections taken in one turn
	backoffMin   = int64(5e6)
	backoffMax   = int64(1e9)
	backlog      = 4096
)

// Acceptor takes the connections of a listener, on the loop.
type Acceptor interface {
	// OnAccept owns fd from here on: non-blocking, close-on-exec, TCP_NODELAY.
	OnAccept(fd int, peer Addr)
	// MayAccept is asked before each accept; false pauses the listener until
	// Resume, and what comes waits in the kernel's backlog.
	MayAccept() bool
	// OnAcceptError is told once an accept has failed for want of resources; shed
	// says that the connection was closed, not left in the backlog.
	OnAcceptError(errno syscall.Errno, shed bool)
}

// Listener accepts TCP connections on one loop. Each loop binds its own with
// SO_REUSEPORT and the kernel spreads connections over them.
//
// When the descriptor table is full it sheds one connection with a descriptor
// kept in reserve, so that its client learns at once, then leaves the rest in the
// backlog for a time that doubles up to a second. It never spins and never fails.
type Listener struct {
	loop     *Loop
	acceptor Acceptor
	fd       int
	reserve  int
	backoff  int64
	timer    Timer
	paused   bool // MayAccept said no
	waiting  bool // backing off
}

// Bind opens a listening socket with SO_REUSEPORT and SO_REUSEADDR. The caller
// passes the descriptor to Listen, or closes it. An unspecified IPv6 address
// takes IPv4 too; zones are ignored. A transparent one takes connections to addresses
// that are not this machine's, if rules lead them there, and may be bound to one. Errors
// are plain errno values for the caller to name.
func Bind(address netip.AddrPort, transparent bool) (fd int, bound netip.AddrPort, err error) {
	return bind(address, transparent, true)
}

// Probe reports whether address can be listened on by nobody but the caller:
// SO_REUSEPORT alone would quietly share it with another process of the same user.
func Probe(address netip.AddrPort, transparent bool) error {
	fd, _, err := bind(address, transparent, false)
	if err == nil {
		closeFD(fd)
	}
	return err
}

func bind(address netip.AddrPort, transparent, share bool) (fd int, bound netip.AddrPort, err error) {
	family := unix.AF_INET
	var sa unix.Sockaddr = &unix.SockaddrInet4{Port: int(address.Port()), Addr: tail4(address.Addr())}
	if !address.Addr().Unmap().Is4() {
		family = unix.AF_INET6
		sa = &unix.SockaddrInet6{Port: int(address.Port()), Addr: address.Addr().As16()}
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, bound, err
	}
	setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if share {
		setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	setInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // accepted sockets inherit it
	if family == unix.AF_INET6 {
		v6only := 0
		if !address.Addr().IsUnspecified() {
			v6only = 1
		}
		setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, v6only)
	}
	if transparent {
		// Before bind, which may be to a foreign address.
		if errno := setTransparent(fd, family == unix.AF_INET); errno != 0 {
			err = errno
		}
	}
	if err == nil {
		err = unix.Bind(fd, sa)
	}
	if err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		closeFD(fd)
		return -1, bound, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		closeFD(fd)
		return -1, bound, err
	}
	switch n := name.(type) {
	case *unix.SockaddrInet4:
		bound = netip.AddrPortFrom(netip.AddrFrom4(n.Addr), uint16(n.Port))
	case *unix.SockaddrInet6:
		bound = netip.AddrPortFrom(netip.AddrFrom16(n.Addr), uint16(n.Port))
	}
	return fd, bound, nil
}

// Listen serves a bound socket on the loop, and owns it from here on; on failure it
// stays the caller's. Call it on the loop, or before Run.
func (l *Loop) Listen(fd int, a Acceptor) (*Listener, error) {
	ln := &Listener{loop: l, acceptor: a, fd: fd, reserve: openReserve()}
	ln.timer.Handler = ln
	if err := l.Register(fd, ln); err != nil {
		if ln.reserve >= 0 {
			closeFD(ln.reserve)
		}
		return nil, fmt.Errorf("reactor: %w", err)
	}
	return ln, nil
}

// Drain accepts what waits in the backlog and closes: whoever has connected before
// the door shut is let in.
func (ln *Listener) Drain() {
	for range backlog / acceptBudget {
		if !ln.accept() {
			break
		}
	}
	ln.Close()
}

// Close stops accepting. Connections in the backlog are reset by the kernel.
func (ln *Listener) Close() {
	if ln.fd < 0 {
		return
	}
	ln.loop.Cancel(&ln.timer)
	ln.loop.CloseFD(ln.fd)
	if ln.reserve >= 0 {
		closeFD(ln.reserve)
	}
	ln.fd, ln.reserve = -1, -1
}

// Resume lets a paused listener ask MayAccept again. It is cheap when the
// listener is not paused.
func (ln *Listener) Resume() {
	if ln.paused && ln.fd >= 0 {
		ln.paused = false
		ln.loop.Yield(ln)
	}
}

// OnReady accepts what waits.
func (ln *Listener) OnReady(Ready) { ln.OnYield() }

// OnYield goes on accepting after the budget of a turn.
func (ln *Listener) OnYield() {
	if ln.accept() {
		ln.loop.Yield(ln)
	}
}

// OnTimer ends a back-off.
func (ln *Listener) OnTimer(int64) {
	ln.waiting = false
	ln.OnYield()
}

// OnPanic keeps the listener: one connection's bug must not close the door.
func (ln *Listener) OnPanic() { ln.loop.Yield(ln) }

// accept takes a budget of connections and reports whether more may wait.
func (ln *Listener) accept() (more bool) {
	if ln.paused || ln.waiting || ln.fd < 0 {
		return false
	}
	var sa unix.RawSockaddrAny
	for range acceptBudget {
		if !ln.acceptor.MayAccept() {
			ln.paused = true
			return false
		}
		fd, errno := accept(ln.fd, &sa)
		switch errno {
		case 0:
			ln.backoff = 0
			ln.acceptor.OnAccept(fd, addrFromRaw(&sa))
			if ln.fd < 0 {
				return false
			}
		case unix.EAGAIN:
			return false
		case unix.ECONNABORTED, unix.EPROTO, unix.EPERM, unix.ENOPROTOOPT, unix.ENETDOWN,
			unix.ENETUNREACH, unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ENONET, unix.ETIMEDOUT, unix.ECONNRESET:
			// This connection died in the backlog, or a firewall forbids it
			// (accept(2)); the next one may be well.
		default:
			// Want of resources, or what no retry cures: never to be tried at once.
			ln.failed(errno)
			return false
		}
	}
	return true
}

// failed sheds one connection if the descriptor table is full, and backs off.
func (ln *Listener) failed(errno syscall.Errno) {
	shed := false
	if errno == unix.EMFILE && ln.reserve >= 0 {
		closeFD(ln.reserve)
		var sa unix.RawSockaddrAny
		fd, e := accept(ln.fd, &sa)
		if e == 0 {
			Linger0(fd)
			closeFD(fd)
			shed = true
		}
		ln.reserve = openReserve()
		if e == unix.EAGAIN {
			// EMFILE comes even if nobody waits. Then nobody was refused, and the
			// next connection makes an event.
			return
		}
	}
	if ln.reserve < 0 {
		ln.reserve = openReserve()
	}
	ln.backoff = min(max(ln.backoff*2, backoffMin), backoffMax)
	ln.waiting = true
	ln.loop.Arm(&ln.timer, ln.loop.Now()+ln.backoff)
	ln.acceptor.OnAcceptError(errno, shed)
}

func openReserve() int {
	fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

func tail4(a netip.Addr) [4]byte {
	b := a.As16()
	return [4]byte(b[12:])
}
