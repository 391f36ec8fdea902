package transparent

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/configs"
	"weir/engine/e2e/probe"
	"weir/engine/netnstest"
)

// network is a client's and a server's machine, and the router between them, on which
// weir runs.
type network struct{ client, server *netnstest.Namespace }

// addresses are those of one family. The client and the server have two.
type addresses struct {
	client, otherClient netip.Addr
	router              netip.Addr // as the server sees it
	server, otherServer netip.Addr
	unroutable          netip.Addr // the router has no way to it
	prohibited          netip.Addr // the server's machine says that there is no way to it
	silent              netip.Addr // the server's machine drops what is sent to it
}

var families = map[configs.Family]addresses{
	configs.IPv4: addressesFrom("10.77.1.2 10.77.1.3 10.77.2.1 10.77.2.2 10.77.2.3 10.77.3.1 10.77.4.1 10.77.5.1"),
	configs.IPv6: addressesFrom("fd77:1::2 fd77:1::3 fd77:2::1 fd77:2::2 fd77:2::3 fd77:3::1 fd77:4::1 fd77:5::1"),
}

func addressesFrom(text string) addresses {
	var ip [8]netip.Addr
	for i, s := range strings.Fields(text) {
		ip[i] = netip.MustParseAddr(s)
	}
	return addresses{ip[0], ip[1], ip[2], ip[3], ip[4], ip[5], ip[6], ip[7]}
}

// Routes of the router.
const routes = `
ip route add unreachable 10.77.3.0/24; ip -6 route add unreachable fd77:3::/64
for net in 4 5; do ip route add 10.77.$net.0/24 via 10.77.2.2; ip -6 route add fd77:$net::/64 via fd77:2::2; done`

// What iptables makes when it first needs it, and never removes.
const chainsOfIptables = `
for p in iptables ip6tables; do for table in raw mangle nat; do
  printf '%s\n' "*$table" '-A PREROUTING -j ACCEPT' '-A OUTPUT -j ACCEPT' '-D PREROUTING -j ACCEPT' '-D OUTPUT -j ACCEPT' COMMIT | $p-restore --noflush
done; done`

// build makes the network. Servers are started by the test.
func build(t *testing.T) *network {
	t.Helper()
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	n := &network{}
	n.client, n.server = netnstest.Route(t)
	netnstest.Shell(t, routes+chainsOfIptables)
	t.Cleanup(func() {
		netnstest.Shell(t, "ip route del unreachable 10.77.3.0/24; ip -6 route del unreachable fd77:3::/64")
	})
	n.client.Do(func() {
		netnstest.Shell(t, "ip addr add 10.77.1.3/24 dev c0; ip addr add fd77:1::3/64 dev c0 nodad")
	})
	n.server.Do(func() {
		netnstest.Sysctl(t, "ipv4/ip_forward", "1")
		netnstest.Sysctl(t, "ipv6/conf/all/forwarding", "1")
		netnstest.Shell(t, `
ip addr add 10.77.2.3/24 dev s0; ip addr add fd77:2::3/64 dev s0 nodad
ip route add prohibit 10.77.4.0/24; ip -6 route add prohibit fd77:4::/64
ip route add blackhole 10.77.5.0/24; ip -6 route add blackhole fd77:5::/64`)
	})
	return n
}

// dial opens a connection from the client's machine, closed at the end. from, if valid,
// is its own address, whose port may be 0.
func (n *network) dial(t *testing.T, from netip.AddrPort, to netip.AddrPort) *net.TCPConn {
	t.Helper()
	c, err := n.tryDial(from, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (n *network) tryDial(from netip.AddrPort, to netip.AddrPort) (c *net.TCPConn, err error) {
	n.client.Do(func() { c, err = dialHere(from, to) })
	return c, err
}

// dialHere is dial in the namespace of the calling goroutine.
func dialHere(from netip.AddrPort, to netip.AddrPort) (*net.TCPConn, error) {
	d := &net.Dialer{Timeout: deadline}
	if from.IsValid() {
		d.LocalAddr, d.Control = net.TCPAddrFromAddrPort(from), latePort
	}
	c, err := d.Dial("tcp", to.String())
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(deadline))
	return c.(*net.TCPConn), nil
}

// reuseAddress lets a port have several connections, to different destinations.
func reuseAddress(_, _ string, c syscall.RawConn) (err error) {
	set := func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) }
	return errors.Join(c.Control(set), err)
}

// latePort is reuseAddress, and leaves the choice of a port to connect, as clients do
// that do not bind: bind would choose among others.
func latePort(network, address string, c syscall.RawConn) (err error) {
	set := func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) }
	return errors.Join(reuseAddress(network, address, c), c.Control(set), err)
}

// serve hands every connection to port, on any address of the server's machine, to
// handle, and closes it after that.
func (n *network) serve(t *testing.T, port string, handle func(c *net.TCPConn)) {
	t.Helper()
	var l net.Listener
	n.server.Do(func() { l = listen(t, port) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(deadline))
				handle(c.(*net.TCPConn))
			}()
		}
	}()
}

// serveHTTP serves h on any address of the server's machine.
func (n *network) serveHTTP(t *testing.T, port string, h http.Handler) {
	t.Helper()
	var l net.Listener
	n.server.Do(func() { l = listen(t, port) })
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
}

// listen listens in the namespace of the calling goroutine.
func listen(t *testing.T, port string) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", ":"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// ends are the two ends of a connection as the server has them.
type ends struct{ peer, local netip.AddrPort }

func endsOf(c net.Conn) ends { return ends{unmapped(c.RemoteAddr()), unmapped(c.LocalAddr())} }

func (e ends) String() string { return e.peer.String() + " to " + e.local.String() }

func unmapped(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// readEnds reads what ends.String has written, up to a line feed.
func readEnds(t *testing.T, r *bufio.Reader) ends {
	t.Helper()
	text, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("%q, %v", text, err)
	}
	return parseEnds(t, text)
}

func parseEnds(t *testing.T, text string) ends {
	t.Helper()
	peer, local, _ := strings.Cut(strings.TrimSpace(text), " to ")
	p, err1 := netip.ParseAddrPort(peer)
	l, err2 := netip.ParseAddrPort(local)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return ends{p, l}
}

// httpClient is one connection of a client that speaks HTTP.
type httpClient struct {
	*net.TCPConn
	t *testing.T
	r *bufio.Reader
}

func (n *network) httpClient(t *testing.T, from, to netip.AddrPort) *httpClient {
	t.Helper()
	c := n.dial(t, from, to)
	return &httpClient{c, t, bufio.NewReader(c)}
}

// get makes a request and reads the answer. fields are lines of the head.
func (c *httpClient) get(path string, fields ...string) (*http.Response, string) {
	c.t.Helper()
	head := "GET " + path + " HTTP/1.1\r\nHost: a.test\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
	if _, err := io.WriteString(c, head); err != nil {
		c.t.Fatal(err)
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatalf("no response: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("%s, %q, %v", res.Status, body, err)
	}
	return res, string(body)
}

// reset closes a connection with RST.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// receive takes a value that a server was to send.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(deadline):
		t.Fatalf("nothing came; %s", probe.Stacks())
		panic("unreachable")
	}
}

// pattern is n bytes that differ from place to place and from seed to seed.
func pattern(seed uint32, n int) []byte {
	p := make([]byte, n)
	x := seed*2654435761 + 1
	for i := range p {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		p[i] = byte(x)
	}
	return p
}
