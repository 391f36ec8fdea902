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
func (u *upper) iptables(p *Plan) error {
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
				u.did("kept", what)
				continue
			}
			if err := x.replace(table, old, lines); err != nil {
				return err
			}
			u.undo = append(u.undo, func() error { return x.replace(table, lines, old) })
			u.did("made", what)
		}
	}
	return nil
}

// removeIptables removes our chains, with the exception of those for which keep holds.
func (u *upper) removeIptables() error {
	var errs []error
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		for _, table := range xtablesTables {
			for _, x := range holders(f, table) {
				old, err := x.own(table)
				if err == nil && len(old) > 0 {
					if err = x.replace(table, old, nil); err == nil {
						u.did("removed", fmt.Sprintf("%s chains %s* in table %s", x.name, ownPrefix, table))
					}
				}
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// holders are the programs through which rules of ours in that table may be seen, one
// for each backend that has the table. None is run where no table is: to look would make
// one.
func holders(f configs.Family, table string) []xtables {
	var list []xtables
	if nftHolds(f, table) {
		list = append(list, backend(f, "nf_tables", "-nft")...)
	}
	if legacyHolds(f, table) {
		list = append(list, backend(f, "legacy", "-legacy")...)
	}
	return list
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
		return ch.Table.Name == table && strings.HasPrefix(ch.Name, ownPrefix)
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

// backend is the program of a backend: the one that says so in its name, or else the
// plain one if it is of that backend. None: what that backend holds was not made by us.
func backend(f configs.Family, called, suffix string) []xtables {
	for _, x := range programs(f) {
		if strings.HasSuffix(x.name, suffix) {
			if _, err := exec.LookPath(x.name + "-restore"); err == nil {
				return []xtables{x}
			}
		}
	}
	plain := programs(f)[0]
	if v, err := plain.run("-restore", "", "--version"); err == nil && strings.Contains(v, called) {
		return []xtables{plain}
	}
	return nil
}
