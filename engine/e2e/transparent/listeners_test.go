package transparent

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"weir/configs"
	"weir/engine/intercept"
	"weir/engine/tlstest"
)

// A listener takes the families of its address, and connections of the other one are
// left alone. One on an address is found there, though nothing is addressed to it.
func TestListenerAddresses(t *testing.T) {
	n := build(t)
	// A port that no other test has: what is left of a connection of weir's in a client's
	// name gets, for a minute, the answers to a later one of the client's own.
	const port = 7003
	n.serve(t, "7003", (&rawServer{}).handle)
	for _, tt := range []struct {
		address string
		takes   []configs.Family
	}{
		{":15001", []configs.Family{configs.IPv4, configs.IPv6}},
		{"[::]:15001", []configs.Family{configs.IPv4, configs.IPv6}},
		{"0.0.0.0:15001", []configs.Family{configs.IPv4}},
		{"10.77.1.1:15001", []configs.Family{configs.IPv4}},
		{"[fd77:1::1]:15001", []configs.Family{configs.IPv6}},
	} {
		for _, mode := range []string{"tproxy", "redirect"} {
			for _, tool := range tools {
				t.Run(tt.address+"/"+mode+"/"+string(tool), func(t *testing.T) {
					w := led(t, tool, strings.NewReplacer(`":15001"`, `"`+tt.address+`"`, `["7000"]`, `["7003"]`).Replace(raw(mode, "")))
					for f, ip := range families {
						taken := f == tt.takes[0] || len(tt.takes) == 2
						before := w.stats().Tunnels
						got, client := n.ask(t, at(ip.client, 0), at(ip.server, port))
						if taken && got.peer.Addr() != ip.router || !taken && got.peer != unmapped(client) {
							t.Errorf("IPv%d: the server saw %v", f, got)
						}
						if crossed := w.stats().Tunnels - before; crossed != map[bool]int64{true: 1}[taken] {
							t.Errorf("IPv%d: %d tunnels", f, crossed)
						}
					}
				})
			}
		}
	}
}

// ask has a rawServer tell whom it sees.
func (n *network) ask(t *testing.T, from, to netip.AddrPort) (got ends, client net.Addr) {
	t.Helper()
	c := n.dial(t, from, to)
	defer c.Close()
	if _, err := c.Write([]byte{tellEnds}); err != nil {
		t.Fatal(err)
	}
	return readEnds(t, bufio.NewReader(c)), c.LocalAddr()
}

// The kernel spreads connections that are led here over all loops.
func TestEveryLoopAccepts(t *testing.T) {
	n := build(t)
	n.serve(t, "7000", (&rawServer{}).handle)
	const loops, connections = 3, 60
	inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
		w := led(t, intercept.Nft, strings.Replace(raw(mode, ""), "loops = 1", "loops = 3", 1))
		for range connections {
			n.ask(t, at(ip.client, 0), at(ip.server, 7000))
		}
		w.lines()
		by := map[uint64]int{} // a loop numbers its connections in steps of loops
		for text := range strings.Lines(w.access.String()) {
			var l struct{ Conn uint64 }
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatal(err)
			}
			by[l.Conn%loops]++
		}
		if len(by) != loops || by[0]+by[1]+by[2] != connections {
			t.Errorf("connections by loop: %v", by)
		}
	})
}

// TLS that passes through ends at the original destination, which has the certificate.
func TestPassthrough(t *testing.T) {
	n := build(t)
	ca := tlstest.New(t)
	server := &tls.Config{Certificates: []tls.Certificate{ca.Issue([]string{"a.test"}).Pair(t)}}
	n.serve(t, "7000", func(c *net.TCPConn) {
		s := tls.Server(c, server)
		defer s.Close()
		_, _ = s.Write([]byte(endsOf(c).String() + "\n"))
		_, _ = io.Copy(io.Discard, s)
	})
	inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
		w := led(t, intercept.Nft, strings.Replace(raw(mode, ""), `protocol = "tcp"`, `protocol = "tls-passthrough"`, 1))
		to := at(ip.otherServer, 7000)
		c := tls.Client(n.dial(t, at(ip.client, 0), to), &tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"})
		in := bufio.NewReader(c)
		if got := readEnds(t, in); got.peer.Addr() != ip.router || got.local != to {
			t.Errorf("the server saw %v", got)
		}
		_ = c.CloseWrite()
		if err := exactly(in, nil); err != nil {
			t.Error(err)
		}
		_ = c.Close()
		if l := w.onlyLine(); l.Kind != "tunnel" || l.Fault != "" || l.Endpoint != to.String() || l.Original != to.String() {
			t.Errorf("log line %+v", l)
		}
	})
}
