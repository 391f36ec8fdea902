package intercept

import (
	"fmt"
	"strings"

	"weir/configs"
)

// Script is what Up does, as commands of a shell. It replaces what it or Up has made
// with the same tool.
func Script(p *Plan, t Tool) string {
	var b strings.Builder
	for _, name := range []string{"ip", "ip -6"} {
		fmt.Fprintf(&b, "%s rule flush protocol %d\n%[1]s route flush table all protocol %[2]d\n", name, routingProtocol)
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

// command adds d.
func (d delivery) command() string {
	words := strings.Fields(d.String()) // ip [-6] rule|route ...
	n := 2
	if d.family == configs.IPv6 {
		n = 3
	}
	return fmt.Sprintf("%s add %s protocol %d", strings.Join(words[:n], " "), strings.Join(words[n:], " "), routingProtocol)
}

// removal is a program of awk that turns what iptables-save prints of a table into what
// takes our chains out of it.
const removal = `awk 'BEGIN {print "*%s"}
/^-A (PREROUTING|OUTPUT) .* ` + ownPrefix + `/ {sub(/^-A/, "-D"); print}
/^:` + ownPrefix + `/ {name = substr($1, 2); empty = empty "-F " name "\n"; gone = gone "-X " name "\n"}
END {printf "%%s%%sCOMMIT\n", empty, gone}'`

func iptablesScript(b *strings.Builder, chains []*chain) {
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		name := programs(f)[0].name
		for _, table := range xtablesTables {
			fmt.Fprintf(b, "%s-save -t %s | "+removal+" | %[1]s-restore -w --noflush\n", name, table, table)
			if lines := iptablesLines(chains, f, table); len(lines) > 0 {
				fmt.Fprintf(b, "%s-restore -w --noflush <<'EOF'\n%sEOF\n", name, restoreScript(table, nil, lines))
			}
		}
	}
}
