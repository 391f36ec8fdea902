package intercept

import (
	"context"
	"net"
	"strings"
	"testing"

	"weir/engine/netnstest"
)

const heard = `
[listeners.edge]
address = "ADDRESS"
transparent = "MODE"
intercept = { local = true, ports = ["80"] }
[[routes]]
respond = {}
`

func TestCheckFindsWhetherWeirRuns(t *testing.T) {
	netnstest.Require(t)
	type socket struct {
		network, address string
		opaque           bool
	}
	const silent = "edge: nothing listens on "
	tests := []struct {
		name, mode, address string
		sockets             []socket
		want                string // "": all is well
	}{
		{"not run", "tproxy", "[::]:15001", nil, silent + "15001 for IPv4 and IPv6: weir does not run"},
		{"not run, redirect", "redirect", ":15001", nil, silent + "15001 for IPv4 and IPv6"},
		{"both families", "tproxy", "[::]:15001", []socket{{"tcp", ":15001", false}}, ""},
		{"IPv4 by a socket of both", "tproxy", "0.0.0.0:15001", []socket{{"tcp", ":15001", false}}, ""},
		{"two sockets", "tproxy", "[::]:15001", []socket{{"tcp6", "[::]:15001", false}, {"tcp4", "0.0.0.0:15001", false}}, ""},
		{"IPv6 only", "tproxy", "[::]:15001", []socket{{"tcp6", "[::]:15001", false}}, silent + "15001 for IPv4:"},
		{"IPv4 only", "tproxy", "[::]:15001", []socket{{"tcp4", "0.0.0.0:15001", false}}, silent + "15001 for IPv6:"},
		{"another port", "tproxy", "0.0.0.0:15001", []socket{{"tcp4", "0.0.0.0:15002", false}}, silent + "15001 for IPv4:"},
		{"one address for all", "tproxy", "0.0.0.0:15001", []socket{{"tcp4", "127.0.0.1:15001", false}}, silent + "15001 for IPv4:"},
		{"one address", "tproxy", "127.0.0.1:15001", []socket{{"tcp4", "127.0.0.1:15001", false}}, ""},
		{"one IPv6 address", "tproxy", "[::1]:15001", []socket{{"tcp6", "[::1]:15001", false}}, ""},
		{"another address", "tproxy", "127.0.0.1:15001", []socket{{"tcp4", "127.0.0.2:15001", false}}, silent + "127.0.0.1:15001 for IPv4:"},
		{"one address by all", "tproxy", "127.0.0.1:15001", []socket{{"tcp", ":15001", false}}, ""},
		{"IPv6 address by IPv4", "tproxy", "[::1]:15001", []socket{{"tcp4", "0.0.0.0:15001", false}}, silent + "[::1]:15001 for IPv6:"},
		{"not transparent", "tproxy", "[::]:15001", []socket{{"tcp", ":15001", true}}, "edge: what listens on 15001 for IPv4 and IPv6 is not transparent"},
		{"need not be", "redirect", "[::]:15001", []socket{{"tcp", ":15001", true}}, ""},
		{"others are transparent", "tproxy", "127.0.0.1:15001", []socket{{"tcp4", "127.0.0.1:15001", true}, {"tcp4", "127.0.0.2:15001", false}, {"tcp6", "[::1]:15001", false}},
			"edge: what listens on 127.0.0.1:15001 for IPv4 is not transparent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			netnstest.Enter(t)
			for _, s := range tt.sockets {
				config := net.ListenConfig{Control: transparentSocket}
				if s.opaque {
					config.Control = nil
				}
				l, err := config.Listen(context.Background(), s.network, s.address)
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
			}
			p := planOf(t, strings.NewReplacer("ADDRESS", tt.address, "MODE", tt.mode).Replace(heard))
			var bad, good []Finding
			for _, f := range Check(p, fixes) {
				if f.Level == Bad && strings.HasSuffix(f.Fix, fixes.Run) {
					bad = append(bad, f)
				}
				if f.Level == OK && strings.HasPrefix(f.What, "listener edge listens on ") {
					good = append(good, f)
				}
			}
			if tt.want == "" {
				if len(bad) > 0 || len(good) != 1 {
					t.Errorf("bad %v, good %v", bad, good)
				}
				return
			}
			if len(bad) != 1 || len(good) > 0 || !strings.Contains(bad[0].What, tt.want) {
				t.Errorf("bad %v, good %v, want %q", bad, good, tt.want)
			}
		})
	}
}

// What is closed does not listen, though connections to it are still open.
func TestConnectionsDoNotListen(t *testing.T) {
	netnstest.Require(t)
	netnstest.Enter(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	l.Close()
	if list, err := ears(); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}

const fourOnly = `
[listeners.edge]
address = "0.0.0.0:15001"
transparent = "tproxy"
intercept = { interfaces = ["rs", "rc"], ports = ["80"] }
[[routes]]
respond = {}
`

func TestCheckFindsIPv6ThatGoesPast(t *testing.T) {
	netnstest.Require(t, "ip")
	withIPv6 := func(address, interfaces, ports string) string {
		return fourOnly + "[listeners.six]\naddress = \"" + address + "\"\ntransparent = \"redirect\"\n" +
			"intercept = { interfaces = [" + interfaces + "], ports = [" + ports + "] }\n"
	}
	const past = "listener edge takes IPv4 alone: what comes in by "
	tests := []struct {
		name, text, make, want string
		level                  Level
	}{
		{"addresses", fourOnly, "true", past + "rs, rc over IPv6", Warning},
		{"one address", fourOnly, "ip -6 addr flush dev rs scope global", past + "rc over IPv6", Warning},
		{"link-local addresses", fourOnly, "ip -6 addr flush scope global", past + "rs, rc over IPv6", Note},
		{"a specific address", strings.Replace(fourOnly, "0.0.0.0", "10.77.1.1", 1), "true", past + "rs, rc over IPv6", Warning},
		{"both families", strings.Replace(fourOnly, "0.0.0.0", "", 1), "true", "", OK},
		{"destinations", strings.Replace(fourOnly, `"80"]`, `"80"], to = ["10.0.0.0/8"]`, 1), "true", "", OK},
		{"local", strings.Replace(fourOnly, `interfaces = ["rs", "rc"]`, "local = true", 1), "true", "", OK},
		{"another listener", withIPv6("[fd77:1::1]:15002", `"rs", "rc"`, `"79-81"`), "true", "", OK},
		{"another interface", withIPv6("[fd77:1::1]:15002", `"rs"`, `"79-81"`), "true", past + "rc over IPv6", Warning},
		{"another port", withIPv6("[fd77:1::1]:15002", `"rs", "rc"`, `"81"`), "true", past + "rs, rc over IPv6", Warning},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			netnstest.Enter(t)
			netnstest.Route(t)
			netnstest.Shell(t, tt.make)
			var found []Finding
			for _, f := range Check(planOf(t, tt.text), fixes) {
				if f.Fix == `address = ":15001" takes both families` {
					found = append(found, f)
				}
			}
			switch {
			case tt.want == "" && len(found) == 0:
			case tt.want == "" || len(found) != 1 || found[0].Level != tt.level || !strings.Contains(found[0].What, tt.want):
				t.Errorf("found %v, want %q", found, tt.want)
			}
		})
	}
}
