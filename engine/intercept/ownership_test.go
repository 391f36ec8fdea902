package intercept

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/engine/netnstest"
)

const redirected = `
[transparent]
mark = 7
table = 77
priority = 777
[listeners.edge]
address = "0.0.0.0:15001"
transparent = "redirect"
intercept = { interfaces = ["rc"], ports = ["80"] }
[[routes]]
respond = {}
`

// What others made stays, also if it is the same as what up makes.
func TestDownLeavesWhatOthersMade(t *testing.T) {
	netnstest.Require(t, "ip", "nft")
	netnstest.Enter(t)
	netnstest.Shell(t, `
for f in -4 -6; do
  ip $f rule add fwmark 0x7765 lookup 30565 priority 7765
  ip $f rule add fwmark 0x7765 lookup 9 priority 7765
  ip $f route add local default dev lo table 30565
  ip $f route add local default dev lo table 9
done
nft add table inet weird; nft add table ip weir; nft add chain ip weir prerouting`)
	before := kernel(t)
	up(t, planOf(t, both), Nft)
	down(t)
	if after := kernel(t); after != before {
		t.Errorf("after down: %s\nwant %s", after, before)
	}
}

// lookAlikes are rules and routes with weir's routing protocol, each of another shape
// than those of weir.
const lookAlikes = `
ip link add v0 type veth peer name v1; ip link set v0 up
ip route add 203.0.113.0/24 dev lo protocol 119
ip route add local 203.0.113.0/24 dev lo table 77 protocol 119
ip -6 route add 2001:db8::/32 dev lo protocol 119
ip -6 route add local 2001:db8::/32 dev lo table 77 protocol 119
for f in -4 -6; do
  ip $f route add default dev v0 table 78 protocol 119
  ip $f route add local default dev v0 table 79 protocol 119
  ip $f route add unreachable default table 80 protocol 119
  ip $f rule add lookup 9 priority 1 protocol 119
  ip $f rule add fwmark 7/0xff lookup 9 priority 2 protocol 119
  ip $f rule add fwmark 7 iif lo lookup 9 priority 3 protocol 119
  ip $f rule add not fwmark 7 lookup 9 priority 4 protocol 119
  ip $f rule add fwmark 7 lookup 9 suppress_prefixlength 0 priority 5 protocol 119
  ip $f rule add fwmark 7 lookup 9 suppress_ifgroup 7 priority 6 protocol 119
  ip $f rule add fwmark 7 goto 32766 priority 7 protocol 119
  ip $f rule add fwmark 7 blackhole priority 8 protocol 119
  ip $f rule add fwmark 7 ipproto tcp lookup 9 priority 10 protocol 119
  ip $f rule add fwmark 7 lookup 9 priority 11 protocol 120
done
for p in iptables ip6tables; do
  $p -A FORWARD -m comment --comment "see WEIR_HOWTO" -j ACCEPT
  $p -t mangle -A PREROUTING -m comment --comment "mine, before WEIR_PREROUTING" -j ACCEPT
  $p -t mangle -N WEIR_WATER; $p -t mangle -A WEIR_WATER -j RETURN; $p -t mangle -A OUTPUT -j WEIR_WATER
  $p -t nat -N WEIR_1_LOCALS; $p -t nat -N WEIR_01; $p -t nat -N MY_WEIR_1
  $p -t nat -A PREROUTING -m comment --comment "weir transparent" -j WEIR_01
done`

func TestLookAlikesStay(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	p := planOf(t, both)
	for _, tool := range []Tool{Nft, Iptables} {
		for name, make := range map[string]func(t *testing.T){
			"up":     func(t *testing.T) { up(t, p, tool) },
			"script": func(t *testing.T) { netnstest.Shell(t, Script(p, tool)); netnstest.Shell(t, Script(p, tool)) },
		} {
			t.Run(string(tool)+" "+name, func(t *testing.T) {
				netnstest.Enter(t)
				useBackend(t, "nft")
				netnstest.Shell(t, lookAlikes)
				before := everything(t)
				make(t)
				if everything(t) == before {
					t.Error("nothing was made")
				}
				for _, change := range down(t) {
					if change.Verb != "removed" {
						t.Error(change)
					}
				}
				if after := everything(t); after != before {
					t.Errorf("after down: %s\nwant %s", after, before)
				}
			})
		}
	}
}

// everything is the kernel with what iptables made, whose backend leaves empty tables.
func everything(t *testing.T) string {
	t.Helper()
	return tables(t) + netnstest.Shell(t, "iptables-save -t filter | grep HOWTO; ip6tables-save -t filter | grep HOWTO; nft list tables | grep weir || true")
}

// After a change of the file nothing is left of what it asked for before.
func TestUpAfterAChange(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	first, second := planOf(t, both), planOf(t, strings.Replace(redirected, `"redirect"`, `"tproxy"`, 1))
	for _, tool := range []Tool{Nft, Iptables} {
		for _, before := range []Tool{Nft, Iptables} {
			t.Run(fmt.Sprintf("%s after %s", tool, before), func(t *testing.T) {
				netnstest.Enter(t)
				up(t, second, tool)
				want := ours(t)
				down(t)
				up(t, first, before)
				up(t, second, tool)
				if got := ours(t); got != want {
					t.Errorf("%s\nwant %s", got, want)
				}
			})
		}
	}
}

// ours leaves out the empty chains of iptables, which its nft backend keeps.
func ours(t *testing.T) string {
	t.Helper()
	return netnstest.Shell(t, `
nft list tables | grep weir || true
nft list table inet weir 2>/dev/null || true
for p in iptables ip6tables; do $p-save | grep WEIR || true; done
for f in -4 -6; do ip $f rule; ip $f route show table all; done`)
}

// Down in a process that knows nothing of the one that made the rules.
func TestDownAfterACrash(t *testing.T) {
	netnstest.Require(t, "ip", "nft")
	netnstest.Enter(t)
	before := kernel(t)
	up(t, planOf(t, both), Nft)
	child := exec.Command(os.Args[0], "-test.run=^TestOnlyDown$", "-test.count=1")
	child.Env = append(os.Environ(), "WEIR_NETNS=inside", "WEIR_ONLY_DOWN=1")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if after := kernel(t); after != before {
		t.Errorf("after down: %s\nwant %s", after, before)
	}
}

// TestOnlyDown is the process of TestDownAfterACrash, and nothing without it.
func TestOnlyDown(t *testing.T) {
	if os.Getenv("WEIR_ONLY_DOWN") != "" {
		down(t)
	}
}

func TestNoCapability(t *testing.T) {
	netnstest.Require(t, "ip", "nft")
	netnstest.Enter(t)
	p := planOf(t, both)
	for _, tool := range []Tool{Nft, Iptables} {
		before := kernel(t)
		netnstest.Unprivileged(t, func() {
			if done, err := Up(p, tool); !errors.Is(err, ErrCapability) || len(done) > 0 {
				t.Errorf("up: %v, %v", done, err)
			}
		})
		if after := kernel(t); after != before {
			t.Errorf("up has changed %s\nto %s", before, after)
		}
	}
	up(t, p, Nft)
	before := kernel(t)
	netnstest.Unprivileged(t, func() {
		if done, err := Down(); !errors.Is(err, ErrCapability) || len(done) > 0 {
			t.Errorf("down: %v, %v", done, err)
		}
		var missing, hidden bool
		for _, f := range Check(p, fixes) {
			missing = missing || f.Level == Bad && f.Fix == fixes.Setcap
			hidden = hidden || f.Level == Bad && strings.Contains(f.What, "cannot be seen without CAP_NET_ADMIN")
		}
		if !missing || !hidden {
			t.Errorf("check: %v", Check(p, fixes))
		}
	})
	if after := kernel(t); after != before {
		t.Errorf("down has changed %s\nto %s", before, after)
	}
}

// An error in the middle leaves everything as it was.
func TestUpTakesBack(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	broken := func(t *testing.T) { brokenTool(t, "ip6tables-restore") }
	tests := []struct {
		name  string
		tool  Tool
		first string // what is up before
		spoil func(t *testing.T)
		want  string
	}{
		{"lo is down", Nft, "", func(t *testing.T) { netnstest.Shell(t, "ip link set lo down") }, "run: ip link set lo up; what was made before that is removed again"},
		{"IPv6 is off", Nft, "", func(t *testing.T) { netnstest.Sysctl(t, "ipv6/conf/all/disable_ipv6", "1") }, "IPv6 is switched off here"},
		{"table is in use", Nft, "", func(t *testing.T) { netnstest.Shell(t, "ip -6 route add unreachable default table 30565 metric 1024") },
			"routing table 30565 has a default route of its own; name another as transparent.table; what was made before that is removed again"},
		{"no ip6tables", Iptables, "", broken, "broken; what was made before that is removed again"},
		{"no ip6tables, rules before", Iptables, redirected, broken, "broken; what was made before that is removed again"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			netnstest.Enter(t)
			if tt.first != "" {
				up(t, planOf(t, tt.first), tt.tool)
			}
			tt.spoil(t)
			before := ours(t)
			done, err := Up(planOf(t, both), tt.tool)
			if err == nil || !strings.Contains(err.Error(), tt.want) || len(done) > 0 {
				t.Errorf("%v, %v", done, err)
			}
			if after := ours(t); after != before {
				t.Errorf("%s\nwant %s", after, before)
			}
		})
	}
}

// brokenTool has a program fail, for one test.
func brokenTool(t *testing.T, name string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho broken >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// The kernel answers each rule of a transaction before the first answer is read.
func TestManyRules(t *testing.T) {
	netnstest.Require(t, "ip", "nft")
	netnstest.Enter(t)
	var to strings.Builder
	for i := range 1024 {
		fmt.Fprintf(&to, "%q, ", fmt.Sprintf("10.%d.%d.0/24", i/256, i%256))
	}
	p := planOf(t, strings.Replace(redirected, `ports = ["80"]`, `ports = ["80"], to = [`+to.String()+`]`, 1))
	up(t, p, Nft)
	for _, f := range problems(p) {
		if strings.Contains(f.What, "table inet weir") {
			t.Error(f)
		}
	}
}
