package reactor

import (
	"net/netip"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestAddrRoundTrips(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"127.0.0.1:80", "127.0.0.1:80"},
		{"0.0.0.0:0", "0.0.0.0:0"},
		{"255.255.255.255:65535", "255.255.255.255:65535"},
		{"[::1]:443", "[::1]:443"},
		{"[::]:1", "[::]:1"},
		{"[2001:db8::8:800:200c:417a]:8080", "[2001:db8::8:800:200c:417a]:8080"},
		{"[::ffff:192.0.2.1]:256", "192.0.2.1:256"},
		{"[fe80::1%lo]:255", "[fe80::1]:255"},
	} {
		a := AddrFrom(netip.MustParseAddrPort(tt.in))
		want := netip.MustParseAddrPort(tt.want)
		if a.String() != tt.want || a.AddrPort() != want || a.Addr() != want.Addr() || a.Port() != want.Port() {
			t.Errorf("%s became %s (%s, %d), want %s", tt.in, a, a.Addr(), a.Port(), tt.want)
		}
		if again := AddrFrom(a.AddrPort()); again != a {
			t.Errorf("%s does not survive a second trip: %v", tt.in, again)
		}
	}
	if size := unsafe.Sizeof(Addr{}); size != 20 {
		t.Errorf("Addr has %d bytes, want 20", size)
	}
}

func TestAddrFromKernel(t *testing.T) {
	var sa unix.RawSockaddrAny
	*(*unix.RawSockaddrInet4)(unsafe.Pointer(&sa)) = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swap16(258), Addr: [4]byte{10, 0, 0, 1}}
	if got := addrFromRaw(&sa).String(); got != "10.0.0.1:258" {
		t.Errorf("IPv4: %s", got)
	}
	mapped := netip.MustParseAddr("::ffff:10.0.0.1").As16()
	*(*unix.RawSockaddrInet6)(unsafe.Pointer(&sa)) = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: swap16(1), Addr: mapped}
	if got := addrFromRaw(&sa).String(); got != "10.0.0.1:1" {
		t.Errorf("IPv4 peer of a dual-stack listener: %s", got)
	}
	sa.Addr.Family = unix.AF_UNIX
	if got := addrFromRaw(&sa); got != (Addr{}) {
		t.Errorf("a family without ports: %v", got)
	}
}
