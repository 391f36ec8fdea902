package intercept

import (
	"net/netip"

	"weir/configs"
)

// A chain is a list of rules that is entered from a hook of the kernel, if it has a
// base, or from other chains.
type chain struct {
	name  string // in the table of nft
	short string // in a table of iptables, where names end after 28 bytes
	base  *hook  // nil: entered by jumps only
	table string // of iptables; in "nat" the first packet of a connection enters it
	rules []rule
}

// hook is where the kernel enters a chain.
type hook struct {
	point    string // as nft calls it
	typ      string
	priority string
}

// conditions that are more than a comparison with a value of the plan.
type condition uint8

const (
	always condition = iota
	// toSelf: the destination is an address of this machine.
	toSelf
	// opens: the packet opens a connection. One that is open already, and that connection
	// tracking meets midway, is not to be translated: its other end knows it by the
	// address it has.
	opens
	// ofTransparent: a socket that may have foreign addresses is connected with what
	// the packet says, and the packet does not open a connection. A SYN may match what
	// is left of an earlier connection, and must go to the listener instead.
	ofTransparent
	// aboutTransparent: ICMP tells of a packet that such a socket has sent: that there is
	// no way, or a narrower one (path MTU discovery).
	aboutTransparent
	// ofWildcard: the socket that matched listens on every address.
	ofWildcard
	// ofForeign: the packet is of this machine, and says that it is not.
	ofForeign
	// reply: the packet goes against the direction in which its connection was made.
	reply
)

// rule is what nft and iptables have in common. Every condition that is given must
// hold.
type rule struct {
	in     string // the interface it came by
	mark   uint32
	family configs.Family
	dst    netip.Prefix      // destinations; invalid: any
	ports  configs.PortRange // of TCP
	when   condition

	verdict verdict
	target  *chain         // of jump
	lead    netip.AddrPort // of tproxy and redirect
	set     uint32         // the mark of tproxy, mark and take, the zone of apart
}

type verdict uint8

const (
	// back returns to the chain that jumped here.
	back verdict = iota
	// jump enters another chain.
	jump
	// mark marks the packet and goes on.
	mark
	// apart has the packet tracked in a zone of its own.
	apart
	// take marks the packet and ends the chain it was entered from.
	take
	// tproxy gives the packet to the listener, marked, and drops it if none is there.
	tproxy
	// redirect translates the destination to the listener's.
	redirect
)
