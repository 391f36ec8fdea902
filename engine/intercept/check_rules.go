package intercept

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/configs"
)

// filter compares the rules of the packet filter with the plan.
func (c *checkup) filter() {
	chains := c.plan.chains()
	nft, err := nftTable()
	if err != nil {
		c.failed("the packet filter", err)
		return
	}
	held, err := ownIptables()
	if err != nil {
		c.failed("rules of iptables", err)
	}
	switch {
	case nft && len(held) > 0:
		c.add(Bad, c.fixes.Up, "rules of both nft and iptables are there, and connections meet both")
	case nft:
		c.nft(chains)
	case len(held) > 0:
		c.iptables(chains, held)
	case len(chains) > 0:
		c.add(Bad, c.fixes.Up, "no rules: nothing is led to a listener")
	}
}

func (c *checkup) nft(chains []*chain) {
	list, err := nftDiffers(chains)
	if err != nil {
		c.failed("table inet "+tableName, err)
		return
	}
	for _, d := range list {
		if d.rule != nil && d.rule.when == ofTransparent {
			d.what = "answers to the addresses of clients do not come back to weir: " + d.what
		}
		c.add(Bad, c.fixes.Up, "table inet %s: %s", tableName, d.what)
	}
	if len(list) == 0 {
		c.add(OK, "", "table inet %s is as the file asks", tableName)
	}
}

func (c *checkup) iptables(chains []*chain, all []held) {
	fix, good := c.fixes.Up+" --tool iptables", true
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		for _, table := range xtablesTables {
			want := iptablesLines(chains, f, table)
			here := slices.DeleteFunc(slices.Clone(all), func(h held) bool { return h.family != f || h.table != table })
			name := fmt.Sprintf("%s, table %s", programs(f)[0].name, table)
			switch {
			case len(here) > 1:
				c.add(Bad, fix, "%s: both backends have rules, and connections meet both", name)
			case len(here) == 1 && !slices.Equal(here[0].lines, want):
				c.add(Bad, fix, "%s: %s", name, firstDifference(here[0].lines, want))
			case len(here) == 0 && len(want) > 0:
				c.add(Bad, fix, "%s: no chain of weir", name)
			default:
				continue
			}
			good = false
		}
	}
	if good {
		c.add(OK, "", "the chains %s* of iptables are as the file asks", ownPrefix)
	}
}

func firstDifference(have, want []string) string {
	for i, line := range want {
		switch {
		case i < len(have) && have[i] == line:
			continue
		case i < len(have) && !slices.Contains(want, have[i]):
			return fmt.Sprintf("%q is not asked for", have[i])
		case strings.Contains(line, "-m socket --transparent"):
			return fmt.Sprintf("answers to the addresses of clients do not come back to weir: %q is missing, or not in its place", line)
		}
		return fmt.Sprintf("%q is missing, or not in its place", line)
	}
	return fmt.Sprintf("%q is not asked for", have[len(want)])
}

// deliveries compares ip rules and routes with the plan.
func (c *checkup) deliveries() {
	want := c.plan.deliveries()
	own, err := ownDeliveries()
	if err != nil {
		c.failed("ip rules and routes", err)
		return
	}
	for _, d := range want {
		switch there, err := d.exists(); {
		case err != nil:
			c.failed(d.String(), err)
		case there:
			c.add(OK, "", "%v", d)
		default:
			c.add(Bad, d.command(), "%v is missing: what is marked is not delivered here", d)
		}
		if d.rule != nil {
			c.shadow(d)
		}
	}
	for _, d := range own {
		if !slices.ContainsFunc(want, d.same) {
			c.add(Warning, c.fixes.Up, "%v is left over", d)
		}
	}
}

// exists says whether d is in the kernel, whoever made it.
func (d delivery) exists() (bool, error) {
	if d.rule != nil {
		rules, err := netlink.RuleList(netlinkFamily(d.family))
		return slices.ContainsFunc(rules, func(r netlink.Rule) bool { return d.same(delivery{family: d.family, rule: &r}) }), err
	}
	list, err := routes(d.family, d.route.Table)
	return slices.ContainsFunc(list, func(r netlink.Route) bool {
		return d.same(delivery{family: d.family, route: &r}) && prefixBits(r.Dst) == 0
	}), err
}

// shadow looks for ip rules that come before ours and take marked packets elsewhere.
func (c *checkup) shadow(d delivery) {
	rules, err := netlink.RuleList(netlinkFamily(d.family))
	if err != nil {
		c.failed("ip rules", err)
		return
	}
	for _, r := range rules {
		if r.Priority > d.rule.Priority || d.same(delivery{family: d.family, rule: &r}) {
			return // they are listed in the order in which they are asked
		}
		if r.Table == unix.RT_TABLE_LOCAL || r.Table == unix.RT_TABLE_UNSPEC || r.Table == d.rule.Table || !takesMark(&r, d.rule.Mark) {
			continue
		}
		list, err := routes(d.family, r.Table)
		if err != nil || len(list) == 0 {
			continue
		}
		level := Warning
		if onlyMark(&r) && r.SuppressPrefixlen < 0 && slices.ContainsFunc(list, func(r netlink.Route) bool { return prefixBits(r.Dst) == 0 }) {
			level = Bad
		}
		c.add(level, fmt.Sprintf("set transparent.priority below %d", r.Priority),
			"the ip rule of IPv%d with priority %d, lookup %d, comes before weir's and takes marked packets elsewhere", d.family, r.Priority, r.Table)
	}
}

func takesMark(r *netlink.Rule, mark uint32) bool {
	mask := ^uint32(0)
	if r.Mask != nil {
		mask = *r.Mask
	} else if r.Mark == 0 {
		mask = 0
	}
	return (mark&mask == r.Mark) != r.Invert
}

func prefixBits(n *net.IPNet) int {
	if n == nil {
		return 0
	}
	ones, _ := n.Mask.Size()
	return ones
}

// ownAddresses are the addresses of this machine in a family.
func (c *checkup) ownAddresses(f configs.Family) []netip.Addr {
	all, err := netlink.AddrList(nil, netlinkFamily(f))
	if err != nil {
		c.failed("addresses", err)
	}
	var list []netip.Addr
	for _, a := range all {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			list = append(list, ip.Unmap())
		}
	}
	return list
}

// takes says whether a destination is among those of l.
func (l *Lead) takes(ip netip.Addr) bool {
	in := func(list []netip.Prefix) bool {
		return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
	return (l.Destinations == nil || in(l.Destinations)) && !in(l.Except)
}
