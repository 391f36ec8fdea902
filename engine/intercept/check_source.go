package intercept

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"

	"weir/configs"
)

// translations looks for rules that give packets on their way out another source: then
// servers do not see the addresses of clients that weir connects with. It follows the
// chains for the marks of such connections, leaves out rules for networks that no client
// comes from, and takes every other condition to hold.
func (c *checkup) translations() {
	if len(c.plan.Return) == 0 {
		return
	}
	before := len(c.findings)
	elsewhere := c.otherNetworks()
	for _, h := range c.sourceHooks() {
		h.elsewhere = elsewhere
		for _, mark := range c.plan.Sources {
			if hit, _ := h.walk(h.name, mark, 0); !hit {
				continue
			}
			const what = "%s can replace the addresses of clients that weir connects with by one of this machine"
			if mark == 0 {
				c.add(Warning, "give each cluster that has a source a mark, and see what check says then", what, h.what)
			} else {
				c.add(Warning, fmt.Sprintf(h.exempt, mark), what, h.what)
			}
		}
	}
	if len(c.findings) == before {
		c.add(OK, "", "nothing replaces the addresses of clients that weir connects with")
	}
}

// sourceHook is a base chain that may translate sources, and the chains it may jump to.
type sourceHook struct {
	what   string // "chain ip nat POSTROUTING"
	name   string // in chains
	chains map[string][]step
	// elsewhere are networks in which no client is.
	elsewhere []netip.Prefix
	exempt    string // the command that lets a mark, %#x, pass
}

// walk says whether a packet with that mark may be translated in a chain, or certainly
// goes no further.
func (h *sourceHook) walk(name string, mark uint32, depth int) (hit, ends bool) {
	const deepest = 16 // NFT_JUMP_STACK_SIZE, linux/netfilter/nf_tables.h
	if depth > deepest {
		return false, false
	}
	for _, s := range h.chains[name] {
		if slices.ContainsFunc(s.marks, func(m markTest) bool { return !m.holds(mark) }) || within(s.from, h.elsewhere) {
			continue
		}
		switch s.does {
		case translates:
			return true, false
		case jumps:
			if hit, ends = h.walk(s.target, mark, depth+1); hit || ends && !s.open {
				return hit, ends
			}
		case stops:
			if !s.open {
				return false, true
			}
		case returns:
			if !s.open {
				return false, false
			}
		}
	}
	return false, false
}

// sourceHooks are all base chains that may translate sources in the families in which
// weir uses addresses of clients.
func (c *checkup) sourceHooks() []sourceHook {
	families := []nftables.TableFamily{nftables.TableFamilyINet}
	for _, f := range c.plan.Return {
		families = append(families, map[configs.Family]nftables.TableFamily{configs.IPv4: nftables.TableFamilyIPv4, configs.IPv6: nftables.TableFamilyIPv6}[f])
	}
	var list []sourceHook
	for _, f := range families {
		hooks, err := nftSourceHooks(f)
		if err != nil {
			c.failed("translations of sources", err)
		}
		list = append(list, hooks...)
	}
	for _, f := range c.plan.Return {
		h, err := legacySourceHook(f)
		if err != nil {
			c.failed("translations of sources by legacy iptables", err)
		}
		list = append(list, h...)
	}
	return list
}

// nftSourceHooks are the base chains in tables of nft, those of iptables with the nft
// backend among them.
func nftSourceHooks(f nftables.TableFamily) ([]sourceHook, error) {
	conn, err := nftConn()
	if err != nil {
		return nil, err
	}
	all, err := conn.ListChainsOfTableFamily(f)
	if err != nil {
		return nil, err
	}
	var list []sourceHook
	for _, base := range all {
		// The kernel refuses translations in chains of another type.
		if base.Hooknum == nil || *base.Hooknum != *nftables.ChainHookPostrouting || base.Type != nftables.ChainTypeNAT {
			continue
		}
		where := fmt.Sprintf("%s %s %s", familyName(f), base.Table.Name, base.Name)
		h := sourceHook{what: "chain " + where, name: base.Name, chains: map[string][]step{}, exempt: "nft insert rule " + where + " meta mark %#x accept"}
		if x := iptablesOf(f, base); x != "" {
			h.exempt = x + iptablesExemption
		}
		for _, ch := range all {
			if ch.Table.Name != base.Table.Name {
				continue
			}
			rules, err := conn.GetRules(ch.Table, ch)
			if err != nil {
				return nil, err
			}
			for _, r := range rules {
				h.chains[ch.Name] = append(h.chains[ch.Name], nftStep(r.Exprs))
			}
		}
		list = append(list, h)
	}
	return list, nil
}

const iptablesExemption = " -t nat -I POSTROUTING -m mark --mark %#x -j ACCEPT"

// iptablesOf is the program that made a chain, if it is one of iptables: it may not
// understand a rule that nft puts there.
func iptablesOf(f nftables.TableFamily, c *nftables.Chain) string {
	family, ok := map[nftables.TableFamily]configs.Family{nftables.TableFamilyIPv4: configs.IPv4, nftables.TableFamilyIPv6: configs.IPv6}[f]
	if !ok || c.Table.Name != "nat" || c.Name != "POSTROUTING" {
		return ""
	}
	if x := programOf(family, nftBackend); len(x) > 0 {
		return x[0].name
	}
	return ""
}

// legacySourceHook is the chain of iptables with the legacy backend, if it has one.
func legacySourceHook(f configs.Family) ([]sourceHook, error) {
	if !legacyHolds(f, "nat") {
		return nil, nil
	}
	found := programOf(f, legacyBackend)
	if len(found) == 0 {
		return nil, nil
	}
	x := found[0]
	saved, err := x.run("-save", "", "-t", "nat")
	const base = "POSTROUTING"
	what := fmt.Sprintf("chain %s of %s, table nat,", base, x.name)
	return []sourceHook{{what: what, name: base, chains: legacySteps(saved), exempt: x.name + iptablesExemption}}, err
}
