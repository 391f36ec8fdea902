package intercept

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
)

var table = &nftables.Table{Name: tableName, Family: nftables.TableFamilyINet}

var hooks = map[string]*nftables.ChainHook{"prerouting": nftables.ChainHookPrerouting, "output": nftables.ChainHookOutput}

var priorities = map[string]*nftables.ChainPriority{
	"raw":    nftables.ChainPriorityRaw,
	"mangle": nftables.ChainPriorityMangle,
	"dstnat": nftables.ChainPriorityNATDest,
	"-100":   nftables.ChainPriorityNATDest, // which in output has no name
}

// nftConn talks to the packet filter of the network namespace.
func nftConn() (*nftables.Conn, error) {
	// The kernel answers each message of a transaction, and does so before the first
	// answer is read.
	const room = 16 << 20
	return nftables.New(nftables.WithSockOptions(func(c *netlink.Conn) error {
		if err := c.SetWriteBuffer(room); err != nil {
			return err
		}
		return c.SetReadBuffer(room)
	}))
}

// nftTable says whether there is a table of ours. The error is one of permissions if
// the process has no CAP_NET_ADMIN in this namespace.
func nftTable() (bool, error) {
	c, err := nftConn()
	if err != nil {
		return false, err
	}
	tables, err := c.ListTablesOfFamily(table.Family)
	if errors.Is(err, syscall.EPROTONOSUPPORT) || errors.Is(err, syscall.EINVAL) {
		return false, nil // a kernel without nf_tables has no table either
	}
	if err != nil {
		return false, fmt.Errorf("nftables: %w", err)
	}
	return slices.ContainsFunc(tables, func(t *nftables.Table) bool { return t.Name == table.Name }), nil
}

// nftReplace puts chains in place of whatever table of ours there is, in one
// transaction. Without chains, and without such a table, it does nothing.
func nftReplace(chains []*chain) error {
	c, err := nftConn()
	if err != nil {
		return err
	}
	c.AddTable(table) // so that there is one to delete
	c.DelTable(table)
	if len(chains) > 0 {
		c.AddTable(table)
	}
	for _, from := range chains {
		made := c.AddChain(nftChain(from))
		for _, r := range from.rules {
			for _, exprs := range r.exprs() {
				c.AddRule(&nftables.Rule{Table: table, Chain: made, Exprs: exprs})
			}
		}
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	return nil
}

func nftChain(c *chain) *nftables.Chain {
	n := &nftables.Chain{Name: c.name, Table: table}
	if h := c.base; h != nil {
		accept := nftables.ChainPolicyAccept
		n.Type, n.Hooknum, n.Priority, n.Policy = nftables.ChainType(h.typ), hooks[h.point], priorities[h.priority], &accept
	}
	return n
}
