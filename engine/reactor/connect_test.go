package reactor

import (
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// boundOnly takes a port that nobody listens on, and that no one else can take.
func boundOnly(t *testing.T) (fd int, at netip.AddrPort) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*unix.SockaddrInet4).Port))
}

// blackhole is an address whose connects hang: its accept queue is full, so the
// kernel drops what else comes.
func blackhole(t *testing.T) (at netip.AddrPort, hanging int) {
	t.Helper()
	ln, at := boundOnly(t)
	if err := unix.Listen(ln, 0); err != nil {
		t.Fatal(err)
	}
	for range 16 {
		hanging = connectTCP(t, at)
	}
	const synSent = 2 // of TCP_INFO
	if info, err := unix.GetsockoptTCPInfo(hanging, unix.IPPROTO_TCP, unix.TCP_INFO); err != nil || info.State != synSent {
		t.Skip("this kernel takes connections beyond a full backlog: ", err)
	}
	return at, hanging
}

func TestConnectIsReported(t *testing.T) {
	l, _ := runLoop(t)
	connect := func(to netip.AddrPort) syscall.Errno {
		result := make(chan syscall.Errno, 8)
		var fd int
		on(t, l, func() {
			var errno syscall.Errno
			if fd, errno = Connect(Outgoing{To: AddrFrom(to)}); errno != 0 {
				result <- errno
				return
			}
			w := &watcher{ready: func(r Ready) {
				if errno := ConnectError(fd); r&Writable != 0 && errno != syscall.EINPROGRESS {
					l.CloseFD(fd)
					result <- errno
				}
			}}
			if err := l.Register(fd, w); err != nil {
				t.Error(err)
			}
		})
		return <-result
	}
	_, closed := boundOnly(t)
	if errno := connect(closed); errno != syscall.ECONNREFUSED {
		t.Errorf("connect to a port that nobody listens on: %v", errno)
	}
	ln, open := listenTCP(t, loopback)
	defer closeFD(ln)
	if errno := connect(open); errno != 0 {
		t.Errorf("connect: %v", errno)
	}
}

// A connect that hangs makes no event and has not ended; the deadline is the
// caller's timer, and closing is all it takes.
func TestConnectThatHangsIsInProgress(t *testing.T) {
	_, fd := blackhole(t)
	for range 3 {
		if errno := ConnectError(fd); errno != syscall.EINPROGRESS {
			t.Fatalf("ConnectError: %v, want EINPROGRESS", errno)
		}
	}
	if errno := SocketError(fd); errno != 0 {
		t.Errorf("SocketError: %v", errno)
	}
}

func TestConnectToItselfIsRefused(t *testing.T) {
	fd, at := boundOnly(t)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: int(at.Port())}); err != nil && err != unix.EINPROGRESS {
		t.Fatal(err)
	}
	if errno := ConnectError(fd); errno != syscall.ECONNREFUSED {
		t.Errorf("a socket that met itself: %v, want ECONNREFUSED", errno)
	}
}

func TestConnectSetsItsOptions(t *testing.T) {
	ln, at := listenTCP(t, loopback)
	defer closeFD(ln)
	fd := connectTCP(t, at)
	for _, o := range []struct {
		name          string
		level, option int
	}{
		{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY},
		{"IP_BIND_ADDRESS_NO_PORT", unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT},
	} {
		if v, err := unix.GetsockoptInt(fd, o.level, o.option); err != nil || v == 0 {
			t.Errorf("%s = %d, %v", o.name, v, err)
		}
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("flags %#x, %v: not non-blocking", flags, err)
	}
	if flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v: not close-on-exec", flags, err)
	}
}

func TestConnectThatCannotStartLeavesNothing(t *testing.T) {
	before := openFDs(t)
	if _, errno := Connect(Outgoing{To: AddrFrom(netip.MustParseAddrPort("255.255.255.255:1"))}); errno == 0 {
		t.Error("connected to a broadcast address")
	}
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

func TestTemporary(t *testing.T) {
	for errno, want := range map[syscall.Errno]bool{
		syscall.EMFILE: true, syscall.ENFILE: true, syscall.ENOMEM: true, syscall.EADDRNOTAVAIL: true,
		syscall.ECONNREFUSED: false, syscall.ENETUNREACH: false, syscall.EINVAL: false, 0: false,
	} {
		if Temporary(errno) != want {
			t.Errorf("Temporary(%v) = %v", errno, !want)
		}
	}
}
