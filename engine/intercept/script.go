package intercept

import (
	"fmt"
	"strings"

	"weir/configs"
)

// Script is what Up does, as commands of a shell. It replaces what it or Up has made
// with the same tool. It ends at the first command that fails, but for those that remove:
// what they are for may not be there, nor the program. By then there may be ip rules and
// routes, and nothing that marks packets for them.
func Script(p *Plan, t Tool) string {
	var b strings.Builder
	b.WriteString("set -e\n")
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		fmt.Fprintf(&b, deliveryRemoval, f, routingProtocol, everywhere(f))
	}
	for _, d := range p.deliveries() {
		fmt.Fprintln(&b, d.command())
	}
	if t == Iptables {
		iptablesScript(&b, p.chains())
	} else {
		fmt.Fprintf(&b, "nft -f - <<'EOF'\n%sEOF\n", nftScript(p.chains()))
	}
	return b.String()
}

// deliveryRemoval takes away what ownDeliveries finds in a family, and no other rules
// and routes with that protocol.
const deliveryRemoval = `ip -%d -N rule show |
awk '/^[0-9]+:\tfrom all fwmark 0x[0-9a-f]+ lookup [0-9]+ proto %d *$/ {print "rule del fwmark", $5, "lookup", $7, "priority", $1 + 0, "protocol %[2]d"}' |
ip -%[1]d -batch - || true
ip -%[1]d route flush table all type local dev lo protocol %[2]d exact %[3]s || true
`

// command adds d.
func (d delivery) command() string {
	words := strings.Fields(d.String()) // ip [-6] rule|route ...
	n := 2
	if d.family == configs.IPv6 {
		n = 3
	}
	return fmt.Sprintf("%s add %s protocol %d", strings.Join(words[:n], " "), strings.Join(words[n:], " "), routingProtocol)
}

func iptablesScript(b *strings.Builder, chains []*chain) {
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		name := programs(f)[0].name
		for _, table := range xtablesTables {
			fmt.Fprintf(b, "%s-save -t %s | "+removal()+" | %[1]s-restore -w --noflush || true\n", name, table, table)
			if lines := iptablesLines(chains, f, table); len(lines) > 0 {
				fmt.Fprintf(b, "%s-restore -w --noflush <<'EOF'\n%sEOF\n", name, restoreScript(table, nil, lines))
			}
		}
	}
}
