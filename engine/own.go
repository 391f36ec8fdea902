package engine

import (
	"net/netip"
	"slices"

	"weir/engine/reactor"
	"weir/engine/transport"
)

// ownAddresses are those that weir listens on, by port: an unspecified one stands for
// all addresses of the machine. They are complete before the loops run.
type ownAddresses map[uint16][]netip.Addr

func (o ownAddresses) add(a netip.AddrPort) {
	o[a.Port()] = append(o[a.Port()], a.Addr().Unmap())
}

// has reports whether a connection to a would come to weir. It costs a look-up, and
// four system calls where only the address is still to be told from a foreign one.
func (o ownAddresses) has(a transport.Addr) bool {
	list, ok := o[a.Port()]
	if !ok {
		return false
	}
	ip := a.Addr()
	return slices.ContainsFunc(list, func(own netip.Addr) bool {
		return own == ip || own.IsUnspecified() && (own.Is6() || ip.Is4()) && reactor.IsLocal(a)
	})
}
