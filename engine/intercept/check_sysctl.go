package intercept

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"weir/configs"
)

// sysctls looks for switches of the kernel that break what the plan does. rp_filter and
// accept_local do not, but with src_valid_mark: then the source of a marked packet is
// looked up with its mark too, found to be delivered here, and so an address of this
// machine, which must not come in from outside.
func (c *checkup) sysctls() {
	tproxied := slices.ContainsFunc(c.plan.Leads, func(l Lead) bool { return !l.Redirect })
	before := len(c.findings)
	if slices.Contains(c.plan.delivers(), configs.IPv4) {
		for _, name := range c.marked() {
			if c.on(name, "src_valid_mark") && !c.on(name, "accept_local") {
				c.add(Bad, "sysctl -w "+perInterface(name, "accept_local")+"=1",
					"src_valid_mark = 1 for %s: marked packets that come in by it are dropped", name)
			}
		}
	}
	if tproxied && c.read("tcp_fwmark_accept") == "1" {
		c.add(Bad, "sysctl -w net.ipv4.tcp_fwmark_accept=0", "tcp_fwmark_accept = 1: what weir sends to clients gets their mark, and is delivered here")
	}
	if len(c.findings) == before && len(c.plan.delivers()) > 0 {
		c.add(OK, "", "sysctls: neither src_valid_mark nor tcp_fwmark_accept is in the way")
	}
	if c.incoming() && c.read("ip_forward") == "0" {
		c.add(Note, "sysctl -w net.ipv4.ip_forward=1", "ip_forward = 0: IPv4 that is not intercepted is not forwarded")
	}
}

// marked are the interfaces by which packets come in that get the mark.
func (c *checkup) marked() []string {
	var names []string
	for i := range c.plan.Leads {
		if l := &c.plan.Leads[i]; !l.Redirect {
			names = append(names, l.Interfaces...)
		}
	}
	if len(c.plan.Return) > 0 { // answers may come by any
		links, err := netlink.LinkList()
		if err != nil {
			c.failed("interfaces", err)
		}
		for _, l := range links {
			if l.Attrs().Index != loopback {
				names = append(names, l.Attrs().Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (c *checkup) incoming() bool {
	return slices.ContainsFunc(c.plan.Leads, func(l Lead) bool { return len(l.Interfaces) > 0 })
}

// on says whether a switch is on for an interface: there, or for all.
func (c *checkup) on(name, key string) bool {
	return c.read("conf", name, key) == "1" || c.read("conf", "all", key) == "1"
}

// read is a variable below net.ipv4; "" if there is no such.
func (c *checkup) read(names ...string) string {
	text, err := os.ReadFile(path.Join("/proc/sys/net/ipv4", path.Join(names...)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.failed(strings.Join(names, "."), err)
	}
	return strings.TrimSpace(string(text))
}

// perInterface is the name of a variable of an interface, as sysctl(8) takes it: dots in
// the name of a VLAN are written as slashes.
func perInterface(name, key string) string {
	return "net.ipv4.conf." + strings.ReplaceAll(name, ".", "/") + "." + key
}
