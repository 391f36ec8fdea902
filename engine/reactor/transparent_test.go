package reactor

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// requireTransparent skips a test that needs addresses of others.
func requireTransparent(t *testing.T) {
	t.Helper()
	if err := errors.Join(CheckTransparent(), CheckMark()); err != nil {
		t.Skipf("CAP_NET_ADMIN and CAP_NET_RAW are missing: %v", err)
	}
}

// outgoing connects, and gives the end that was accepted.
func outgoing(t *testing.T, ln net.Listener, o Outgoing) (fd int, accepted net.Conn) {
	t.Helper()
	fd, errno := Connect(o)
	if errno != 0 {
		t.Fatalf("%+v: %v", o, errno)
	}
	t.Cleanup(func() { closeFD(fd) })
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = accepted.Close() })
	return fd, accepted
}

// The other end sees the address that was asked for, and its port if there was one.
func TestConnectFromAForeignAddress(t *testing.T) {
	requireTransparent(t)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	to := AddrFrom(ln.Addr().(*net.TCPAddr).AddrPort())
	_, any := outgoing(t, ln, Outgoing{To: to, From: AddrFrom(netip.MustParseAddrPort("127.0.0.77:0"))})
	peer := any.RemoteAddr().(*net.TCPAddr).AddrPort()
	if peer.Addr() != netip.MustParseAddr("127.0.0.77") || peer.Port() == 0 {
		t.Errorf("it comes from %s", peer)
	}
	// The same address and port, to another destination: SO_REUSEADDR.
	second, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	for _, l := range []net.Listener{ln, second} {
		from := AddrFrom(netip.MustParseAddrPort("127.0.0.78:41234"))
		_, same := outgoing(t, l, Outgoing{To: AddrFrom(l.Addr().(*net.TCPAddr).AddrPort()), From: from})
		if same.RemoteAddr().String() != from.String() {
			t.Errorf("it comes from %s", same.RemoteAddr())
		}
	}
	fd, errno := Connect(Outgoing{To: to, From: AddrFrom(netip.MustParseAddrPort("127.0.0.78:41234"))})
	if errno == 0 {
		closeFD(fd)
	}
	if !PortTaken(errno) {
		t.Errorf("twice to one destination: %v", errno)
	}
}

func TestConnectRefusesTheOtherFamily(t *testing.T) {
	for _, o := range []Outgoing{
		{To: AddrFrom(netip.MustParseAddrPort("127.0.0.1:1")), From: AddrFrom(netip.MustParseAddrPort("[::1]:0"))},
		{To: AddrFrom(netip.MustParseAddrPort("[::1]:1")), From: AddrFrom(netip.MustParseAddrPort("127.0.0.1:0"))},
	} {
		if _, errno := Connect(o); errno != syscall.EAFNOSUPPORT {
			t.Errorf("%+v: %v", o, errno)
		}
	}
}

func TestConnectMarks(t *testing.T) {
	requireTransparent(t)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	const mark = 0xfedcba98 // the sign bit too
	fd, _ := outgoing(t, ln, Outgoing{To: AddrFrom(ln.Addr().(*net.TCPAddr).AddrPort()), Mark: mark})
	if got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK); err != nil || uint32(got) != mark {
		t.Errorf("mark %#x, %v", got, err)
	}
}

// A transparent listener may have an address that is nobody's here, another may not.
func TestBindAForeignAddress(t *testing.T) {
	requireTransparent(t)
	for _, address := range []string{"192.0.2.1:0", "[2001:db8::1]:0"} {
		at := netip.MustParseAddrPort(address)
		if _, _, err := Bind(at, false); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("%s: %v", address, err)
		}
		fd, bound, err := Bind(at, true)
		if err != nil || bound.Addr() != at.Addr() || bound.Port() == 0 {
			t.Fatalf("%s: %s, %v", address, bound, err)
		}
		closeFD(fd)
		if err := Probe(at, true); err != nil {
			t.Errorf("probe %s: %v", address, err)
		}
	}
}

func TestIsLocal(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9:80": true, "[::1]:80": true,
		"192.0.2.1:80": false, "[2001:db8::1]:80": false, "198.51.100.7:1": false,
	} {
		if got := IsLocal(AddrFrom(netip.MustParseAddrPort(address))); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// A connection that nothing has translated has no original destination, or its own.
func TestOriginalDstOfAnOrdinaryConnection(t *testing.T) {
	for network, address := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		ln, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		at := AddrFrom(ln.Addr().(*net.TCPAddr).AddrPort())
		fd, _ := outgoing(t, ln, Outgoing{To: at})
		if got, errno := OriginalDst(fd, at.Is4()); errno == 0 && got != at {
			t.Errorf("%s: %s", network, got)
		}
	}
	if _, errno := OriginalDst(-1, true); errno != syscall.EBADF {
		t.Error(errno)
	}
}
