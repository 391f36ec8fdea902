// Package intercept makes, removes and examines what leads connections meant for
// others to transparent listeners: rules of the packet filter, and with tproxy the ip
// rules and routes that deliver what they mark.
//
// A Plan is what a configuration asks for. It is compiled to chains of rules, which
// are then written three ways: as expressions for the kernel, as text for nft, and as
// lines for iptables-restore. Nothing but the kernel remembers what was made: the nft
// table and the chains of iptables are found by their names, ip rules and routes by a
// routing protocol number of weir's own and their shape. So Down needs neither a file nor the process
// that made them, and takes away nothing that others made.
//
// Rules fail closed: with no listener, connections that would be led to it are refused
// or dropped, never let through. Connections to addresses of this machine are left
// alone unless the file names them.
//
// The package runs in a process that ends soon. It blocks, allocates and is not for a
// loop. It sees the network namespace of the calling process.
package intercept

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"weir/configs"
)

// Plan is what a configuration needs of the kernel.
type Plan struct {
	Mark     uint32 // of packets to be delivered here
	Table    int    // the routing table that does
	Priority int    // of the ip rules that lead to it

	// Leads are what is led to listeners, in the order of their names.
	Leads []Lead
	// Return are the families in which weir connects with addresses of its clients, so
	// that the answers must be held back on their way to them.
	Return []configs.Family
	// Sources are the marks of the connections made with them; 0 stands for none.
	Sources []uint32
	// Exempt are marks of weir's own connections, which a Lead that is Local leaves alone.
	Exempt []uint32
	// Foreign says whether weir binds or connects with addresses that are not its own.
	Foreign bool
}

// Lead is the connections of one family that are led to one listener.
type Lead struct {
	Listener string
	Number   int // of the listener, from 1, where its name is too long
	Family   configs.Family
	Redirect bool           // translate the destination; otherwise tproxy
	To       netip.AddrPort // where the listener is; no address: everywhere

	Interfaces   []string // where connections come in
	Local        bool     // also those of this machine
	Ports        []configs.PortRange
	Destinations []netip.Prefix // nil: any
	Except       []netip.Prefix
}

// NewPlan derives the plan of a configuration that Check has accepted. It touches
// nothing.
func NewPlan(cfg *configs.Config) *Plan {
	p := &Plan{Mark: uint32(cfg.Transparent.Mark), Table: cfg.Transparent.Table, Priority: cfg.Transparent.Priority}
	spoofs := false
	for _, c := range cfg.Clusters {
		if c.Source != "self" {
			spoofs = true
			p.Sources = append(p.Sources, uint32(c.Mark))
		}
		if c.Mark != 0 {
			p.Exempt = append(p.Exempt, uint32(c.Mark))
		}
	}
	p.Foreign = spoofs
	slices.Sort(p.Exempt)
	p.Exempt = slices.Compact(p.Exempt)
	slices.Sort(p.Sources)
	p.Sources = slices.Compact(p.Sources)
	number := 0
	for _, name := range slices.Sorted(maps.Keys(cfg.Listeners)) {
		l := cfg.Listeners[name]
		p.Foreign = p.Foreign || l.Transparent == "tproxy"
		if spoofs {
			p.Return = append(p.Return, l.Families()...)
		}
		if l.Intercept != nil {
			number++
			p.lead(name, number, l)
		}
	}
	slices.Sort(p.Return)
	p.Return = slices.Compact(p.Return)
	return p
}

func (p *Plan) lead(name string, number int, l *configs.Listener) {
	in := l.Intercept
	for _, f := range l.Families() {
		to, any := in.Destinations(f)
		if !any && len(to) == 0 {
			continue
		}
		p.Leads = append(p.Leads, Lead{
			Listener:     name,
			Number:       number,
			Family:       f,
			Redirect:     l.Transparent == "redirect",
			To:           listenAddress(l.Address),
			Interfaces:   in.Interfaces,
			Local:        in.Local,
			Ports:        in.PortRanges(),
			Destinations: to,
			Except:       in.Exceptions(f),
		})
	}
}

// listenAddress is an address of one port, without the host if that is every one.
func listenAddress(address string) netip.AddrPort {
	if strings.HasPrefix(address, ":") {
		address = "[::]" + address
	}
	a := netip.MustParseAddrPort(address)
	if ip := a.Addr().Unmap(); !ip.IsUnspecified() {
		return netip.AddrPortFrom(ip, a.Port())
	}
	return netip.AddrPortFrom(netip.Addr{}, a.Port())
}

// Empty says whether the plan needs nothing of the kernel.
func (p *Plan) Empty() bool { return len(p.Leads) == 0 && len(p.Return) == 0 }

// delivers are the families in which marked packets must be delivered here: those of
// tproxy, and of answers that are held back.
func (p *Plan) delivers() []configs.Family {
	list := slices.Clone(p.Return)
	for i := range p.Leads {
		if !p.Leads[i].Redirect {
			list = append(list, p.Leads[i].Family)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
