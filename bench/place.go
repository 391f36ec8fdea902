package bench

import "net/netip"

// portsPerSource is how many connections one source address carries to one
// endpoint: the usual ephemeral range holds 28,231 ports.
const portsPerSource = 28_000

// places says from where each connection is made.
type places struct {
	to     netip.AddrPort
	spread bool
}

// newPlaces spreads the connections over 127.0.0.2 and up if one address has too
// few ports for them. That is possible on loopback only, where every address of
// 127.0.0.0/8 is ours; elsewhere the kernel chooses, and connections beyond the
// range fail with "no local port left".
func newPlaces(to netip.AddrPort, connections int) places {
	return places{to: to, spread: connections > portsPerSource && to.Addr().Is4() && to.Addr().IsLoopback()}
}

// source is where connection i is made from; the zero address leaves it to the kernel.
func (p places) source(i int) netip.Addr {
	if !p.spread {
		return netip.Addr{}
	}
	n := 2 + i/portsPerSource
	return netip.AddrFrom4([4]byte{127, 0, byte(n >> 8), byte(n)})
}
