package transparent

import (
	"bufio"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"weir/engine/intercept"
)

// One port of the client has connections to two destinations at the same time. Both
// see it.
func TestOnePortToTwoDestinations(t *testing.T) {
	n := build(t)
	n.serve(t, "7000", (&rawServer{}).handle)
	inEveryFamily(t, func(t *testing.T, ip addresses) {
		w := led(t, intercept.Nft, raw("tproxy", `source = "client_ip_port"`))
		from := netip.AddrPort{}
		for _, server := range []netip.Addr{ip.server, ip.otherServer} {
			to := at(server, 7000)
			if !from.IsValid() {
				from = at(ip.client, 0)
			}
			c := n.dial(t, from, to)
			from = unmapped(c.LocalAddr())
			if _, err := c.Write([]byte{tellEnds}); err != nil {
				t.Fatal(err)
			}
			if got := readEnds(t, bufio.NewReader(c)); got.peer != from || got.local != to {
				t.Errorf("the server saw %v; the client is %v", got, from)
			}
			defer c.Close()
		}
		if s := w.stats(); s.PortFallbacks != 0 || s.TunnelsOpen != 2 {
			t.Errorf("stats %+v", s)
		}
	})
}

// So they do if that port was chosen, a moment ago, for another connection of weir's in
// the client's name.
func TestPortThatConnectHasChosen(t *testing.T) {
	n := build(t)
	n.serve(t, "7000", (&rawServer{}).handle)
	inEveryFamily(t, func(t *testing.T, ip addresses) {
		var chosen netip.AddrPort
		t.Run("client_ip", func(t *testing.T) {
			led(t, intercept.Nft, raw("tproxy", `source = "client_ip"`))
			got, _ := n.ask(t, at(ip.client, 0), at(ip.server, 7000))
			chosen = got.peer
		})
		t.Run("client_ip_port", func(t *testing.T) {
			w := led(t, intercept.Nft, raw("tproxy", `source = "client_ip_port"`))
			if got, _ := n.ask(t, chosen, at(ip.otherServer, 7000)); got.peer != chosen {
				t.Errorf("the server saw %v; the client is %v", got, chosen)
			}
			if s := w.stats(); s.PortFallbacks != 0 || s.Dialled != 1 {
				t.Errorf("stats %+v", s)
			}
		})
	})
}

// Somebody on the router already has a connection from the client's port to the
// destination: the client gets another.
func TestPortFallback(t *testing.T) {
	n := build(t)
	n.serve(t, "7000", (&rawServer{}).handle)
	inEveryFamily(t, func(t *testing.T, ip addresses) {
		w := led(t, intercept.Nft, raw("tproxy", `source = "client_ip_port"`))
		to := at(ip.server, 7000)
		d := &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(at(ip.client, 0)), Timeout: deadline, Control: foreignAddress}
		squatter, err := d.Dial("tcp", to.String())
		if err != nil {
			t.Fatal(err)
		}
		defer squatter.Close()
		c := n.dial(t, unmapped(squatter.LocalAddr()), to)
		if _, err := c.Write([]byte{tellEnds}); err != nil {
			t.Fatal(err)
		}
		from := unmapped(c.LocalAddr())
		if got := readEnds(t, bufio.NewReader(c)); got.peer.Addr() != from.Addr() || got.peer == from || got.local != to {
			t.Errorf("the server saw %v; the client is %v", got, from)
		}
		_ = c.Close()
		w.eventually("it is over", func() bool { return w.stats().Sessions == 0 })
		if s := w.stats(); s.PortFallbacks != 1 || s.Dialled != 1 || s.Tunnels != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// foreignAddress lets a socket have an address that is not this machine's, and share its
// port.
func foreignAddress(network, address string, c syscall.RawConn) (err error) {
	level, option := unix.SOL_IP, unix.IP_TRANSPARENT
	if network == "tcp6" {
		level, option = unix.SOL_IPV6, unix.IPV6_TRANSPARENT
	}
	set := func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, 1) }
	return errors.Join(reuseAddress(network, address, c), c.Control(set), err)
}
