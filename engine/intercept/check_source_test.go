package intercept

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"

	"weir/engine/netnstest"
)

// post makes chains of nft in a table f, of which post is entered where sources are
// translated.
func post(family, rules string) string {
	return "nft -f - <<'EOF'\ntable " + family + " f {\nchain post {\ntype nat hook postrouting priority srcnat\n" + rules + "\n}\n}\nEOF"
}

// containers are a network beside that of the clients.
const containers = "ip link add v0 type veth peer name v1; ip link set v0 up; ip addr add 172.16.0.1/16 dev v0; ip addr add fd17::1/64 dev v0 nodad\n"

// What check says of rules that replace sources is what the server sees.
func TestCheckFindsReplacedSources(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	tests := []struct {
		name, make string
		want       string // part of the only problem; "": none
	}{
		{"none", "true", ""},
		{"masquerade", post("inet", "masquerade"), "chain inet f post can replace"},
		{"of IPv4", post("ip", `oifname "rs" masquerade`), "chain ip f post"},
		{"of IPv6", post("ip6", "masquerade"), "chain ip6 f post"},
		{"snat", post("ip", "ip saddr 10.77.0.0/16 snat to 10.77.2.1"), "chain ip f post"},
		{"mark passes", post("inet", "meta mark 2 counter accept\nmasquerade"), ""},
		{"too late", post("inet", "ip daddr 10.77.2.2 masquerade\nmeta mark 2 accept"), "chain inet f post"},
		{"other marks", post("inet", "meta mark != 2 masquerade"), ""},
		{"another mark", post("inet", "meta mark 3 masquerade"), ""},
		{"another mark passes", post("inet", "meta mark 3 accept\nmasquerade"), "chain inet f post"},
		{"bits of the mark", post("inet", "meta mark & 0xf0 == 0 return\nmasquerade"), ""},
		{"other bits", post("inet", "meta mark & 0xf2 == 0 return\nmasquerade"), "chain inet f post"},
		{"TCP passes", post("inet", "meta l4proto tcp accept\nmasquerade"), ""},
		{"UDP passes", post("inet", "meta l4proto udp accept\nmasquerade"), "chain inet f post"},
		{"others pass", post("inet", "meta mark 2 ip saddr 192.0.2.1 accept\nmasquerade"), "chain inet f post"},
		{"jump", strings.Replace(post("inet", "jump more"), "chain post", "chain more { masquerade; }\nchain post", 1), "chain inet f post"},
		{"jump of others", strings.Replace(post("inet", "meta mark 3 jump more"), "chain post", "chain more { masquerade; }\nchain post", 1), ""},
		{"back from a jump", strings.Replace(post("inet", "jump more\nmasquerade"), "chain post", "chain more { meta mark 2 return; masquerade; }\nchain post", 1), "chain inet f post"},
		{"passes in a jump", strings.Replace(post("inet", "jump more\nmasquerade"), "chain post", "chain more { meta mark 2 accept; }\nchain post", 1), ""},
		{"destinations", strings.Replace(post("ip", "dnat to 10.77.2.2"), "postrouting priority srcnat", "output priority 200", 1), ""},
		{"of containers", containers + post("inet", `ip saddr 172.16.0.0/16 oifname != "v0" masquerade`), ""},
		{"of a container", containers + post("ip", "ip saddr 172.16.128.1 masquerade\nip saddr 172.16.128.0/18 masquerade"), ""},
		{"of IPv6 containers", containers + post("ip6", "ip6 saddr fd17::/64 masquerade\nip6 saddr fd17::7 masquerade"), ""},
		{"of more than containers", containers + post("ip", "ip saddr { 10.0.0.0/8, 172.16.0.0/12 } masquerade"), "chain ip f post"},
		{"of all but containers", containers + post("ip", "ip saddr != 172.16.0.0/16 masquerade"), "chain ip f post"},
		{"to containers", containers + post("ip", "ip daddr 172.16.0.0/16 masquerade\nip saddr 10.77.1.0/25 masquerade"), "chain ip f post"},
		{"containers pass", containers + post("inet", "ip saddr 172.16.0.0/16 accept\nmasquerade"), "chain inet f post"},
		{"of clients", post("ip", "ip saddr 10.77.1.0/24 masquerade"), "chain ip f post"},
		{"of IPv6 clients", post("ip6", "ip6 saddr fd77:1::/64 masquerade"), "chain ip6 f post"},
		{"iptables, of containers", containers + "iptables -t nat -A POSTROUTING -s 172.16.0.0/16 ! -o v0 -j MASQUERADE", ""},
		{"legacy, of containers", containers + "iptables-legacy -t nat -A POSTROUTING -s 172.16.0.0/16 ! -o v0 -j MASQUERADE", ""},
		{"legacy, of all but containers", containers + "iptables-legacy -t nat -A POSTROUTING ! -s 172.16.0.0/16 -o rs -j MASQUERADE", "iptables-legacy"},
		{"legacy, of clients", "iptables-legacy -t nat -A POSTROUTING -s 10.77.1.0/24 -j MASQUERADE", "iptables-legacy"},
		{"iptables", "iptables -t nat -A POSTROUTING -o rs -j MASQUERADE", "chain ip nat POSTROUTING"},
		{"iptables, mark passes", `iptables -t nat -A POSTROUTING -p tcp -m comment --comment "a -j b" -m mark --mark 0/0xf0 -j RETURN; iptables -t nat -A POSTROUTING -j MASQUERADE`, ""},
		{"iptables snat", "iptables -t nat -A POSTROUTING -j SNAT --to-source 10.77.2.1", "chain ip nat POSTROUTING"},
		{"ip6tables", "ip6tables -t nat -A POSTROUTING -j SNAT --to-source fd77:2::1", "chain ip6 nat POSTROUTING"},
		{"legacy", "iptables-legacy -t nat -A POSTROUTING -o rs -j MASQUERADE", "chain POSTROUTING of iptables-legacy, table nat,"},
		{"legacy, mark passes", `iptables-legacy -t nat -A POSTROUTING -p tcp -m comment --comment "a \" -j b" -m mark --mark 0/0xf0 -j RETURN; iptables-legacy -t nat -A POSTROUTING -j MASQUERADE`, ""},
		{"legacy, other marks", "iptables-legacy -t nat -A POSTROUTING -m mark ! --mark 2 -j MASQUERADE", ""},
		{"legacy, others pass", "iptables-legacy -t nat -A POSTROUTING -s 192.0.2.1 -j ACCEPT; iptables-legacy -t nat -A POSTROUTING -j MASQUERADE", "iptables-legacy"},
		{"legacy jump", "iptables-legacy -t nat -N MORE; iptables-legacy -t nat -A MORE -j MASQUERADE; iptables-legacy -t nat -A POSTROUTING -p tcp -j MORE", "iptables-legacy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			netnstest.Enter(t)
			t.Setenv("XTABLES_LOCKFILE", t.TempDir()+"/lock")
			_, server := netnstest.Route(t)
			server.Do(func() { listen(t, "server", ":80") })
			listen(t, "weir", ":15001")
			p := planOf(t, checked)
			up(t, p, Nft)
			netnstest.Shell(t, tt.make)
			list := problems(p)
			if tt.want == "" {
				if len(list) > 0 {
					t.Errorf("found %v", list)
				}
				sourcesKept(t, true)
				return
			}
			if len(list) != 1 || list[0].Level != Warning || !strings.Contains(list[0].What, tt.want) {
				t.Fatalf("found %v, want %q", list, tt.want)
			}
			sourcesKept(t, false)
			netnstest.Shell(t, list[0].Fix)
			if list := problems(p); len(list) > 0 {
				t.Errorf("after the fix: %v", list)
			}
			sourcesKept(t, true)
		})
	}
}

// sourcesKept connects as weir does for a client, with the mark of its cluster, and
// compares what the server sees, in both families.
func sourcesKept(t *testing.T, want bool) {
	t.Helper()
	kept := true
	for ip, to := range map[string]string{"10.77.1.2": "10.77.2.2:80", "fd77:1::2": "[fd77:2::2]:80"} {
		d := &net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
		d.ControlContext = func(_ context.Context, network, address string, c syscall.RawConn) (err error) {
			mark := func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, 2) }
			return errors.Join(transparentSocket(network, address, c), c.Control(mark), err)
		}
		got := ask(d, to)
		if !strings.HasPrefix(got, "server: ") {
			t.Errorf("%s: %s", to, got)
		}
		kept = kept && got == "server: "+ip+" to "+to
	}
	if kept != want {
		t.Errorf("the server sees the client: %v, want %v", kept, want)
	}
}

// iptables before 1.8.8 puts its own extension for marks into the tables of nft.
func TestReplacedSourcesByAnOldIptables(t *testing.T) {
	netnstest.Require(t, "ip", "nft")
	tests := []struct {
		name  string
		match xtMark
		want  bool // the source is kept
	}{
		{"another mark", xtMark{value: 3, mask: 0xff}, true},
		{"the mark", xtMark{value: 2, mask: 0xff}, false},
		{"bits of it", xtMark{value: 0, mask: 0xf0}, false},
		{"other marks", xtMark{value: 2, mask: 0xff, not: 1}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			netnstest.Enter(t)
			_, server := netnstest.Route(t)
			server.Do(func() { listen(t, "server", ":80") })
			listen(t, "weir", ":15001")
			p := planOf(t, checked)
			up(t, p, Nft)
			netnstest.Shell(t, post("ip", ""))
			c, err := nftConn()
			if err != nil {
				t.Fatal(err)
			}
			tableF := &nftables.Table{Name: "f", Family: nftables.TableFamilyIPv4}
			exprs := []expr.Any{&expr.Match{Name: "mark", Rev: 1, Info: tt.match.info()}, &expr.Masq{}}
			c.AddRule(&nftables.Rule{Table: tableF, Chain: &nftables.Chain{Name: "post", Table: tableF}, Exprs: exprs})
			if err := c.Flush(); err != nil {
				t.Fatal(err)
			}
			if list := problems(p); (len(list) == 0) != tt.want {
				t.Errorf("found %v", list)
			}
			sourcesKept(t, tt.want)
		})
	}
}

// xtMark is a struct xt_mark_mtinfo1, of linux/netfilter/xt_mark.h.
type xtMark struct {
	value, mask uint32
	not         byte
}

func (m xtMark) info() *xt.Unknown {
	b := binary.NativeEndian.AppendUint32(nil, m.value)
	b = binary.NativeEndian.AppendUint32(b, m.mask)
	b = append(b, m.not, 0, 0, 0)
	return (*xt.Unknown)(&b)
}

func TestReplacedSourcesWithoutAMark(t *testing.T) {
	netnstest.Require(t, "ip", "nft")
	netnstest.Enter(t)
	netnstest.Route(t)
	listen(t, "weir", ":15001")
	netnstest.Shell(t, post("inet", "masquerade"))
	for text, want := range map[string]string{
		strings.Replace(checked, "mark = 2", "", 1):                    "give each cluster that has a source a mark, and see what check says then",
		strings.Replace(checked, `source = "client_ip"`, "", 1):        "",
		strings.Replace(checked, "mark = 2", "mark = 0x20", 1):         "nft insert rule inet f post meta mark 0x20 accept",
		strings.Replace(checked, `"client_ip"`, `"client_ip_port"`, 1): "nft insert rule inet f post meta mark 0x2 accept",
	} {
		p := planOf(t, text)
		up(t, p, Nft)
		got := ""
		for _, f := range problems(p) {
			got += f.Fix
		}
		if got != want {
			t.Errorf("%s: fix %q, want %q", text, got, want)
		}
	}
}

// A network that is wider than the one on a link has clients too, for all that is known.
func TestReplacedSourcesOfWiderNetworks(t *testing.T) {
	netnstest.Require(t, "ip", "nft")
	netnstest.Enter(t)
	netnstest.Route(t)
	listen(t, "weir", ":15001")
	p := planOf(t, checked)
	up(t, p, Nft)
	netnstest.Shell(t, containers+post("ip", "ip saddr 172.16.0.0/12 masquerade"))
	if list := problems(p); len(list) != 1 {
		t.Errorf("found %v", list)
	}
}
