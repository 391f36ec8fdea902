package intercept

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/configs"
)

// listeners looks for the sockets that connections are led to: without them they are
// refused or dropped.
func (c *checkup) listeners() {
	all, err := ears()
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.EPROTONOSUPPORT):
		c.add(Warning, "modprobe tcp_diag", "whether weir runs cannot be seen: this kernel has no sock_diag for TCP")
		return
	case err != nil:
		c.failed("whether weir runs", err)
		return
	}
	leads := c.plan.Leads
	for len(leads) > 0 {
		n := 1
		for n < len(leads) && leads[n].Listener == leads[0].Listener {
			n++
		}
		c.listener(leads[:n], all)
		leads = leads[n:]
	}
}

// listener looks for the socket of one listener, of which leads are all.
func (c *checkup) listener(leads []Lead, all []ear) {
	var silent, opaque []string
	for i := range leads {
		l := &leads[i]
		family := fmt.Sprintf("IPv%d", l.Family)
		at := slices.DeleteFunc(slices.Clone(all), func(e ear) bool { return !e.hears(l.Family, l.To) })
		switch {
		case len(at) == 0:
			silent = append(silent, family)
		case !l.Redirect && !slices.ContainsFunc(at, func(e ear) bool { return e.transparent }):
			opaque = append(opaque, family)
		}
	}
	name, at := leads[0].Listener, strings.TrimPrefix(host(leads[0].To), ":")
	if len(silent) > 0 {
		c.add(Bad, c.fixes.Run, "listener %s: nothing listens on %s for %s: weir does not run, or not with this file", name, at, strings.Join(silent, " and "))
	}
	if len(opaque) > 0 {
		c.add(Bad, "stop it, then "+c.fixes.Run, "listener %s: what listens on %s for %s is not transparent, so that nothing is led to it", name, at, strings.Join(opaque, " and "))
	}
	if len(silent)+len(opaque) == 0 {
		c.add(OK, "", "listener %s listens on %s", name, at)
	}
}

// families looks for listeners that take IPv4 alone where IPv6 may come in too, and goes
// past them. A file that names destinations has chosen.
func (c *checkup) families() {
	for i := range c.plan.Leads {
		l := &c.plan.Leads[i]
		if l.Family != configs.IPv4 || l.Destinations != nil {
			continue
		}
		past := slices.DeleteFunc(slices.Clone(l.Interfaces), func(name string) bool { return c.plan.takesIPv6(name, l.Ports) })
		if len(past) == 0 {
			continue
		}
		level := Note
		if reached := slices.DeleteFunc(slices.Clone(past), func(name string) bool { return !hasIPv6(name) }); len(reached) > 0 {
			level, past = Warning, reached
		}
		c.add(level, fmt.Sprintf(`address = ":%d" takes both families`, l.To.Port()),
			"listener %s takes IPv4 alone: what comes in by %s over IPv6 goes past weir", l.Listener, strings.Join(past, ", "))
	}
}

// takesIPv6 says whether some of the ports are led to a listener for IPv6, too.
func (p *Plan) takesIPv6(name string, ports []configs.PortRange) bool {
	return slices.ContainsFunc(p.Leads, func(l Lead) bool {
		return l.Family == configs.IPv6 && slices.Contains(l.Interfaces, name) && slices.ContainsFunc(l.Ports, func(a configs.PortRange) bool {
			return slices.ContainsFunc(ports, func(b configs.PortRange) bool { return a.First <= b.Last && b.First <= a.Last })
		})
	})
}

// hasIPv6 says whether an interface has an address of IPv6 by which others than its
// neighbours may reach it.
func hasIPv6(name string) bool {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return false // interfaces has told it
	}
	list, err := netlink.AddrList(link, unix.AF_INET6)
	return err == nil && slices.ContainsFunc(list, func(a netlink.Addr) bool { return a.IP.IsGlobalUnicast() })
}
