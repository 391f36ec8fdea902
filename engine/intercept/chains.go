package intercept

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"weir/configs"
)

// set is the chains of a plan while they are made.
type set struct {
	plan *Plan

	prerouting, output       *chain // mark and deliver
	natPrerouting, natOutput *chain // translate
	rawPrerouting, rawOutput *chain // before connections are tracked
	more                     []*chain
}

// chains compiles the plan. Chains that no rule is in are left out; those that are
// jumped to come before those that jump.
func (p *Plan) chains() []*chain {
	s := &set{
		plan:          p,
		prerouting:    &chain{name: "prerouting", short: "WEIR_PREROUTING", table: "mangle", base: &hook{"prerouting", "filter", "mangle"}},
		output:        &chain{name: "output", short: "WEIR_OUTPUT", table: "mangle", base: &hook{"output", "route", "mangle"}},
		natPrerouting: &chain{name: "nat_prerouting", short: "WEIR_PREROUTING", table: "nat", base: &hook{"prerouting", "nat", "dstnat"}},
		natOutput:     &chain{name: "nat_output", short: "WEIR_OUTPUT", table: "nat", base: &hook{"output", "nat", "-100"}},
		rawPrerouting: &chain{name: "raw_prerouting", short: "WEIR_PREROUTING", table: "raw", base: &hook{"prerouting", "filter", "raw"}},
		rawOutput:     &chain{name: "raw_output", short: "WEIR_OUTPUT", table: "raw", base: &hook{"output", "filter", "raw"}},
	}
	s.answers()
	s.apart()
	for i := range p.Leads {
		if l := &p.Leads[i]; len(l.Interfaces) > 0 {
			s.incoming(l)
		}
		if l := &p.Leads[i]; l.Local && l.Redirect {
			s.localRedirect(l)
		} else if l.Local {
			s.localTproxy(l)
		}
	}
	list := s.more
	for _, c := range []*chain{s.rawPrerouting, s.rawOutput, s.prerouting, s.output, s.natPrerouting, s.natOutput} {
		if len(c.rules) > 0 {
			list = append(list, c)
		}
	}
	return list
}

func (s *set) chain(name, short, table string, rules ...rule) *chain {
	c := &chain{name: name, short: short, table: table, rules: rules}
	s.more = append(s.more, c)
	return c
}

// answers holds back what is sent to the addresses of clients and servers, and is for the
// sockets here that use them: what endpoints answer to clients, and what the network has
// to say of packets to either.
func (s *set) answers() {
	for _, f := range s.plan.delivers() {
		// A packet of a stranger to another machine is found to be for a listener on every
		// address if it has its port.
		divert := s.chain(fmt.Sprintf("divert_v%d", f), "WEIR_DIVERT", "mangle",
			rule{family: f, when: ofWildcard, verdict: back},
			rule{family: f, verdict: take, set: s.plan.Mark},
		)
		if slices.Contains(s.plan.Return, f) {
			s.prerouting.rules = append(s.prerouting.rules, rule{family: f, when: ofTransparent, verdict: jump, target: divert})
		}
		s.prerouting.rules = append(s.prerouting.rules, rule{family: f, when: aboutTransparent, verdict: jump, target: divert})
	}
}

// zone is the zone of connection tracking in which weir's connections in the name of
// clients are.
const zone = 0x7765

// apart keeps weir's connections in the name of clients apart from the clients' own,
// where those are translated. Connection tracking knows a connection by its addresses and
// ports, and weir's may have those that one of the client's has, or is about to have: by
// chance, or with the client's port always. It would be taken for that, and led back to
// weir; or the client's would not be led to it.
func (s *set) apart() {
	if !slices.ContainsFunc(s.plan.Leads, func(l Lead) bool { return l.Redirect }) {
		return
	}
	for _, f := range s.plan.Return {
		s.rawPrerouting.rules = append(s.rawPrerouting.rules,
			rule{family: f, when: ofTransparent, verdict: apart, set: zone},
			rule{family: f, when: aboutTransparent, verdict: apart, set: zone})
		s.rawOutput.rules = append(s.rawOutput.rules, rule{family: f, when: ofForeign, verdict: apart, set: zone})
	}
}

// incoming leads what comes in by interfaces. All packets, not only those that open
// connections, go to tproxy: with SYN cookies nothing but the listener knows a
// connection before its third packet.
func (s *set) incoming(l *Lead) {
	from, end, when := s.prerouting, tproxyTo(l, s.plan.Mark), always
	if l.Redirect {
		from, end, when = s.natPrerouting, redirectTo(l), opens
	}
	c := s.lead(l, "", rule{when: toSelf, verdict: back}, end)
	for _, name := range l.Interfaces {
		from.enter(l, c, rule{in: name, when: when})
	}
}

// localRedirect leads connections of this machine by translating them.
func (s *set) localRedirect(l *Lead) {
	c := s.lead(l, "_local", leaveSelf(l), redirectTo(l))
	s.exempt(s.natOutput)
	s.natOutput.enter(l, c, rule{when: opens})
}

// localTproxy leads connections of this machine by marking them, so that they come in
// again by lo.
func (s *set) localTproxy(l *Lead) {
	out := s.lead(l, "_mark", leaveSelf(l), rule{verdict: mark, set: s.plan.Mark})
	if len(s.output.rules) == 0 {
		// What a server here answers may go to any port.
		s.output.rules = append(s.output.rules, rule{when: reply, verdict: back})
	}
	s.exempt(s.output)
	s.output.enter(l, out, rule{})
	in := s.lead(l, "_local", rule{}, tproxyTo(l, s.plan.Mark))
	s.prerouting.enter(l, in, rule{in: "lo", mark: s.plan.Mark})
}

// exempt keeps weir's own connections out of c, once.
func (s *set) exempt(c *chain) {
	for _, r := range c.rules {
		if r.mark != 0 {
			return
		}
	}
	for _, m := range s.plan.Exempt {
		c.rules = append(c.rules, rule{mark: m, verdict: back})
	}
}

// lead makes a chain that ends with the rule end for the destinations of l. Packets for
// which one of leave holds, and the exceptions, go back.
func (s *set) lead(l *Lead, suffix string, leave, end rule) *chain {
	name := fmt.Sprintf("to_%s_v%d%s", l.Listener, l.Family, suffix)
	table := "mangle"
	if l.Redirect {
		table = "nat"
	}
	c := s.chain(name, fmt.Sprintf("WEIR_%d%s", l.Number, strings.ToUpper(suffix)), table)
	if leave.when != always {
		c.rules = append(c.rules, leave)
	}
	for _, p := range l.Except {
		c.rules = append(c.rules, rule{verdict: back}.to(l.Family, p))
	}
	for _, p := range l.Destinations {
		c.rules = append(c.rules, end.to(l.Family, p))
	}
	if l.Destinations == nil {
		c.rules = append(c.rules, end.to(l.Family, netip.Prefix{}))
	}
	return c
}

// to is r for destinations in p. Those in a prefix of no bits are all of the family.
func (r rule) to(f configs.Family, p netip.Prefix) rule {
	r.family = f
	if p.Bits() > 0 {
		r.dst = p
	}
	return r
}

// enter jumps to c for each range of ports, if r holds.
func (from *chain) enter(l *Lead, c *chain, r rule) {
	r.family, r.verdict, r.target = l.Family, jump, c
	for _, r.ports = range l.Ports {
		from.rules = append(from.rules, r)
	}
}

// leaveSelf leaves connections within this machine alone unless they are named.
func leaveSelf(l *Lead) rule {
	if l.Destinations != nil {
		return rule{}
	}
	return rule{when: toSelf, verdict: back}
}

func tproxyTo(l *Lead, mark uint32) rule { return rule{verdict: tproxy, lead: l.To, set: mark} }

func redirectTo(l *Lead) rule { return rule{verdict: redirect, lead: l.To} }
