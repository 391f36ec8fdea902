package intercept

import (
	"fmt"
	"net/netip"
	"strings"

	"weir/configs"
)

// tableName is what the table of nft is called, in the family inet.
const tableName = "weir"

// nftScript replaces whatever table of ours there is, in one transaction.
func nftScript(chains []*chain) string {
	var b strings.Builder
	// The first line lets the second succeed where there is none.
	fmt.Fprintf(&b, "table inet %s\ndelete table inet %[1]s\ntable inet %[1]s {\n", tableName)
	for _, c := range chains {
		fmt.Fprintf(&b, "\tchain %s {\n", c.name)
		if h := c.base; h != nil {
			fmt.Fprintf(&b, "\t\ttype %s hook %s priority %s; policy accept;\n", h.typ, h.point, h.priority)
		}
		for _, r := range c.rules {
			for _, line := range r.nft() {
				fmt.Fprintf(&b, "\t\t%s\n", line)
			}
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// nft is the rule in the language of nft, in one line or two.
func (r *rule) nft() []string {
	match := r.nftMatch()
	if r.verdict != tproxy {
		return []string{match + r.nftVerdict()}
	}
	// tproxy does not match where there is no listener, and nothing may pass by then.
	return []string{match + r.nftVerdict(), match + "drop"}
}

func (r *rule) nftMatch() string {
	var b strings.Builder
	if r.in != "" {
		fmt.Fprintf(&b, "iifname %q ", r.in)
	}
	if r.mark != 0 {
		fmt.Fprintf(&b, "meta mark %#x ", r.mark)
	}
	if r.dst.IsValid() {
		fmt.Fprintf(&b, "%s daddr %s ", ip(r.family), shortest(r.dst))
	} else if r.saysFamily() {
		fmt.Fprintf(&b, "meta nfproto ipv%d ", r.family)
	}
	if r.ports != (configs.PortRange{}) {
		fmt.Fprintf(&b, "tcp dport %s ", ports(r.ports, "-"))
	}
	b.WriteString([...]string{
		always:           "",
		toSelf:           "fib daddr type local ",
		opens:            "tcp flags & (fin | syn | rst | ack) == syn ",
		ofTransparent:    "meta l4proto tcp socket transparent 1 tcp flags & (fin | syn | rst | ack) != syn ",
		aboutTransparent: "meta l4proto " + map[configs.Family]string{configs.IPv4: "icmp", configs.IPv6: "ipv6-icmp"}[r.family] + " socket transparent 1 ",
		ofForeign:        "meta l4proto tcp fib saddr type != local ",
		ofWildcard:       "socket wildcard 1 ",
		reply:            "ct direction reply ",
	}[r.when])
	return b.String()
}

// saysFamily says whether the family is a condition. Of what is jumped to it is known.
func (r *rule) saysFamily() bool { return (r.verdict == jump || r.verdict == apart) && r.family != 0 }

func (r *rule) nftVerdict() string {
	switch r.verdict {
	case jump:
		return "jump " + r.target.name
	case mark:
		return fmt.Sprintf("meta mark set %#x", r.set)
	case apart:
		return fmt.Sprintf("ct zone set %d", r.set)
	case take:
		return fmt.Sprintf("meta mark set %#x accept", r.set)
	case tproxy:
		return fmt.Sprintf("meta l4proto tcp tproxy %s to %s meta mark set %#x accept", ip(r.family), host(r.lead), r.set)
	case redirect:
		if r.lead.Addr().IsValid() {
			return fmt.Sprintf("meta l4proto tcp dnat %s to %s", ip(r.family), host(r.lead))
		}
		return "meta l4proto tcp redirect to " + host(r.lead)
	}
	return "return"
}

// ip is what nft calls a family.
func ip(f configs.Family) string {
	if f == configs.IPv6 {
		return "ip6"
	}
	return "ip"
}

// host is an address with its port; without an address it begins with the colon.
func host(a netip.AddrPort) string {
	if a.Addr().IsValid() {
		return a.String()
	}
	return fmt.Sprintf(":%d", a.Port())
}

// shortest is a CIDR, or the address alone if it is one.
func shortest(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

func ports(r configs.PortRange, dash string) string {
	if r.First == r.Last {
		return fmt.Sprint(r.First)
	}
	return fmt.Sprintf("%d%s%d", r.First, dash, r.Last)
}
