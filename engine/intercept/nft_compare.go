package intercept

import (
	"bytes"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// difference is one way in which the kernel has other rules than the plan.
type difference struct {
	what string
	rule *rule // that is missing; nil if it is something else
}

// nftDiffers compares our table with chains: at most one difference a chain. It must be
// there.
func nftDiffers(chains []*chain) ([]difference, error) {
	there, err := nftChains()
	if err != nil {
		return nil, err
	}
	rules, err := nftRules()
	if err != nil {
		return nil, err
	}
	var list []difference
	for _, c := range chains {
		k, ok := there[c.name]
		delete(there, c.name)
		switch {
		case !ok:
			list = append(list, difference{what: fmt.Sprintf("chain %s is missing", c.name)})
		case !sameHook(nftChain(c), k):
			list = append(list, difference{what: fmt.Sprintf("chain %s is entered from elsewhere", c.name)})
		default:
			list = append(list, c.differs(rules[c.name])...)
		}
	}
	for name := range there {
		list = append(list, difference{what: fmt.Sprintf("chain %s is not asked for", name)})
	}
	return list, nil
}

func nftChains() (map[string]*nftables.Chain, error) {
	c, err := nftConn()
	if err != nil {
		return nil, err
	}
	all, err := c.ListChainsOfTableFamily(table.Family)
	if err != nil {
		return nil, fmt.Errorf("nftables: %w", err)
	}
	list := map[string]*nftables.Chain{}
	for _, c := range all {
		if c.Table.Name == table.Name {
			list[c.Name] = c
		}
	}
	return list, nil
}

func sameHook(a, b *nftables.Chain) bool {
	if a.Hooknum == nil || b.Hooknum == nil {
		return a.Hooknum == b.Hooknum
	}
	return a.Type == b.Type && *a.Hooknum == *b.Hooknum && *a.Priority == *b.Priority
}

// differs is the first difference of the rules in the kernel from those of c.
func (c *chain) differs(kernel [][]netlink.Attribute) []difference {
	at := 0
	for i := range c.rules {
		r := &c.rules[i]
		text := r.nft()
		for j, exprs := range r.exprs() {
			if at == len(kernel) || !sameExprs(exprs, kernel[at]) {
				return []difference{{fmt.Sprintf("chain %s should have, as rule %d, %q", c.name, at+1, text[j]), r}}
			}
			at++
		}
	}
	if at < len(kernel) {
		return []difference{{what: fmt.Sprintf("chain %s has a rule, number %d, that is not asked for", c.name, at+1)}}
	}
	return nil
}

// nftRules are the expressions of the rules of our table, by chain, undecoded: nftables
// v0.3.0 cannot read back those of tproxy.
func nftRules() (map[string][][]netlink.Attribute, error) {
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	name, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: unix.NFTA_RULE_TABLE, Data: []byte(table.Name + "\x00")}})
	if err != nil {
		return nil, err
	}
	answers, err := c.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETRULE, Flags: netlink.Request | netlink.Dump},
		Data:   append([]byte{byte(table.Family), unix.NFNETLINK_V0, 0, 0}, name...),
	})
	if err != nil {
		return nil, fmt.Errorf("nftables: %w", err)
	}
	rules := map[string][][]netlink.Attribute{}
	for _, m := range answers {
		attrs, err := netlink.UnmarshalAttributes(m.Data[min(4, len(m.Data)):])
		if err != nil {
			return nil, err
		}
		chain := string(bytes.TrimRight(attribute(attrs, unix.NFTA_RULE_CHAIN), "\x00"))
		exprs, err := netlink.UnmarshalAttributes(attribute(attrs, unix.NFTA_RULE_EXPRESSIONS))
		if err != nil {
			return nil, err
		}
		rules[chain] = append(rules[chain], exprs)
	}
	return rules, nil
}

// attribute is the data of the first attribute of a type; nil: there is none.
func attribute(list []netlink.Attribute, typ uint16) []byte {
	for _, a := range list {
		if a.Type&^attributeFlags == typ {
			return a.Data
		}
	}
	return nil
}

const attributeFlags = unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER

func sameExprs(want []expr.Any, kernel []netlink.Attribute) bool {
	if len(want) != len(kernel) {
		return false
	}
	for i, e := range want {
		data, err := expr.Marshal(byte(table.Family), e)
		if err != nil || !holds(kernel[i].Data, data) {
			return false
		}
	}
	return true
}

// holds says whether the kernel has all that was asked of it. It adds attributes of its
// own and leaves out what is zero.
func holds(kernel, want []byte) bool {
	wanted, err := netlink.UnmarshalAttributes(want)
	if err != nil {
		return false
	}
	have, err := netlink.UnmarshalAttributes(kernel)
	if err != nil {
		return false
	}
	for _, a := range wanted {
		data := attribute(have, a.Type&^attributeFlags)
		switch {
		case a.Type&unix.NLA_F_NESTED != 0:
			if !holds(data, a.Data) {
				return false
			}
		case data == nil && len(bytes.Trim(a.Data, "\x00")) == 0:
		case !bytes.Equal(data, a.Data):
			return false
		}
	}
	return true
}
