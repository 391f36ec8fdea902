package transparent

import (
	"bufio"
	"net/netip"
	"strings"
	"testing"
)

// Connections of the router itself are led to weir as well, and weir's own, which have
// its mark, are not.
func TestConnectionsOfThisMachine(t *testing.T) {
	n := build(t)
	n.serve(t, "7000", (&rawServer{}).handle)
	for _, tool := range tools {
		t.Run(string(tool), func(t *testing.T) {
			inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
				w := led(t, tool, strings.Replace(raw(mode, "mark = 2"), `interfaces = ["rc"]`, "local = true", 1))
				to := at(ip.server, 7000)
				c, err := dialHere(netip.AddrPort{}, to)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if _, err := c.Write([]byte{tellEnds}); err != nil {
					t.Fatal(err)
				}
				if got := readEnds(t, bufio.NewReader(c)); got.local != to || got.peer.Addr() != ip.router || got.peer == unmapped(c.LocalAddr()) {
					t.Errorf("the server saw %v, the client is %v", got, c.LocalAddr())
				}
				_ = c.Close()
				if l := w.onlyLine(); l.Original != to.String() || l.Endpoint != to.String() || l.Client != c.LocalAddr().String() || l.Fault != "" {
					t.Errorf("log line %+v", l)
				}
				if s := w.stats(); s.Accepted != 1 || s.Tunnels != 1 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}
