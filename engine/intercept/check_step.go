package intercept

import (
	"encoding/binary"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"
)

// step is a rule of others, as far as it matters for the source of a packet.
type step struct {
	marks  []markTest   // all must hold
	from   netip.Prefix // the source must be in it; invalid: any
	open   bool         // there are conditions that may hold or not
	does   outcome
	target string // of jumps
}

type outcome uint8

const (
	goesOn outcome = iota
	translates
	jumps
	returns
	stops // the packet leaves the hook
)

// markTest is a condition on the mark of a packet.
type markTest struct {
	mask, value uint32
	not         bool
}

func (m markTest) holds(mark uint32) bool { return (mark&m.mask == m.value) != m.not }

// nftStep reads a rule of nft. Expressions that the library does not know are left out
// by it; the comparison that follows them is seen.
func nftStep(exprs []expr.Any) step {
	var s step
	for i, e := range exprs {
		switch e := e.(type) {
		case *expr.Meta, *expr.Payload, *expr.Bitwise, *expr.Immediate, *expr.Counter:
			// Without a comparison they are no condition.
		case *expr.Cmp:
			if m, ok := comparedMark(exprs[:i], e); ok {
				s.marks = append(s.marks, m)
			} else if !ofTCP(exprs[:i], e) {
				s.open = true
				if from, ok := comparedSource(exprs[:i], e); ok {
					s.from = from
				}
			}
		case *expr.Match:
			if m, ok := matchedMark(e); ok {
				s.marks = append(s.marks, m)
			} else if e.Name != "comment" {
				s.open = true
			}
		case *expr.Masq, *expr.NAT: // of a source: the kernel refuses others there
			s.does = translates
		case *expr.Target:
			if translators[e.Name] {
				s.does = translates
			}
		case *expr.Verdict:
			s.does, s.target = nftOutcome(e), e.Chain
		default:
			s.open = true
		}
	}
	return s
}

// translators are the targets of iptables that change the source in POSTROUTING.
var translators = map[string]bool{"MASQUERADE": true, "SNAT": true, "NETMAP": true}

func nftOutcome(v *expr.Verdict) outcome {
	switch v.Kind {
	case expr.VerdictJump, expr.VerdictGoto:
		return jumps
	case expr.VerdictReturn:
		return returns
	case expr.VerdictAccept, expr.VerdictDrop:
		return stops
	}
	return goesOn
}

// comparedMark is the test that a comparison makes if it is of the packet's mark, as
// what was loaded right before says.
func comparedMark(before []expr.Any, c *expr.Cmp) (markTest, bool) {
	m := markTest{mask: ^uint32(0), not: c.Op == expr.CmpOpNeq}
	n := len(before)
	if n > 0 {
		if b, ok := before[n-1].(*expr.Bitwise); ok && len(b.Mask) == 4 && len(b.Xor) == 4 && binary.NativeEndian.Uint32(b.Xor) == 0 {
			m.mask = binary.NativeEndian.Uint32(b.Mask)
			n--
		}
	}
	if n == 0 || len(c.Data) != 4 || c.Op != expr.CmpOpEq && c.Op != expr.CmpOpNeq {
		return m, false
	}
	load, ok := before[n-1].(*expr.Meta)
	m.value = binary.NativeEndian.Uint32(c.Data)
	return m, ok && load.Key == expr.MetaKeyMARK && !load.SourceRegister
}

// ofTCP says whether a comparison lets TCP through, which is all that weir sends.
func ofTCP(before []expr.Any, c *expr.Cmp) bool {
	if len(before) == 0 || c.Op != expr.CmpOpEq || len(c.Data) != 1 || c.Data[0] != unix.IPPROTO_TCP {
		return false
	}
	load, ok := before[len(before)-1].(*expr.Meta)
	return ok && load.Key == expr.MetaKeyL4PROTO
}

// matchedMark reads struct xt_mark_mtinfo1, of linux/netfilter/xt_mark.h.
func matchedMark(e *expr.Match) (markTest, bool) {
	info, ok := e.Info.(*xt.Unknown)
	if !ok || e.Name != "mark" || e.Rev != 1 || len(*info) < 9 {
		return markTest{}, false
	}
	b := *info
	return markTest{value: binary.NativeEndian.Uint32(b), mask: binary.NativeEndian.Uint32(b[4:]), not: b[8] != 0}, true
}

// remarks are those that iptables-save prints, which may look like anything.
var remarks = regexp.MustCompile(`-m comment --comment ("(\\.|[^"\\])*"|\S+)`)

// legacySteps reads what iptables-save prints of a table.
func legacySteps(saved string) map[string][]step {
	chains := map[string][]step{}
	for line := range strings.Lines(saved) {
		words := strings.Fields(remarks.ReplaceAllString(line, ""))
		if len(words) > 2 && words[0] == "-A" {
			chains[words[1]] = append(chains[words[1]], legacyStep(words[2:]))
		}
	}
	return chains
}

func legacyStep(words []string) step {
	var s step
	for i := 0; i < len(words); i++ {
		rest := words[i:]
		switch m, n := savedMark(rest); {
		case n > 0:
			s.marks = append(s.marks, m)
			i += n - 1
		case rest[0] == "!" && len(rest) > 2: // the next condition, and its value
			s.open = true
			i += 2
		case rest[0] == "-p" && len(rest) > 1 && rest[1] == "tcp":
			i++
		case rest[0] == "-s" && len(rest) > 1:
			s.from, _ = netip.ParsePrefix(rest[1])
			s.open = true
			i++
		case (rest[0] == "-j" || rest[0] == "-g") && len(rest) > 1:
			s.does, s.target = legacyOutcome(rest[1]), rest[1]
			return s // what follows are options of the target
		default:
			s.open = true
		}
	}
	return s
}

func legacyOutcome(target string) outcome {
	switch {
	case translators[target]:
		return translates
	case target == "ACCEPT" || target == "DROP":
		return stops
	case target == "RETURN":
		return returns
	case target == "MARK" || target == "CONNMARK" || target == "LOG":
		return goesOn
	}
	return jumps // of a target that is no chain there are no rules
}

// savedMark reads "-m mark [!] --mark VALUE[/MASK]" and says how many words it takes.
func savedMark(words []string) (m markTest, n int) {
	text := strings.Join(words[:min(len(words), 5)], " ")
	found := savedMarks.FindStringSubmatch(text)
	if found == nil {
		return m, 0
	}
	value, errValue := strconv.ParseUint(found[2], 0, 32)
	mask, errMask := uint64(1<<32-1), error(nil)
	if found[3] != "" {
		mask, errMask = strconv.ParseUint(found[3], 0, 32)
	}
	if errValue != nil || errMask != nil {
		return m, 0
	}
	return markTest{mask: uint32(mask), value: uint32(value), not: found[1] != ""}, len(strings.Fields(found[0]))
}

var savedMarks = regexp.MustCompile(`^-m mark (! )?--mark (\w+)(?:/(\w+))?(?: |$)`)
