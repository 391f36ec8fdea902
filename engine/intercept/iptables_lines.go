package intercept

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"weir/configs"
)

// The tables of iptables that have chains of ours.
var xtablesTables = []string{"raw", "mangle", "nat"}

// iptablesLines are the chains and rules of one family in one table, in the form in
// which iptables-save prints them.
func iptablesLines(chains []*chain, f configs.Family, table string) []string {
	var declared, rules []string
	for _, c := range chains {
		if c.table != table || !c.has(f) {
			continue
		}
		declared = append(declared, ":"+c.short+" - [0:0]")
		for i := range c.rules {
			if r := &c.rules[i]; r.family == 0 || r.family == f {
				for _, line := range r.iptables() {
					rules = append(rules, "-A "+c.short+" "+line)
				}
			}
		}
		if c.base != nil {
			rules = append(rules, jumpLine(strings.ToUpper(c.base.point)))
		}
	}
	return inOrder(append(declared, rules...))
}

// inOrder sorts lines as to chains, so that two sets can be compared: first what
// declares them, then rules, which keep the order they have in their chain.
func inOrder(lines []string) []string {
	slices.SortStableFunc(lines, func(a, b string) int {
		kind := cmp.Compare(b[0], a[0]) // ":" before "-"
		return cmp.Or(kind, cmp.Compare(chainOf(a), chainOf(b)))
	})
	return lines
}

// chainOf is the chain that a line declares or adds to.
func chainOf(line string) string {
	name, rest, _ := strings.Cut(line, " ")
	if name == "-A" {
		name, _, _ = strings.Cut(rest, " ")
	}
	return name
}

// has says whether anything in c is for the family.
func (c *chain) has(f configs.Family) bool {
	return slices.ContainsFunc(c.rules, func(r rule) bool { return r.family == f || r.family == 0 && r.verdict != back })
}

// iptables is the rule in the language of iptables, without the chain it is in.
func (r *rule) iptables() []string {
	var match strings.Builder
	if r.dst.IsValid() {
		fmt.Fprintf(&match, "-d %s ", r.dst)
	}
	if r.in != "" {
		fmt.Fprintf(&match, "-i %s ", r.in)
	}
	if r.ports != (configs.PortRange{}) || r.when == ofTransparent || r.when == ofForeign || r.verdict == tproxy || r.verdict == redirect {
		match.WriteString("-p tcp ")
	}
	if r.when == aboutTransparent {
		match.WriteString(map[configs.Family]string{configs.IPv4: "-p icmp ", configs.IPv6: "-p ipv6-icmp "}[r.family])
	}
	if r.mark != 0 {
		fmt.Fprintf(&match, "-m mark --mark %#x ", r.mark)
	}
	if r.ports != (configs.PortRange{}) {
		fmt.Fprintf(&match, "-m tcp --dport %s ", ports(r.ports, ":"))
		if r.when == opens {
			match.WriteString("--tcp-flags FIN,SYN,RST,ACK SYN ")
		}
	}
	switch r.when {
	case toSelf:
		match.WriteString("-m addrtype --dst-type LOCAL ")
	case ofTransparent:
		match.WriteString("-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m socket --transparent ")
	case aboutTransparent:
		match.WriteString("-m socket --transparent ")
	case ofForeign:
		match.WriteString("-m addrtype ! --src-type LOCAL ")
	case ofWildcard:
		return nil // -m socket leaves those out
	case reply:
		match.WriteString("-m conntrack --ctdir REPLY ")
	}
	var lines []string
	for _, v := range r.iptablesVerdict() {
		lines = append(lines, match.String()+"-j "+v)
	}
	return lines
}

func (r *rule) iptablesVerdict() []string {
	setMark := fmt.Sprintf("MARK --set-xmark %#x/0xffffffff", r.set)
	switch r.verdict {
	case jump:
		return []string{r.target.short}
	case mark:
		return []string{setMark}
	case apart:
		return []string{fmt.Sprintf("CT --zone %d", r.set)}
	case take:
		return []string{setMark, "ACCEPT"}
	case tproxy:
		on := r.lead.Addr()
		if !on.IsValid() {
			on = everyAddress(r.family)
		}
		return []string{fmt.Sprintf("TPROXY --on-port %d --on-ip %s --tproxy-mark %#x/0xffffffff", r.lead.Port(), on, r.set)}
	case redirect:
		if r.lead.Addr().IsValid() {
			return []string{"DNAT --to-destination " + r.lead.String()}
		}
		return []string{fmt.Sprintf("REDIRECT --to-ports %d", r.lead.Port())}
	}
	return []string{"RETURN"}
}

func everyAddress(f configs.Family) netip.Addr {
	if f == configs.IPv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// restoreScript is what iptables-restore --noflush makes new of old with, in one step.
func restoreScript(table string, old, new []string) string {
	var first, last []string // to do before and after the new rules
	for _, line := range old {
		name, rule, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(line, "-A "+ownPrefix): // goes when its chain is emptied
		case name == "-A":
			first = append(first, "-D "+rule)
		case !slices.Contains(new, line):
			first = append(first, "-F "+name[1:])
			last = append(last, "-X "+name[1:])
		}
	}
	// The line of a chain makes it, or empties it.
	n := slices.IndexFunc(new, func(line string) bool { return line[0] != ':' })
	if n < 0 {
		n = len(new)
	}
	lines := slices.Concat([]string{"*" + table}, new[:n], first, new[n:], last, []string{"COMMIT"})
	return strings.Join(lines, "\n") + "\n"
}
