package intercept

import (
	"slices"
	"testing"

	"weir/configs"
	"weir/engine/netnstest"
)

// backends are the programs that iptables may stand for, by the folder that puts them
// first in PATH.
var backends = []string{"nft", "legacy"}

// useBackend lets iptables and its like be those of a backend, for one test.
func useBackend(t *testing.T, backend string) {
	t.Helper()
	dir := t.TempDir()
	netnstest.Shell(t, `cd `+dir+`
for p in iptables ip6tables; do for s in "" -save -restore; do ln -s $(command -v $p-`+backend+`$s) $p$s; done; done`)
	t.Setenv("XTABLES_LOCKFILE", dir+"/lock") // the usual one is root's
	t.Setenv("PATH", dir+":"+netnstest.Shell(t, `printf %s "$PATH"`))
}

func tables(t *testing.T) string {
	t.Helper()
	return netnstest.Shell(t, `for p in iptables ip6tables; do for t in mangle nat; do $p-save -t $t | grep -v '^#' | sed 's/\[[0-9:]*\]//'; done; done
for f in -4 -6; do ip $f rule; ip $f route show table all; done`)
}

func TestIptables(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	for _, backend := range backends {
		t.Run(backend, func(t *testing.T) {
			netnstest.Enter(t)
			useBackend(t, backend)
			netnstest.Shell(t, `for p in iptables ip6tables; do $p -t nat -A OUTPUT -d 192.0.2.1 -j ACCEPT 2>/dev/null || $p -t nat -A OUTPUT -d fd99::1 -j ACCEPT; $p -t mangle -N OTHER; done`)
			before := tables(t)
			p := planOf(t, both)
			netnstest.Shell(t, Script(p, Iptables))
			printed := tables(t)
			netnstest.Shell(t, Script(p, Iptables))
			if again := tables(t); again != printed {
				t.Errorf("the script again: %s\nwant %s", again, printed)
			}
			for _, change := range up(t, p, Iptables) {
				if change.Verb != "kept" {
					t.Errorf("after the script: %v", change)
				}
			}
			down(t)
			if after := tables(t); after != before {
				t.Fatalf("after down: %s\nwant %s", after, before)
			}
			up(t, p, Iptables)
			if made := tables(t); made != printed {
				t.Errorf("up: %s\nthe script: %s", made, printed)
			}
			up(t, p, Nft)
			down(t)
			if after := tables(t); after != before {
				t.Errorf("after up with nft and down: %s\nwant %s", after, before)
			}
		})
	}
}

// What the other backend holds is removed too: connections would meet both.
func TestIptablesChangesBackend(t *testing.T) {
	netnstest.Require(t, "ip", "iptables", "ip6tables")
	for i, backend := range backends {
		t.Run("to "+backend, func(t *testing.T) {
			netnstest.Enter(t)
			p := planOf(t, both)
			useBackend(t, backends[1-i])
			up(t, p, Iptables)
			useBackend(t, backend)
			const want = 6 // two families, three tables
			if list, err := ownIptables(); err != nil || len(list) != want {
				t.Fatalf("before: %d tables, %v", len(list), err)
			}
			up(t, p, Iptables)
			list, err := ownIptables()
			if err != nil || len(list) != want {
				t.Errorf("%d tables, %v", len(list), err)
			}
			for _, h := range list {
				if h.backend() != map[string]string{"nft": nftBackend, "legacy": legacyBackend}[backend] {
					t.Errorf("%s, table %s is left", h.name, h.table)
				}
			}
		})
	}
}

// Whatever a plan makes is told from what others make.
func TestOwnLines(t *testing.T) {
	chains := planOf(t, both).chains()
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		for _, table := range xtablesTables {
			lines := iptablesLines(chains, f, table)
			saved := restoreScript(table, nil, lines)
			if own := ownLines(saved); len(lines) == 0 || !slices.Equal(own, lines) {
				t.Errorf("IPv%d, %s: %q\nwant %q", f, table, own, lines)
			}
		}
	}
}
