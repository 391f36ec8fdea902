package transparent

import (
	"bufio"
	"net"
	"net/netip"
	"testing"
)

const crowd = 500

var crowdScenarios = []scenario{{name: "500 at once", happen: manyAtOnce, connections: crowd, tunnels: crowd}}

// manyAtOnce holds connections open to two destinations at the same time. Each leads
// where it was meant to, also those that have, by chance, a port that weir has chosen for
// a connection in the client's name: both choose among the same.
func manyAtOnce(t *testing.T, r *run) {
	to := func(i int) netip.AddrPort {
		if i%2 == 0 {
			return at(r.ip.server, r.raw())
		}
		return at(r.ip.otherServer, r.raw())
	}
	var list [crowd]*net.TCPConn
	defer func() {
		for _, c := range list {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	r.net.client.Do(func() {
		for i := range list {
			c, err := dialHere(at(r.ip.client, 0), to(i))
			if err == nil {
				list[i] = c
				_, err = c.Write([]byte{tellEnds})
			}
			if err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
		}
	})
	r.w.eventually("all are tunnels", func() bool { return r.w.stats().TunnelsOpen == crowd })
	for i, c := range list {
		r.requireEnds(t, readEnds(t, bufio.NewReader(c)), c.LocalAddr(), to(i))
	}
}
