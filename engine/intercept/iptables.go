package intercept

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/google/nftables"

	"weir/configs"
)

// xtables is a pair of programs that read and write the rules of one family.
type xtables struct {
	family configs.Family
	name   string // "iptables", "ip6tables-legacy": the programs are name-save and name-restore
}

// programs of a family, in the order of preference. The first is whichever backend the
// machine is set up for.
func programs(f configs.Family) []xtables {
	base := "iptables"
	if f == configs.IPv6 {
		base = "ip6tables"
	}
	return []xtables{{f, base}, {f, base + "-nft"}, {f, base + "-legacy"}}
}

// own are our lines in a table.
func (x xtables) own(table string) ([]string, error) {
	saved, err := x.run("-save", "", "-t", table)
	return ownLines(saved), err
}

// replace makes new of old in a table.
func (x xtables) replace(table string, old, new []string) error {
	_, err := x.run("-restore", restoreScript(table, old, new), "-w", "--noflush")
	return err
}

// run runs one of the programs. Its complaint is part of the error.
func (x xtables) run(suffix, stdin string, args ...string) (string, error) {
	cmd := exec.Command(x.name+suffix, args...)
	var out, complaint strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &complaint
	cmd.SysProcAttr = inherit()
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%s%s is not installed; install iptables, or use --tool nft", x.name, suffix)
	}
	if err != nil {
		return "", fmt.Errorf("%s%s: %w: %s", x.name, suffix, err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}

// iptables makes the rules of p, a family and table at a time.
func (j *journal) iptables(p *Plan) error {
	chains := p.chains()
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		x := programs(f)[0]
		for _, table := range xtablesTables {
			lines := iptablesLines(chains, f, table)
			if len(lines) == 0 {
				continue
			}
			old, err := x.own(table)
			if err != nil {
				return err
			}
			what := fmt.Sprintf("%s chains %s* in table %s", x.name, ownPrefix, table)
			if slices.Equal(old, lines) {
				j.did("kept", what)
				continue
			}
			if err := x.replace(table, old, lines); err != nil {
				return err
			}
			j.undo = append(j.undo, func() error { return x.replace(table, lines, old) })
			j.did("made", what)
		}
	}
	return nil
}

// removeIptables removes our chains but those that keep names.
func (j *journal) removeIptables(keep func(x xtables, table string) bool) error {
	all, err := ownIptables()
	errs := []error{err}
	for _, h := range all {
		if keep(h.xtables, h.table) {
			continue
		}
		if err := h.replace(h.table, h.lines, nil); err != nil {
			errs = append(errs, err)
			continue
		}
		j.did("removed", fmt.Sprintf("%s chains %s* in table %s", h.name, ownPrefix, h.table))
	}
	return errors.Join(errs...)
}

// made names what iptables has made for p: with one backend, where p has rules.
func (p *Plan) made() func(x xtables, table string) bool {
	chains := p.chains()
	return func(x xtables, table string) bool {
		return len(iptablesLines(chains, x.family, table)) > 0 && programs(x.family)[0].backend() == x.backend()
	}
}

// held are our lines in a table of iptables.
type held struct {
	xtables
	table string
	lines []string
}

// ownIptables are all our lines, of both backends. What it could read stands beside an
// error too.
func ownIptables() ([]held, error) {
	var list []held
	var errs []error
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		for _, table := range xtablesTables {
			for _, x := range holders(f, table) {
				lines, err := x.own(table)
				if len(lines) > 0 {
					list = append(list, held{x, table, lines})
				}
				errs = append(errs, err)
			}
		}
	}
	return list, errors.Join(errs...)
}

// holders are the programs through which rules of ours in that table may be seen, one
// for each backend that has the table. None is run where no table is: to look would make
// one.
func holders(f configs.Family, table string) []xtables {
	var list []xtables
	if nftHolds(f, table) {
		list = append(list, programOf(f, nftBackend)...)
	}
	if legacyHolds(f, table) {
		list = append(list, programOf(f, legacyBackend)...)
	}
	return list
}

// programOf is a program with that backend. None: weir did not make what the backend
// holds.
func programOf(f configs.Family, backend string) []xtables {
	for _, x := range programs(f) {
		if x.backend() == backend {
			return []xtables{x}
		}
	}
	return nil
}

// The backends, as the programs call them since 1.8.
const (
	nftBackend    = "nf_tables"
	legacyBackend = "legacy"
)

// backend is that of the program; "" if it is not installed.
func (x xtables) backend() string {
	version, err := x.run("-restore", "", "--version") // "iptables-restore v1.8.9 (nf_tables)"
	switch {
	case err != nil:
		return ""
	case strings.Contains(version, nftBackend):
		return nftBackend
	}
	return legacyBackend // before 1.8 there was no other, and it was not named
}

// nftHolds says whether the nft backend has a chain of ours.
func nftHolds(f configs.Family, table string) bool {
	c, err := nftConn()
	if err != nil {
		return false
	}
	family := nftables.TableFamilyIPv4
	if f == configs.IPv6 {
		family = nftables.TableFamilyIPv6
	}
	chains, err := c.ListChainsOfTableFamily(family)
	return err == nil && slices.ContainsFunc(chains, func(ch *nftables.Chain) bool {
		return ch.Table.Name == table && ownChain(ch.Name)
	})
}

// legacyHolds says whether the legacy backend has the table.
func legacyHolds(f configs.Family, table string) bool {
	file := "/proc/thread-self/net/ip_tables_names"
	if f == configs.IPv6 {
		file = "/proc/thread-self/net/ip6_tables_names"
	}
	names, err := os.ReadFile(file) // absent if nothing ever used it
	return err == nil && slices.Contains(strings.Fields(string(names)), table)
}
