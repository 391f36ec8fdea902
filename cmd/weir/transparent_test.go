package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"weir/engine/netnstest"
)

const transparentFile = `[listeners.edge]
address = "[::]:15001"
transparent = "tproxy"
intercept = { local = true, ports = ["80"] }
[[routes]]
respond = {}
`

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "weir.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// listenTransparently makes the socket that weir would have, for check.
func listenTransparently(t *testing.T) {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1) }), err)
	}}
	l, err := config.Listen(context.Background(), "tcp", "[::]:15001")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}

// network is what may be changed, as the kernel's own tools show it.
func network(t *testing.T) string {
	t.Helper()
	return netnstest.Shell(t, "nft list ruleset; for f in -4 -6; do ip $f rule; ip $f route show table all; done")
}

// transparent runs a command that must succeed and say each of parts.
func transparent(t *testing.T, args string, parts ...string) string {
	t.Helper()
	code, stdout, stderr := weir(t, append([]string{"transparent"}, strings.Fields(args)...)...)
	if code != exitOK || stderr != "" {
		t.Errorf("%s: exit %d, stderr %q", args, code, stderr)
	}
	requireParts(t, args, stdout, parts)
	return stdout
}

func TestTransparent(t *testing.T) {
	netnstest.Require(t, "ip", "nft")
	netnstest.Enter(t)
	file := writeConfig(t, transparentFile)
	before := network(t)
	run := "bad     listener edge: nothing listens on 15001 for IPv4 and IPv6: weir does not run, or not with this file; fix: weir run -c " + file + "\n"
	code, stdout, stderr := weir(t, "transparent", "check", "-c", file)
	if code != exitFailure || !strings.Contains(stdout, "bad     no rules: nothing is led to a listener; fix: weir transparent up -c "+file+"\n") ||
		!strings.Contains(stdout, run) || !strings.HasSuffix(stderr, ": 6 things in the way\n") {
		t.Errorf("check before up: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	script := transparent(t, "up --print -c "+file, "nft -f - <<'EOF'\n", "ip -6 rule add fwmark 0x7765")
	if now := network(t); now != before {
		t.Errorf("--print has changed %s\nto %s", before, now)
	}
	transparent(t, "up -c "+file, "made table inet weir\n", "made ip rule fwmark 0x7765", "weir transparent down")
	made := network(t)
	if code, stdout, _ := weir(t, "transparent", "check", "-c", file); code != exitFailure || !strings.Contains(stdout, run) {
		t.Errorf("check without weir: exit %d, %s", code, stdout)
	}
	listenTransparently(t)
	transparent(t, "up -c "+file, "kept table inet weir\n", "kept ip rule fwmark 0x7765")
	if out := transparent(t, "check -c "+file, "ok      table inet weir"); strings.Contains(out, "bad") {
		t.Error(out)
	}
	transparent(t, "down", "removed table inet weir\n", "removed ip rule fwmark 0x7765")
	if now := network(t); now != before {
		t.Errorf("down left %s\nof %s", now, before)
	}
	transparent(t, "down -c "+file, "nothing to remove\n")
	netnstest.Shell(t, script)
	if now := network(t); now != made {
		t.Errorf("the printed commands make %s\nup %s", now, made)
	}
}

func TestTransparentWithIptables(t *testing.T) {
	netnstest.Require(t, "ip", "iptables", "ip6tables")
	netnstest.Enter(t)
	file := writeConfig(t, transparentFile)
	transparent(t, "up --print --tool iptables -c "+file, "iptables-restore -w --noflush")
	listenTransparently(t)
	transparent(t, "up --tool iptables -c "+file, "made iptables chains WEIR_* in table mangle\n", "made ip6tables")
	transparent(t, "check -c "+file, "ok      the chains WEIR_* of iptables are as the file asks\n")
	transparent(t, "down", "removed iptables chains WEIR_* in table mangle\n", "removed ip6tables")
}

func TestTransparentWithoutCapability(t *testing.T) {
	netnstest.Require(t, "ip", "nft")
	netnstest.Enter(t)
	file := writeConfig(t, transparentFile)
	for _, args := range []string{"up -c " + file, "up --tool iptables -c " + file, "down"} {
		before := network(t)
		netnstest.Unprivileged(t, func() {
			code, stdout, stderr := weir(t, append([]string{"transparent"}, strings.Fields(args)...)...)
			if code != exitFailure || stdout != "" {
				t.Errorf("%s: exit %d, stdout %q", args, code, stdout)
			}
			requireParts(t, args, stderr, []string{"CAP_NET_ADMIN is missing", "nothing was changed", "sudo setcap cap_net_admin,cap_net_raw+ep " + os.Args[0]})
		})
		if after := network(t); after != before {
			t.Errorf("%s has changed %s\nto %s", args, before, after)
		}
	}
}

func TestRunWithoutCapability(t *testing.T) {
	netnstest.Require(t)
	netnstest.Enter(t)
	file := writeConfig(t, transparentFile)
	netnstest.Unprivileged(t, func() {
		code, stdout, stderr := weir(t, "run", "-c", file)
		if code != exitFailure || stdout != "" {
			t.Errorf("exit %d, stdout %q", code, stdout)
		}
		requireParts(t, "run", stderr, []string{"CAP_NET_ADMIN or CAP_NET_RAW is missing", "sudo setcap cap_net_admin,cap_net_raw+ep " + os.Args[0]})
	})
}

// Who runs it on a router in use must know before.
func TestTransparentUpSaysWhatItResets(t *testing.T) {
	transparent(t, "up --help", "Connections that are open already and match new rules of tproxy are reset")
}

func TestTransparentNeedsIntercepts(t *testing.T) {
	code, stdout, stderr := weir(t, "transparent", "up", "-c", writeConfig(t, goodFile))
	if code != exitFailure || stdout != "" || !strings.Contains(stderr, "add [listeners.NAME.intercept]") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}
