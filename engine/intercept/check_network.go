package intercept

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/configs"
)

// otherNetworks are the networks on links that no client comes by, like those of
// containers. Without intercepts it is not known where clients are.
func (c *checkup) otherNetworks() []netip.Prefix {
	var clients []string
	for i := range c.plan.Leads {
		clients = append(clients, c.plan.Leads[i].Interfaces...)
	}
	if len(clients) == 0 {
		return nil
	}
	links, err := netlink.LinkList()
	if err != nil {
		c.failed("interfaces", err)
	}
	var list []netip.Prefix
	for _, f := range c.plan.Return {
		connected, err := routes(f, unix.RT_TABLE_MAIN)
		if err != nil {
			c.failed("networks", err)
		}
		for _, r := range connected {
			there := func(l netlink.Link) bool {
				return l.Attrs().Index == r.LinkIndex && !slices.Contains(clients, l.Attrs().Name)
			}
			if r.Gw == nil && r.Type == unix.RTN_UNICAST && prefixBits(r.Dst) > 0 && slices.ContainsFunc(links, there) {
				ip, _ := netip.AddrFromSlice(r.Dst.IP)
				list = append(list, netip.PrefixFrom(ip.Unmap(), prefixBits(r.Dst)))
			}
		}
	}
	return list
}

// within says whether a valid p is part of one of list.
func within(p netip.Prefix, list []netip.Prefix) bool {
	return p.IsValid() && slices.ContainsFunc(list, func(n netip.Prefix) bool { return n.Bits() <= p.Bits() && n.Contains(p.Addr()) })
}

// comparedSource is the prefix with which a comparison wants the source of a packet to
// begin, if it is that. nft loads no more bytes than it compares.
func comparedSource(before []expr.Any, c *expr.Cmp) (netip.Prefix, bool) {
	n, mask := len(before), bytes.Repeat([]byte{0xff}, len(c.Data))
	if n > 0 {
		if b, ok := before[n-1].(*expr.Bitwise); ok && len(b.Mask) == len(mask) {
			n, mask = n-1, b.Mask
		}
	}
	if n == 0 || c.Op != expr.CmpOpEq {
		return netip.Prefix{}, false
	}
	load, ok := before[n-1].(*expr.Payload)
	if !ok || load.OperationType != expr.PayloadLoad || load.Base != expr.PayloadBaseNetworkHeader || int(load.Len) != len(c.Data) {
		return netip.Prefix{}, false
	}
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		if h := sources[f]; load.Offset == h.offset && len(c.Data) <= h.bytes {
			ip, _ := netip.AddrFromSlice(append(slices.Clone(c.Data), make([]byte, h.bytes-len(c.Data))...))
			p := netip.PrefixFrom(ip, leadingBits(mask))
			return p.Masked(), true
		}
	}
	return netip.Prefix{}, false
}

// sources are where the source is in the headers: RFC 791 3.1 and RFC 8200 3.
var sources = map[configs.Family]struct {
	offset uint32
	bytes  int
}{configs.IPv4: {12, 4}, configs.IPv6: {8, 16}}

// leadingBits counts the bits before the first that is not set.
func leadingBits(mask []byte) int {
	n := 0
	for _, b := range mask {
		for bit := byte(0x80); bit > 0; bit >>= 1 {
			if b&bit == 0 {
				return n
			}
			n++
		}
	}
	return n
}
