package transparent

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"weir/configs"
	"weir/engine/fault"
	"weir/engine/intercept"
)

// A destination that says nothing costs the time to connect, and no more.
func TestConnectTimeout(t *testing.T) {
	n := build(t)
	const patience = 250 * time.Millisecond
	inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
		w := led(t, intercept.Nft, web(mode, "", `timeouts = { connect = "250ms" }`))
		begun := time.Now()
		requireFailure(t, n, ip, ip.silent, 504, fault.ConnectTimeout)
		if took := time.Since(begun); took < patience || took > patience*10 {
			t.Errorf("after %v", took)
		}
		if s := w.stats(); s.Exchanges != 1 || s.Dialled != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// A router behind weir says that it knows no way to the destination. It tells so whoever
// the packet came from: the client, whose address weir's connection may have.
func TestRouterKnowsNoWay(t *testing.T) {
	n := build(t)
	for tool, sources := range map[intercept.Tool][]string{
		intercept.Nft:      {"self", "client_ip", "client_ip_port"},
		intercept.Iptables: {"client_ip"},
	} {
		t.Run(string(tool), func(t *testing.T) {
			inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
				for _, source := range sources {
					t.Run(source, func(t *testing.T) {
						w := led(t, tool, web(mode, "", fmt.Sprintf("source = %q\ntimeouts = { connect = \"20s\" }", source)))
						requireFailure(t, n, ip, ip.prohibited, 503, fault.NoEndpoint)
						if s := w.stats(); s.Exchanges != 1 || s.Dialled != 1 {
							t.Errorf("stats %+v", s)
						}
					})
				}
			})
		})
	}
}

func requireFailure(t *testing.T, n *network, ip addresses, to netip.Addr, status int, kind fault.Kind) {
	t.Helper()
	c := n.httpClient(t, at(ip.client, 0), at(to, 80))
	if res, _ := c.get("/"); res.StatusCode != status || res.Header.Get("Weir-Error") != kind.String() {
		t.Errorf("%v: %s, %q", to, res.Status, res.Header.Get("Weir-Error"))
	}
	_ = c.Close()
}

// When weir does not run its rules let nobody past.
func TestFailsClosed(t *testing.T) {
	n := build(t)
	var reached atomic.Int64
	n.serve(t, "80", func(*net.TCPConn) { reached.Add(1) })
	for _, tool := range tools {
		t.Run(string(tool), func(t *testing.T) {
			for _, mode := range []string{"tproxy", "redirect"} {
				t.Run(mode, func(t *testing.T) {
					w := led(t, tool, web(mode, "", ""))
					w.stop()
					for f, ip := range families {
						n.client.Do(func() { requireNoWay(t, f, at(ip.server, 80)) })
					}
				})
			}
		})
	}
	if r := reached.Load(); r != 0 {
		t.Errorf("the server was reached %d times", r)
	}
	c := n.dial(t, netip.AddrPort{}, at(families[configs.IPv4].server, 80))
	_, _ = c.Read(make([]byte, 1))
	if r := reached.Load(); r != 1 {
		t.Errorf("without rules the server was reached %d times", r)
	}
}

func requireNoWay(t *testing.T, f configs.Family, to netip.AddrPort) {
	t.Helper()
	c, err := net.DialTimeout("tcp", to.String(), 200*time.Millisecond)
	var timeout net.Error
	if err == nil {
		_ = c.Close()
		t.Errorf("IPv%d: connected to %v", f, to)
	} else if !(errors.As(err, &timeout) && timeout.Timeout()) && !isRefused(err) {
		t.Errorf("IPv%d: %v", f, err)
	}
}
