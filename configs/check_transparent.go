package configs

import (
	"fmt"
	"net/netip"
	"slices"
)

const maxMark = 1<<32 - 1

// transparent checks the numbers that the kernel keeps apart from those of others.
func (ck *checker) transparent() {
	at := pathOf("transparent")
	t := &ck.cfg.Transparent
	ck.number(at.child("mark"), t.Mark, 1, maxMark)
	switch table := at.child("table"); t.Table {
	case 253, 254, 255:
		ck.problemf(table, "name one that nothing else uses", "table = %d belongs to the system", t.Table)
	default:
		ck.number(table, t.Table, 1, 1<<31-1)
	}
	// Behind 32766 the main table has the last word.
	ck.number(at.child("priority"), t.Priority, 1, 32765)
}

// clusterMark checks the mark of a cluster's connections.
func (ck *checker) clusterMark(p keyPath, mark int) {
	ck.number(p, mark, 0, maxMark)
	if mark != 0 && mark == ck.cfg.Transparent.Mark {
		ck.problemf(p, "write another number", "mark = %d is transparent.mark, whose packets never leave this machine", mark)
	}
}

// transparentListener checks how a listener takes connections that were meant for
// others, and which.
func (ck *checker) transparentListener(p keyPath, l *Listener) {
	at := p.child("transparent")
	ck.word(at, l.Transparent, transparency)
	on := slices.Contains(transparency[1:], l.Transparent)
	if on && isRange(l.Address) {
		ck.problemf(p.child("address"), "name one port: connections to any port can be led to it",
			"address %s is a range of ports, which a transparent listener does not take", quote(l.Address))
	}
	switch {
	case l.Intercept == nil:
	case l.Transparent == "off" && !ck.broken[at]:
		ck.problemf(p.child("intercept"), `add transparent = "tproxy" (or "redirect")`, "listener %s has an intercept table and is not transparent", p.last())
	default:
		ck.intercept(p.child("intercept"), l)
	}
}

// Bounds of an intercept: its rules are as many as interfaces times ports.
const (
	maxInterfaces = 64
	maxPortRanges = 64
	maxCIDRs      = 1024
)

func (ck *checker) intercept(p keyPath, l *Listener) {
	in := l.Intercept
	if len(in.Ports) == 0 {
		ck.missingf(p, `add ports = ["80"]`, "intercept does not say which ports")
	}
	if len(in.Interfaces) == 0 && !in.Local {
		ck.missingf(p, `add interfaces = ["eth1"], or local = true for connections of this machine`, "intercept does not say where connections come from")
	}
	at := p.child("ports")
	ck.atMost(at, len(in.Ports), maxPortRanges)
	for i, s := range in.Ports {
		first, last, err := splitPorts(s)
		if err != nil {
			ck.problemf(at.elem(i), `write "80" or "8000-8099"`, "ports: %s %s", quote(s), err)
			continue
		}
		ck.clientPorts(at.elem(i), PortRange{first, last}, in.Local)
	}
	ck.repeated(at, in.Ports)
	at = p.child("interfaces")
	ck.atMost(at, len(in.Interfaces), maxInterfaces)
	for i, name := range in.Interfaces {
		ck.interfaceName(at.elem(i), name)
	}
	ck.repeated(at, in.Interfaces)
	ck.destinations(p.child("to"), l, in.To)
	ck.destinations(p.child("except"), l, in.Except)
	ck.reachedBy(p, l)
}

// The ports that clients connect from, unless ip_local_port_range has been changed:
// ip(7).
const firstClientPort, lastClientPort = 32768, 60999

// clientPorts reports ports to which servers send their answers. Conntrack takes the
// first packet that it sees of a connection for the one that opened it; where it was not
// in use before up, that may be an answer of the sshd by which up was run.
func (ck *checker) clientPorts(p keyPath, r PortRange, local bool) {
	if r.Last < firstClientPort || r.First > lastClientPort {
		return
	}
	// What is above them is no better: other systems connect from there.
	hint := "leave it out"
	if r.First < firstClientPort {
		hint = "write " + quote(PortRange{r.First, firstClientPort - 1}.String())
	}
	taken := fmt.Sprintf("ports: %s holds ports that clients connect from, %d-%d: what servers", quote(r.String()), firstClientPort, lastClientPort)
	if local {
		ck.problemf(p, hint, "%s of this machine answer, sshd too, would be taken for new connections and reset", taken)
		return
	}
	ck.warnf(p, hint, "%s behind these interfaces answer would be taken for new connections", taken)
}

// atMost reports a list that is longer than is good for the kernel.
func (ck *checker) atMost(p keyPath, n, most int) {
	if n > most {
		ck.problemf(p, fmt.Sprintf("at most %d", most), "%s has %d elements", p.last(), n)
	}
}

// interfaceName refuses, beside what the kernel refuses, what nft and iptables take
// for a pattern and what a shell would not leave alone.
func (ck *checker) interfaceName(p keyPath, name string) {
	const longest = 15 // IFNAMSIZ, without the NUL
	switch {
	case name == "lo":
		ck.problemf(p, "leave it out and add local = true", "interfaces: what comes in by lo are connections of this machine")
	case !isName(name) || len(name) > longest || name == "." || name == "..":
		ck.problemf(p, `write one as "ip link" shows it, like "eth1"`, "interfaces: %s is not the name of an interface", quote(name))
	}
}

// destinations checks a list of CIDRs, and that connections to them can reach the
// address of the listener.
func (ck *checker) destinations(p keyPath, l *Listener, list []string) {
	ck.atMost(p, len(list), maxCIDRs)
	families := l.Families()
	for i, s := range list {
		prefix, ok := ck.cidr(p.elem(i), p.last(), s)
		if !ok {
			continue
		}
		list[i] = prefix.String()
		if f := FamilyOf(prefix.Addr()); len(families) > 0 && !slices.Contains(families, f) {
			ck.problemf(p.elem(i), `"[::]:PORT" takes both families`, "%s: %s is IPv%d, which the listener's address %s does not take", p.last(), quote(s), f, quote(l.Address))
		}
	}
	ck.repeated(p, list)
}

// reachedBy reports an address of the listener to which nothing can be led.
func (ck *checker) reachedBy(p keyPath, l *Listener) {
	host, port, _, err := splitRange(l.Address)
	if err != nil {
		return
	}
	at := p.parent().child("address")
	if port == 0 {
		ck.problemf(at, "name a port: rules must know it", "address %s has a port that is chosen at start", quote(l.Address))
	}
	ip, _ := netip.ParseAddr(host)
	if l.Transparent == "redirect" && ip.IsLoopback() && len(l.Intercept.Interfaces) > 0 {
		ck.problemf(at, fmt.Sprintf(`write ":%d", or use transparent = "tproxy"`, port),
			"address %s cannot be reached by redirect from other machines", quote(l.Address))
	}
}
