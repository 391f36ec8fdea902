package intercept

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/configs"
)

// routingProtocol marks ip rules and routes as weir's own: "w". rtnetlink(7) leaves
// numbers above 4 to whoever installs routes; none of those that iproute2 names has it.
const routingProtocol = 'w'

// loopback is the index of lo, which every network namespace has from its beginning.
const loopback = 1

// delivery is one ip rule or one route of ours.
type delivery struct {
	family configs.Family
	rule   *netlink.Rule // or
	route  *netlink.Route
}

// deliveries are the routes and ip rules of the plan, a route before the rule that
// leads to it.
func (p *Plan) deliveries() []delivery {
	var list []delivery
	for _, f := range p.delivers() {
		list = append(list, delivery{family: f, route: p.route(f)}, delivery{family: f, rule: p.rule(f)})
	}
	return list
}

// route delivers to this machine whatever its table is asked for.
func (p *Plan) route(f configs.Family) *netlink.Route {
	return &netlink.Route{
		Family: netlinkFamily(f), Dst: everywhere(f), LinkIndex: loopback, Table: p.Table,
		Type: unix.RTN_LOCAL, Scope: scope(f), Protocol: routingProtocol,
	}
}

// everywhere is the prefix that holds every address of a family.
func everywhere(f configs.Family) *net.IPNet {
	if f == configs.IPv6 {
		return &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
	}
	return &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
}

// scope is that of a route to this machine. IPv6 has no scopes.
func scope(f configs.Family) netlink.Scope {
	if f == configs.IPv4 {
		return unix.RT_SCOPE_HOST
	}
	return unix.RT_SCOPE_UNIVERSE
}

// rule asks that table for packets with the mark.
func (p *Plan) rule(f configs.Family) *netlink.Rule {
	r := netlink.NewRule()
	r.Family, r.Mark, r.Table, r.Priority, r.Protocol = netlinkFamily(f), p.Mark, p.Table, p.Priority, routingProtocol
	return r
}

// add makes d. Whoever has made the same keeps it: then added is false.
func (d delivery) add() (added bool, err error) {
	if d.rule != nil {
		err = netlink.RuleAdd(d.rule)
	} else {
		err = netlink.RouteAdd(d.route)
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, syscall.EEXIST) && d.route != nil:
		return false, d.sameRoute()
	case errors.Is(err, syscall.EEXIST):
		return false, nil
	case errors.Is(err, syscall.ENETDOWN):
		return false, fmt.Errorf("%v: lo is down; run: ip link set lo up", d)
	case d.family == configs.IPv6 && (errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENODEV)):
		return false, fmt.Errorf("%v: %w: IPv6 is switched off here; give listeners IPv4 addresses, like \"0.0.0.0:PORT\"", d, err)
	}
	return false, fmt.Errorf("%v: %w", d, err)
}

func (d delivery) remove() error {
	var err error
	if d.rule != nil {
		err = netlink.RuleDel(d.rule)
	} else {
		err = netlink.RouteDel(d.route)
	}
	if err != nil {
		return fmt.Errorf("%v: %w", d, err)
	}
	return nil
}

// sameRoute looks at the route that is in the way: one that delivers here as well
// serves as well.
func (d delivery) sameRoute() error {
	list, err := routes(d.family, d.route.Table)
	if err != nil {
		return err
	}
	for _, r := range list {
		if prefixBits(r.Dst) == 0 && (r.Type != unix.RTN_LOCAL || r.LinkIndex != loopback) {
			return fmt.Errorf("routing table %d has a default route of its own; name another as transparent.table", d.route.Table)
		}
	}
	return nil
}

// String is d as iproute2 writes it after "ip" or "ip -6".
func (d delivery) String() string {
	name := "ip"
	if d.family == configs.IPv6 {
		name = "ip -6"
	}
	if d.rule != nil {
		return fmt.Sprintf("%s rule fwmark %#x lookup %d priority %d", name, d.rule.Mark, d.rule.Table, d.rule.Priority)
	}
	return fmt.Sprintf("%s route local default dev lo table %d", name, d.route.Table)
}

// same says whether both are one and the same in the kernel, whoever made them.
func (d delivery) same(e delivery) bool {
	if d.family != e.family || (d.rule == nil) != (e.rule == nil) {
		return false
	}
	if d.rule != nil {
		return d.String() == e.String() && plain(d.rule) && plain(e.rule)
	}
	return d.route.Table == e.route.Table && d.route.Type == e.route.Type && d.route.LinkIndex == e.route.LinkIndex
}

// plain says whether r sends what has its mark, of which every bit counts, to its table,
// and has no condition or exception beside.
func plain(r *netlink.Rule) bool {
	return onlyMark(r) && (r.Mask == nil || *r.Mask == 0xffffffff) && r.SuppressPrefixlen < 0 && r.SuppressIfgroup < 0 && r.TunID == 0
}

// onlyMark says whether r has no condition but its mark.
func onlyMark(r *netlink.Rule) bool {
	return r.Src == nil && r.Dst == nil && r.IifName == "" && r.OifName == "" && !r.Invert &&
		r.IPProto == 0 && r.Sport == nil && r.Dport == nil && r.UIDRange == nil && r.Tos == 0
}

// own says whether d is what some plan asks for: others may use weir's protocol, which
// nobody assigns, for rules and routes of another shape.
func (d delivery) own() bool {
	if d.rule != nil {
		return d.rule.Protocol == routingProtocol && d.rule.Mark != 0 && d.rule.Table != unix.RT_TABLE_UNSPEC && plain(d.rule)
	}
	return d.route.Protocol == routingProtocol && d.route.Type == unix.RTN_LOCAL && d.route.LinkIndex == loopback && prefixBits(d.route.Dst) == 0
}

// ownDeliveries are all ip rules and routes that are weir's own, a rule before the
// routes.
func ownDeliveries() ([]delivery, error) {
	var own []delivery
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		rules, err := netlink.RuleList(netlinkFamily(f))
		if err != nil && !errors.Is(err, syscall.EAFNOSUPPORT) {
			return nil, fmt.Errorf("ip rules: %w", err)
		}
		for _, r := range rules {
			if d := (delivery{family: f, rule: &r}); d.own() {
				own = append(own, d)
			}
		}
	}
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		list, err := routes(f, unix.RT_TABLE_UNSPEC)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			if d := (delivery{family: f, route: &r}); d.own() {
				own = append(own, d)
			}
		}
	}
	return own, nil
}

// routes are those of a table, or of all.
func routes(f configs.Family, table int) ([]netlink.Route, error) {
	list, err := netlink.RouteListFiltered(netlinkFamily(f), &netlink.Route{Table: table}, netlink.RT_FILTER_TABLE)
	if err != nil && !errors.Is(err, syscall.EAFNOSUPPORT) {
		return nil, fmt.Errorf("routes: %w", err)
	}
	return list, nil
}

func netlinkFamily(f configs.Family) int {
	if f == configs.IPv6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}
