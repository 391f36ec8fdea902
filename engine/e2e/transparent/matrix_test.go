package transparent

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"

	"weir/configs"
	"weir/engine/intercept"
	"weir/engine/observe"
)

// combination is how connections come to weir and how it goes on with them.
type combination struct {
	mode   string
	family configs.Family
	tool   intercept.Tool
	source string
}

// String is the name of a test.
func (c combination) String() string {
	return fmt.Sprintf("%s/v%d/%s/%s", c.mode, c.family, c.tool, c.source)
}

// The ports of servers differ between modes: connection tracking remembers connections
// for minutes, and would give a new one that has the addresses and ports of an old one the
// old destination. Nobody answers at the ports 9 above.
func (c combination) web() uint16 { return map[string]uint16{"tproxy": 80, "redirect": 8080}[c.mode] }
func (c combination) raw() uint16 { return map[string]uint16{"tproxy": 7000, "redirect": 7100}[c.mode] }

// file is a configuration with a listener for HTTP and one for anything.
func (c combination) file() string {
	return fmt.Sprintf(`
[engine]
loops = 3
[listeners.web]
address = ":15001"
transparent = %[1]q
intercept = { interfaces = ["rc"], ports = ["%[3]d-%[4]d"] }
[listeners.raw]
address = ":15002"
transparent = %[1]q
protocol = "tcp"
cluster = "original"
intercept = { interfaces = ["rc"], ports = ["%[5]d-%[6]d"] }
[[routes]]
cluster = "original"
[clusters.original]
discovery = "original_dst"
source = %[2]q
mark = 2
`, c.mode, c.source, c.web(), c.web()+9, c.raw(), c.raw()+9)
}

// run is one combination while its scenarios happen.
type run struct {
	combination
	net    *network
	ip     addresses
	w      *weir
	server *rawServer

	samePort, otherPort int64 // how often the server saw the client's port, and another
}

// dial opens a connection from the client's first address.
func (r *run) dial(t *testing.T, to netip.AddrPort) *net.TCPConn {
	t.Helper()
	return r.net.dial(t, at(r.ip.client, 0), to)
}

func at(ip netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(ip, port) }

// requireEnds demands what source says about the client that the server sees, and that
// the server was the one the client meant.
func (r *run) requireEnds(t *testing.T, got ends, client net.Addr, to netip.AddrPort) {
	t.Helper()
	from := unmapped(client)
	want := from.Addr()
	if r.source == "self" {
		want = r.ip.router
	}
	if got.peer.Addr() != want || got.local != to {
		t.Errorf("the server saw %v; the client was %v, and connected to %v", got, from, to)
	}
	if got.peer == from {
		r.samePort++
	} else {
		r.otherPort++
	}
}

// requirePorts demands that the server has seen the port of the client, if it was to. By
// chance it cannot be had: weir had a connection from it to the server a moment ago. And
// redirect may give weir another than the client's, who has connections to two servers
// from one port: both lead to the same port of the router.
func (r *run) requirePorts(t *testing.T) {
	fallbacks := r.w.stats().PortFallbacks
	switch {
	case r.source != "client_ip_port":
		if fallbacks != 0 {
			t.Errorf("%d fallbacks to another port", fallbacks)
		}
	default:
		const perConnection = 3 // requests of keepAlive
		if r.samePort == 0 || r.mode == "tproxy" && (r.otherPort > r.samePort || r.otherPort > fallbacks*perConnection) {
			t.Errorf("%d servers saw another port than the client's, %d its own; %d fallbacks", r.otherPort, r.samePort, fallbacks)
		}
	}
}

// scenario is something that a client does. It must be counted as so many connections,
// exchanges and tunnels; a tunnel is one also if it does not come about.
type scenario struct {
	name                            string
	happen                          func(t *testing.T, r *run)
	connections, exchanges, tunnels int64
}

var scenarios = slices.Concat(webScenarios, rawScenarios, failScenarios, crowdScenarios)

// TestEverything is every scenario in every combination.
func TestEverything(t *testing.T) {
	n := build(t)
	server := &rawServer{outcome: make(chan error, 1)}
	for _, port := range []string{"7000", "7100"} {
		n.serve(t, port, server.handle)
	}
	for _, port := range []string{"80", "8080"} {
		n.serveHTTP(t, port, webServer{})
	}
	for _, mode := range []string{"tproxy", "redirect"} {
		for _, family := range []configs.Family{configs.IPv4, configs.IPv6} {
			for _, tool := range []intercept.Tool{intercept.Nft, intercept.Iptables} {
				for _, source := range []string{"self", "client_ip", "client_ip_port"} {
					c := combination{mode, family, tool, source}
					t.Run(c.String(), func(t *testing.T) {
						w := led(t, tool, c.file())
						r := &run{combination: c, net: n, ip: families[family], w: w, server: server}
						for _, s := range scenarios {
							t.Run(s.name, func(t *testing.T) { r.require(t, s) })
						}
						r.requireLines(t)
						r.requirePorts(t)
					})
				}
			}
		}
	}
}

// require lets s happen, and demands that it has crossed weir.
func (r *run) require(t *testing.T, s scenario) {
	before := r.w.stats()
	s.happen(t, r)
	r.w.eventually("the scenario is over", func() bool { return r.w.stats().Sessions == 0 })
	after := r.w.stats()
	for _, c := range []struct {
		what string
		of   func(observe.Snapshot) int64
		want int64
	}{
		{"connections", func(s observe.Snapshot) int64 { return s.Accepted }, s.connections},
		{"exchanges", func(s observe.Snapshot) int64 { return s.Exchanges }, s.exchanges},
		{"tunnels", func(s observe.Snapshot) int64 { return s.Tunnels }, s.tunnels},
	} {
		if got := c.of(after) - c.of(before); got != c.want {
			t.Errorf("%d %s have crossed weir, want %d", got, c.what, c.want)
		}
	}
}

// requireLines demands a line of the access log for each exchange and tunnel, with the
// client, the destination it meant, and the bytes.
func (r *run) requireLines(t *testing.T) {
	want, halves := int64(0), 0
	for _, s := range scenarios {
		want += max(s.connections, s.exchanges) // a tunnel inside HTTP is its exchange
	}
	lines := r.w.lines()
	if int64(len(lines)) != want {
		t.Errorf("%d lines in the access log, want %d", len(lines), want)
	}
	for _, l := range lines {
		client, err := netip.ParseAddrPort(l.Client)
		if err != nil || client.Addr() != r.ip.client || l.Endpoint != l.Original || l.Original == "" {
			t.Errorf("log line %+v", l)
		}
		if l.BytesIn == 1+up && l.BytesOut == down && l.Fault == "" {
			halves++
		}
	}
	if halves != 2 {
		t.Errorf("%d lines of connections that each side has ended in turn, want 2", halves)
	}
}

// rawServer does what the first byte of a connection asks for.
type rawServer struct {
	outcome chan error // of what the client cannot see
}

const (
	tellEnds    = 'e' // says whom it sees, then sends back what comes
	answerLast  = 'a' // hears the client to its end, then speaks
	answerFirst = 'f' // speaks to its end, then hears the client
	resetYou    = 'r' // resets at once
	resetMe     = 'm' // says so when it may be reset
)

const (
	up   = 300_000
	down = 100_000
)

func (s *rawServer) handle(c *net.TCPConn) {
	var order [1]byte
	if _, err := io.ReadFull(c, order[:]); err != nil {
		return
	}
	switch order[0] {
	case tellEnds:
		fmt.Fprintln(c, endsOf(c))
		// Spliced it would go through pipes that only the garbage collector closes.
		_, _ = io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
	case answerLast:
		err := exactly(c, pattern(1, up))
		_, _ = c.Write(pattern(2, down))
		s.outcome <- err
	case answerFirst:
		_, _ = c.Write(pattern(2, down))
		_ = c.CloseWrite()
		err := exactly(c, pattern(1, up))
		s.outcome <- err
	case resetYou:
		reset(c)
	case resetMe:
		_, _ = io.WriteString(c, "now")
		_, err := bufio.NewReader(c).ReadByte()
		s.outcome <- err
	}
}
