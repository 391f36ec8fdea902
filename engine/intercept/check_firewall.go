package intercept

import (
	"fmt"
	"slices"

	"github.com/google/nftables"
)

// firewalls looks for chains at the input that drop what no rule of theirs accepts.
// What is led to a listener passes them with the port of its original destination, or
// with that of the listener if it was translated. Rules that drop are not understood.
func (c *checkup) firewalls() {
	conn, err := nftConn()
	if err != nil {
		c.failed("chains of the packet filter", err)
		return
	}
	for _, family := range []nftables.TableFamily{nftables.TableFamilyINet, nftables.TableFamilyIPv4, nftables.TableFamilyIPv6} {
		chains, err := conn.ListChainsOfTableFamily(family)
		if err != nil {
			continue // filter has told it
		}
		for _, ch := range chains {
			if ch.Hooknum == nil || *ch.Hooknum != *nftables.ChainHookInput || ch.Policy == nil || *ch.Policy != nftables.ChainPolicyDrop {
				continue
			}
			for _, match := range c.led() {
				c.add(Warning, fmt.Sprintf("nft insert rule %s %s %s %s accept", familyName(family), ch.Table.Name, ch.Name, match),
					"chain %s %s %s drops by default, and unless a rule of it accepts them, packets with %s", familyName(family), ch.Table.Name, ch.Name, match)
			}
		}
	}
}

// led says how packets that are led to listeners are told from others at the input.
func (c *checkup) led() []string {
	var list []string
	if len(c.plan.delivers()) > 0 {
		list = append(list, fmt.Sprintf("meta mark %#x", c.plan.Mark))
	}
	for i := range c.plan.Leads {
		if l := &c.plan.Leads[i]; l.Redirect {
			list = append(list, fmt.Sprintf("tcp dport %d", l.To.Port()))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func familyName(f nftables.TableFamily) string {
	return map[nftables.TableFamily]string{nftables.TableFamilyINet: "inet", nftables.TableFamilyIPv4: "ip", nftables.TableFamilyIPv6: "ip6"}[f]
}
