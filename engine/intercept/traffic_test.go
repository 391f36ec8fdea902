package intercept

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/engine/netnstest"
)

const patience = 5 * time.Second

// transparentSocket lets a socket have foreign addresses.
func transparentSocket(network, _ string, c syscall.RawConn) (err error) {
	set := func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_TRANSPARENT, 1) }
	if strings.HasSuffix(network, "6") {
		set = func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1) }
	}
	return errors.Join(c.Control(set), err)
}

// listen answers every connection with what, its peer and its own address or, after
// translation, the original destination. It closes first.
func listen(t *testing.T, what, address string) net.Listener {
	t.Helper()
	config := net.ListenConfig{Control: transparentSocket}
	l, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			peer := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
			fmt.Fprintf(c, "%s: %v to %v", what, peer, original(c.(*net.TCPConn)))
			c.Close()
		}
	}()
	return l
}

// original is where the client wanted to go.
func original(c *net.TCPConn) netip.AddrPort {
	local := c.LocalAddr().(*net.TCPAddr).AddrPort()
	local = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	raw, err := c.SyscallConn()
	if err != nil {
		return local
	}
	const originalDst = 80
	raw.Control(func(fd uintptr) {
		if local.Addr().Is4() {
			if m, err := unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, originalDst); err == nil {
				b := m.Multiaddr
				local = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), uint16(b[2])<<8|uint16(b[3]))
			}
		} else if x, err := unix.GetsockoptIPv6MTUInfo(int(fd), unix.SOL_IPV6, originalDst); err == nil {
			local = netip.AddrPortFrom(netip.AddrFrom16(x.Addr.Addr), x.Addr.Port<<8|x.Addr.Port>>8)
		}
	})
	return local
}

// ask connects and returns what the other end says, or that there was none.
func ask(d *net.Dialer, address string) string {
	c, err := d.Dial("tcp", address)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case err != nil && err.(net.Error).Timeout():
		return "timeout"
	case err != nil:
		return err.Error()
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	said, err := io.ReadAll(c)
	if err != nil {
		return err.Error()
	}
	return string(said)
}

func want(t *testing.T, address, want string) {
	t.Helper()
	if got := ask(&net.Dialer{Timeout: patience}, address); got != want {
		t.Errorf("%s: %q, want %q", address, got, want)
	}
}

// closed waits for what fails after a while only.
func closed(t *testing.T, address, want string) {
	t.Helper()
	if got := ask(&net.Dialer{Timeout: 300 * time.Millisecond}, address); got != want {
		t.Errorf("%s without a listener: %q, want %q", address, got, want)
	}
}

// modes are what a listener may be led by.
var modes = []struct {
	tool Tool
	mode string
}{{Nft, "tproxy"}, {Nft, "redirect"}, {Iptables, "tproxy"}, {Iptables, "redirect"}}

const routed = `
[listeners.edge]
address = "ADDRESS:15001"
transparent = "MODE"
[listeners.edge.intercept]
interfaces = ["rc"]
ports = ["80", "8000-8001"]
to = ["10.77.0.0/16", "fd77::/16"]
except = ["10.77.2.3", "fd77:2::3"]
[[routes]]
respond = {}
`

func TestRoutedConnections(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	for _, m := range modes {
		t.Run(string(m.tool)+" "+m.mode, func(t *testing.T) {
			netnstest.Enter(t)
			client, server := netnstest.Route(t)
			server.Do(func() {
				netnstest.Shell(t, "ip addr add 10.77.2.3/24 dev s0; ip addr add fd77:2::3/64 dev s0 nodad")
				for _, port := range []string{":80", ":81", ":8001", ":15001"} {
					listen(t, "server", port)
				}
			})
			for _, port := range []string{":80", ":81"} {
				listen(t, "router", port)
			}
			l := listen(t, "weir", ":15001")
			up(t, planOf(t, strings.NewReplacer("ADDRESS", "", "MODE", m.mode).Replace(routed)), m.tool)
			client.Do(func() {
				want(t, "10.77.2.2:80", "weir: 10.77.1.2 to 10.77.2.2:80")
				want(t, "[fd77:2::2]:80", "weir: fd77:1::2 to [fd77:2::2]:80")
				want(t, "10.77.2.2:8001", "weir: 10.77.1.2 to 10.77.2.2:8001")
				want(t, "[fd77:2::2]:8001", "weir: fd77:1::2 to [fd77:2::2]:8001")
				// Not intercepted: another port, an exception, the router itself.
				want(t, "10.77.2.2:81", "server: 10.77.1.2 to 10.77.2.2:81")
				want(t, "[fd77:2::2]:81", "server: fd77:1::2 to [fd77:2::2]:81")
				want(t, "10.77.2.3:80", "server: 10.77.1.2 to 10.77.2.3:80")
				want(t, "[fd77:2::3]:80", "server: fd77:1::2 to [fd77:2::3]:80")
				want(t, "10.77.2.1:80", "router: 10.77.1.2 to 10.77.2.1:80")
				want(t, "[fd77:2::1]:80", "router: fd77:1::2 to [fd77:2::1]:80")
			})
			l.Close()
			wrong := "timeout"
			if m.mode == "redirect" {
				wrong = "refused"
			}
			client.Do(func() {
				closed(t, "10.77.2.2:80", wrong)
				closed(t, "[fd77:2::2]:80", wrong)
			})
			down(t)
			client.Do(func() {
				want(t, "10.77.2.2:80", "server: 10.77.1.2 to 10.77.2.2:80")
				want(t, "[fd77:2::2]:80", "server: fd77:1::2 to [fd77:2::2]:80")
			})
		})
	}
}

// Connections that are open when the rules come are not weir's. With tproxy they end;
// what is only translated when it begins goes on.
func TestConnectionsThatAreOpen(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	for _, m := range modes {
		t.Run(string(m.tool)+" "+m.mode, func(t *testing.T) {
			netnstest.Enter(t)
			client, server := netnstest.Route(t)
			var l net.Listener
			server.Do(func() {
				var err error
				if l, err = net.Listen("tcp", "10.77.2.2:80"); err != nil {
					t.Fatal(err)
				}
			})
			defer l.Close()
			go func() { // echoes
				c, err := l.Accept()
				if err == nil {
					_, _ = io.Copy(c, c)
					_ = c.Close()
				}
			}()
			listen(t, "weir", ":15001")
			var open net.Conn
			client.Do(func() {
				var err error
				if open, err = net.Dial("tcp", "10.77.2.2:80"); err != nil {
					t.Fatal(err)
				}
			})
			defer open.Close()
			up(t, planOf(t, strings.NewReplacer("ADDRESS", "", "MODE", m.mode).Replace(routed)), m.tool)
			fmt.Fprint(open, "more")
			open.SetDeadline(time.Now().Add(patience))
			_, err := open.Read(make([]byte, 1))
			if m.mode == "redirect" && err != nil || m.mode == "tproxy" && !errors.Is(err, syscall.ECONNRESET) {
				t.Error(err)
			}
		})
	}
}

// A listener on one address is found, though nothing is addressed to it.
func TestListenersOnOneAddress(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	for _, m := range modes {
		for _, address := range []string{"10.77.2.1", "[fd77:2::1]", "127.0.0.1", "[::1]"} {
			if m.mode == "redirect" && (address == "127.0.0.1" || address == "[::1]") {
				continue // refused by the checker
			}
			t.Run(string(m.tool)+" "+m.mode+" "+address, func(t *testing.T) {
				netnstest.Enter(t)
				client, _ := netnstest.Route(t)
				text := strings.NewReplacer("ADDRESS", address, "MODE", m.mode).Replace(routed)
				from, to := "10.77.1.2", "10.77.2.2:80"
				if address[0] == '[' {
					from, to = "fd77:1::2", "[fd77:2::2]:80"
					text = strings.ReplaceAll(strings.ReplaceAll(text, `"10.77.0.0/16", `, ""), `"10.77.2.3", `, "")
				} else {
					text = strings.ReplaceAll(strings.ReplaceAll(text, `, "fd77::/16"`, ""), `, "fd77:2::3"`, "")
				}
				listen(t, "weir", address+":15001")
				up(t, planOf(t, text), m.tool)
				client.Do(func() { want(t, to, "weir: "+from+" to "+to) })
			})
		}
	}
}

const spoofing = `
[listeners.edge]
address = "[::]:15001"
transparent = "tproxy"
intercept = { interfaces = ["rc"], ports = ["80"] }
[[routes]]
cluster = "app"
[clusters.app]
endpoints = ["10.77.2.2:80"]
source = "client_ip"
`

// The server's answers to a client's address come to the socket here that has it, and
// nothing else does.
func TestAnswersToClientAddresses(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	for _, tool := range []Tool{Nft, Iptables} {
		t.Run(string(tool), func(t *testing.T) {
			netnstest.Enter(t)
			client, server := netnstest.Route(t)
			server.Do(func() { listen(t, "server", ":80"); listen(t, "server", ":15001") })
			listen(t, "weir", ":15001")
			p := planOf(t, spoofing)
			up(t, p, tool)
			as := func(ip string) *net.Dialer {
				return &net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Control: transparentSocket}
			}
			if got := ask(as("10.77.1.2"), "10.77.2.2:80"); got != "server: 10.77.1.2 to 10.77.2.2:80" {
				t.Error(got)
			}
			if got := ask(as("fd77:1::2"), "[fd77:2::2]:80"); got != "server: fd77:1::2 to [fd77:2::2]:80" {
				t.Error(got)
			}
			client.Do(func() {
				want(t, "10.77.2.2:80", "weir: 10.77.1.2 to 10.77.2.2:80")
				// A packet to the port of our listener on every address is not for it.
				want(t, "10.77.2.2:15001", "server: 10.77.1.2 to 10.77.2.2:15001")
				want(t, "[fd77:2::2]:15001", "server: fd77:1::2 to [fd77:2::2]:15001")
			})
			p.Return = nil
			up(t, p, tool)
			for ip, to := range map[string]string{"10.77.1.2": "10.77.2.2:80", "fd77:1::2": "[fd77:2::2]:80"} {
				hasty := as(ip)
				hasty.Timeout = 300 * time.Millisecond
				if got := ask(hasty, to); got != "timeout" {
					t.Errorf("%s without a way back: %s", ip, got)
				}
			}
		})
	}
}

// With SYN cookies the listener alone knows a connection that is being made.
func TestSYNCookies(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	for _, tool := range []Tool{Nft, Iptables} {
		t.Run(string(tool), func(t *testing.T) {
			netnstest.Enter(t)
			client, _ := netnstest.Route(t)
			netnstest.Sysctl(t, "ipv4/tcp_syncookies", "2")
			listen(t, "weir", ":15001")
			up(t, planOf(t, spoofing), tool)
			client.Do(func() {
				want(t, "10.77.2.2:80", "weir: 10.77.1.2 to 10.77.2.2:80")
				want(t, "[fd77:2::2]:80", "weir: fd77:1::2 to [fd77:2::2]:80")
			})
		})
	}
}

// A port that is used again right after weir closed first is a new connection, which
// what is left of the old one must not get.
func TestPortsAreUsedAgain(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	for _, tool := range []Tool{Nft, Iptables} {
		t.Run(string(tool), func(t *testing.T) {
			netnstest.Enter(t)
			client, _ := netnstest.Route(t)
			listen(t, "weir", ":15001")
			up(t, planOf(t, spoofing), tool)
			client.Do(func() {
				d := &net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP("10.77.1.2"), Port: 4000}}
				d.Control = func(_, _ string, c syscall.RawConn) (err error) {
					return errors.Join(c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) }), err)
				}
				for range 2 {
					if got := ask(d, "10.77.2.2:80"); got != "weir: 10.77.1.2 to 10.77.2.2:80" {
						t.Error(got)
					}
				}
				// The old one would answer with an ACK, which the client takes for an
				// error: it resets, and tries again.
				if resets := netnstest.Shell(t, `awk '/^Tcp:/ {n = $15} END {print n}' /proc/self/net/snmp`); resets != "0\n" {
					t.Errorf("the client had to reset %s times", resets)
				}
			})
		})
	}
}

const local = `
[listeners.any]
address = "[::]:15001"
transparent = "MODE"
intercept = { local = true, ports = ["80", "1024-32767"] }
[listeners.named]
address = "[::]:15002"
transparent = "MODE"
intercept = { local = true, ports = ["81"], to = ["127.0.0.2", "127.0.0.3", "::1"], except = ["127.0.0.3"] }
[[routes]]
cluster = "app"
[clusters.app]
endpoints = ["192.0.2.1:8000"]
mark = 2
`

func TestConnectionsOfThisMachine(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	for _, m := range modes {
		t.Run(string(m.tool)+" "+m.mode, func(t *testing.T) {
			netnstest.Enter(t)
			client, server := netnstest.Route(t)
			server.Do(func() { listen(t, "server", ":80"); listen(t, "server", ":81") })
			for _, port := range []string{":80", ":81"} {
				listen(t, "router", port)
			}
			listen(t, "weir", ":15001")
			listen(t, "named", ":15002")
			up(t, planOf(t, strings.ReplaceAll(local, "MODE", m.mode)), m.tool)
			want(t, "10.77.2.2:80", "weir: 10.77.2.1 to 10.77.2.2:80")
			want(t, "[fd77:2::2]:80", "weir: fd77:2::1 to [fd77:2::2]:80")
			want(t, "10.77.2.2:81", "server: 10.77.2.1 to 10.77.2.2:81")
			// Nobody named this machine for port 80, but for 81.
			want(t, "127.0.0.1:80", "router: 127.0.0.1 to 127.0.0.1:80")
			want(t, "[::1]:80", "router: ::1 to [::1]:80")
			want(t, "127.0.0.1:81", "router: 127.0.0.1 to 127.0.0.1:81")
			want(t, "127.0.0.2:81", "named: 127.0.0.1 to 127.0.0.2:81")
			want(t, "[::1]:81", "named: ::1 to [::1]:81")
			want(t, "127.0.0.3:81", "router: 127.0.0.1 to 127.0.0.3:81")
			// weir's own, and those that servers here answer to any port.
			marked := &net.Dialer{Timeout: patience, Control: func(_, _ string, c syscall.RawConn) (err error) {
				return errors.Join(c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, 2) }), err)
			}}
			if got := ask(marked, "10.77.2.2:80"); got != "server: 10.77.2.1 to 10.77.2.2:80" {
				t.Errorf("with the mark of a cluster: %s", got)
			}
			client.Do(func() {
				netnstest.Sysctl(t, "ipv4/ip_local_port_range", "20000 29999")
				want(t, "10.77.1.1:80", "router: 10.77.1.2 to 10.77.1.1:80")
				want(t, "10.77.2.2:80", "server: 10.77.1.2 to 10.77.2.2:80")
			})
		})
	}
}
