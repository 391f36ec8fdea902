package intercept

import (
	"net"
	"strings"
	"testing"
	"time"

	"weir/engine/netnstest"
)

// checked is a router on which connections and answers cross weir, for Check.
const checked = `
[listeners.edge]
address = "[::]:15001"
transparent = "tproxy"
intercept = { interfaces = ["rc"], ports = ["80"] }
[[routes]]
cluster = "app"
[clusters.app]
endpoints = ["10.77.2.2:80"]
source = "client_ip"
mark = 2
`

const upCommand = "UP"

var fixes = Fixes{Up: upCommand, Run: "RUN", Setcap: "SETCAP"}

// problems are the findings that are worse than a note.
func problems(p *Plan) []Finding {
	var list []Finding
	for _, f := range Check(p, fixes) {
		if f.Level > Note {
			list = append(list, f)
		}
	}
	return list
}

// mend does what a finding says.
func mend(t *testing.T, p *Plan, fix string) {
	t.Helper()
	fix, iptables := strings.CutSuffix(fix, " --tool iptables")
	setting, sysctl := strings.CutPrefix(fix, "sysctl -w net.")
	switch {
	case fix == upCommand && iptables:
		up(t, p, Iptables)
	case fix == upCommand:
		up(t, p, Nft)
	case sysctl:
		name, value, _ := strings.Cut(setting, "=")
		netnstest.Sysctl(t, strings.NewReplacer(".", "/", "/", ".").Replace(name), value)
	default:
		netnstest.Shell(t, fix)
	}
}

func TestCheckFindsWhatIsBroken(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	const everything = "client answer"
	tests := []struct {
		name   string
		tool   Tool
		breaks string // lines of sh
		want   string // part of the only problem
		level  Level
		stops  string // what does not work then
	}{
		{"rule", Nft, "nft flush chain inet weir to_edge_v4", `chain to_edge_v4 should have, as rule 1, "fib daddr type local return"`, Bad, "client"},
		{"way back", Nft, "nft flush chain inet weir divert_v4", "divert_v4", Bad, "answer"},
		{"rule too many", Nft, "nft add rule inet weir to_edge_v6 accept", "to_edge_v6 has a rule, number 4", Bad, ""},
		{"chain too many", Nft, "nft add chain inet weir other", "chain other is not asked for", Bad, ""},
		{"chain", Nft, "nft flush chain inet weir prerouting; nft delete chain inet weir prerouting", "chain prerouting is missing", Bad, everything},
		{"hook", Nft, "nft flush chain inet weir prerouting; nft delete chain inet weir prerouting; nft add chain inet weir prerouting", "chain prerouting is entered from elsewhere", Bad, everything},
		{"table", Nft, "nft delete table inet weir", "no rules", Bad, everything},
		{"ip rule", Nft, "ip rule del priority 7765", "ip rule fwmark 0x7765 lookup 30565 priority 7765 is missing", Bad, everything},
		{"IPv6 rule", Nft, "ip -6 rule del priority 7765", "ip -6 rule fwmark 0x7765", Bad, ""},
		{"route", Nft, "ip route flush table 30565", "ip route local default dev lo table 30565 is missing", Bad, everything},
		{"IPv6 route", Nft, "ip -6 route flush table 30565", "ip -6 route local", Bad, ""},
		{"left over", Nft, "ip rule add fwmark 7 lookup 9 protocol 119", "ip rule fwmark 0x7 lookup 9", Warning, ""},
		{"tcp_fwmark_accept", Nft, "echo 1 >/proc/sys/net/ipv4/tcp_fwmark_accept", "tcp_fwmark_accept = 1", Bad, "client"},
		{"src_valid_mark in", Nft, "echo 1 >/proc/sys/net/ipv4/conf/rc/src_valid_mark", "src_valid_mark = 1 for rc", Bad, "client"},
		{"src_valid_mark back", Nft, "echo 1 >/proc/sys/net/ipv4/conf/rs/src_valid_mark", "src_valid_mark = 1 for rs", Bad, "answer"},
		{"src_valid_mark mended", Nft, "cd /proc/sys/net/ipv4/conf; echo 1 >rc/src_valid_mark; echo 1 >rc/accept_local", "", OK, ""},
		{"rp_filter", Nft, "cd /proc/sys/net/ipv4/conf; for i in all rc rs; do echo 1 >$i/rp_filter; done", "", OK, ""},
		{"down", Nft, "ip link set rc down; ip link set rc up; ip link set rs down; ip link set rs up; ip -6 addr add fd77:2::1/64 dev rs; ip -6 addr add fd77:1::1/64 dev rc", "", OK, ""},
		{"iptables rule", Iptables, "iptables -t mangle -D WEIR_1 1", "--dst-type LOCAL", Bad, ""},
		{"iptables way back", Iptables, "iptables -t mangle -D WEIR_PREROUTING 1", "answers to the addresses of clients do not come back to weir", Bad, "answer"},
		{"iptables jump", Iptables, "iptables -t mangle -F PREROUTING", "-A PREROUTING", Bad, everything},
		{"ip6tables", Iptables, "ip6tables -t mangle -F WEIR_DIVERT", "ip6tables, table mangle: ", Bad, ""},
		{"iptables too many", Iptables, "iptables -t mangle -A WEIR_1 -j ACCEPT", "-j ACCEPT\" is not asked for", Bad, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			netnstest.Enter(t)
			client, server := netnstest.Route(t)
			server.Do(func() { listen(t, "server", ":80") })
			listen(t, "weir", ":15001")
			p := planOf(t, checked)
			up(t, p, tt.tool)
			if list := problems(p); len(list) > 0 {
				t.Fatalf("before: %v", list)
			}
			netnstest.Shell(t, tt.breaks)
			list := problems(p)
			if tt.want == "" {
				if len(list) > 0 {
					t.Errorf("%v", list)
				}
				crosses(t, client, "")
				return
			}
			if len(list) != 1 || list[0].Level != tt.level || !strings.Contains(list[0].What, tt.want) {
				t.Fatalf("found %v, want %q", list, tt.want)
			}
			crosses(t, client, tt.stops)
			mend(t, p, list[0].Fix)
			if list := problems(p); len(list) > 0 {
				t.Errorf("after %q: %v", list[0].Fix, list)
			}
			crosses(t, client, "")
		})
	}
}

// crosses connects as a client, and as weir with a client's address. stops names what
// must fail.
func crosses(t *testing.T, client *netnstest.Namespace, stops string) {
	t.Helper()
	wait := func(what string) time.Duration {
		if strings.Contains(stops, what) {
			return 200 * time.Millisecond
		}
		return patience
	}
	verify := func(what, got, want string) {
		t.Helper()
		if (got == want) == strings.Contains(stops, what) {
			t.Errorf("%s: %q; must fail: %v", what, got, strings.Contains(stops, what))
		}
	}
	client.Do(func() {
		verify("client", ask(&net.Dialer{Timeout: wait("client")}, "10.77.2.2:80"), "weir: 10.77.1.2 to 10.77.2.2:80")
	})
	as := &net.Dialer{Timeout: wait("answer"), LocalAddr: &net.TCPAddr{IP: net.ParseIP("10.77.1.2")}, Control: transparentSocket}
	verify("answer", ask(as, "10.77.2.2:80"), "server: 10.77.1.2 to 10.77.2.2:80")
}

func TestCheckSeesWhatIsThere(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables")
	tests := []struct {
		name, text, make, want string
		level                  Level
	}{
		{"interface", checked, "ip link del rc", "interface rc of listener edge does not exist", Bad},
		{"interface down", checked, "ip link set rc down", "interface rc of listener edge is down", Warning},
		{"lo", checked, "ip link set lo down", "lo is down", Bad},
		{"both tools", checked, "iptables -t mangle -N WEIR_1", "rules of both nft and iptables", Bad},
		{"shadow", checked, "ip rule add priority 7 lookup 8; ip route add default dev rs table 8", "priority 7, lookup 8, comes before", Bad},
		{"shadow in part", checked, "ip rule add priority 7 lookup 8; ip route add 192.0.2.0/24 dev rs table 8", "priority 7, lookup 8, comes before", Warning},
		{"shadow by mark", checked, "ip rule add priority 7 fwmark 0x65/0xff lookup 8; ip route add default dev rs table 8", "priority 7, lookup 8", Bad},
		{"no shadow: empty", checked, "ip rule add priority 7 lookup 8", "", OK},
		{"no shadow: another mark", checked, "ip rule add priority 7 fwmark 2 lookup 8; ip route add default dev rs table 8", "", OK},
		{"no shadow: later", checked, "ip rule add priority 8000 lookup 8; ip route add default dev rs table 8", "", OK},
		{"firewall", checked, `nft add table inet f; nft add chain inet f in '{ type filter hook input priority 0; policy drop; }'`,
			"chain inet f in drops by default, and unless a rule of it accepts them, packets with meta mark 0x7765", Warning},
		{"no firewall", checked, `nft add table inet f; nft add chain inet f in '{ type filter hook input priority 0; policy accept; }'; nft add chain inet f out '{ type filter hook output priority 0; policy drop; }'`, "", OK},
		{"loop", strings.Replace(checked, `ports = ["80"]`, `local = true, ports = ["15000-15002"], to = ["10.77.0.0/16"]`, 1), "true",
			"a connection of this machine to 10.77.1.1, port 15001, is led to the listener that it is for", Warning},
		{"no loop: excepted", strings.Replace(checked, `ports = ["80"]`, `local = true, ports = ["15000-15002"], to = ["10.77.0.0/16"], except = ["10.77.1.1", "10.77.2.1"]`, 1), "true", "", OK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			netnstest.Enter(t)
			netnstest.Route(t)
			listen(t, "weir", ":15001")
			p := planOf(t, tt.text)
			up(t, p, Nft)
			netnstest.Shell(t, tt.make)
			var found []string
			for _, f := range problems(p) {
				found = append(found, f.What)
				if tt.want != "" && f.Level == tt.level && strings.Contains(f.What, tt.want) && f.Fix != "" {
					return
				}
			}
			if tt.want != "" || len(found) > 0 {
				t.Errorf("found %q, want %q", found, tt.want)
			}
		})
	}
}

func TestFirewallFixHelps(t *testing.T) {
	netnstest.Require(t, "ip", "nft")
	netnstest.Enter(t)
	client, server := netnstest.Route(t)
	server.Do(func() { listen(t, "server", ":80") })
	listen(t, "weir", ":15001")
	p := planOf(t, checked)
	up(t, p, Nft)
	netnstest.Shell(t, "nft add table inet f; nft add chain inet f in '{ type filter hook input priority 0; policy drop; }'")
	crosses(t, client, "client answer")
	mend(t, p, problems(p)[0].Fix)
	crosses(t, client, "")
}
