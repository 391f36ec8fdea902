package intercept

import (
	"regexp"
	"slices"
	"strings"
)

// ownPrefix begins the names of our chains in the tables of iptables. Others may use it
// too: a chain is ours only if its whole name is one that we give.
const ownPrefix = "WEIR_"

// ownNames are the names that we give, as a regular expression of Go and of awk.
const ownNames = ownPrefix + `(PREROUTING|OUTPUT|DIVERT|[1-9][0-9]*(_LOCAL|_MARK)?)`

var ownName = regexp.MustCompile("^" + ownNames + "$")

func ownChain(name string) bool { return ownName.MatchString(name) }

// ownHooks are the chains of iptables that have jumps of ours.
var ownHooks = []string{"PREROUTING", "OUTPUT"}

// jumpLine enters our chain from that of a hook.
func jumpLine(hook string) string {
	return "-A " + hook + ` -m comment --comment "weir transparent" -j ` + ownPrefix + hook
}

// ownLine says whether a line of iptables-save adds a rule to a chain of ours, or is a
// jump that we made. What others wrote about our chains is theirs.
func ownLine(line string) bool {
	if rule, ok := strings.CutPrefix(line, "-A "); ok {
		name, _, _ := strings.Cut(rule, " ")
		return ownChain(name) || slices.Contains(ownHooks, name) && line == jumpLine(name)
	}
	return false
}

// ownLines picks out of what iptables-save prints what is ours: our chains, their
// rules, and the jumps to them. Counters are left out.
func ownLines(saved string) []string {
	var declared, rules []string
	for line := range strings.Lines(saved) {
		line = strings.TrimSpace(line)
		name, _, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(name, ":") && ownChain(name[1:]):
			declared = append(declared, name+" - [0:0]")
		case ownLine(line):
			rules = append(rules, line)
		}
	}
	return inOrder(append(declared, rules...))
}

// removal is a program of awk that turns what iptables-save prints of a table, whose
// name is %s, into what takes our chains out of it.
func removal() string {
	var jumps []string
	for _, hook := range ownHooks {
		jumps = append(jumps, "/^"+jumpLine(hook)+"$/")
	}
	return `awk 'BEGIN {print "*%s"}
` + strings.Join(jumps, " || ") + ` {sub(/^-A/, "-D"); print}
/^:` + ownNames + ` / {name = substr($1, 2); empty = empty "-F " name "\n"; gone = gone "-X " name "\n"}
END {printf "%%s%%sCOMMIT\n", empty, gone}'`
}
