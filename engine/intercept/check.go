package intercept

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/configs"
)

// Level is how bad a Finding is.
type Level uint8

// The levels. A Note is worth knowing, a Warning may be meant; with something Bad
// connections are not intercepted, or not answered.
const (
	OK Level = iota
	Note
	Warning
	Bad
)

// Finding is one thing that was looked at.
type Finding struct {
	Level Level
	What  string
	Fix   string // a command, or what to change; "" if there is nothing to do
}

// Fixes are commands that findings may name.
type Fixes struct {
	Up     string // makes the rules
	Run    string // starts weir
	Setcap string // gives weir its capabilities
}

// Check compares the kernel with p and looks for all else that is known to break
// transparent proxying. It changes nothing. What it cannot see without CAP_NET_ADMIN is
// a finding of its own.
func Check(p *Plan, fixes Fixes) []Finding {
	c := &checkup{plan: p, fixes: fixes}
	c.capabilities()
	c.listeners()
	c.interfaces()
	c.families()
	c.filter()
	c.deliveries()
	c.firewalls()
	c.translations()
	c.sysctls()
	c.loops()
	return c.findings
}

type checkup struct {
	plan     *Plan
	fixes    Fixes
	findings []Finding
}

func (c *checkup) add(l Level, fix, format string, args ...any) {
	c.findings = append(c.findings, Finding{l, fmt.Sprintf(format, args...), fix})
}

// failed reports what could not be looked at.
func (c *checkup) failed(what string, err error) {
	if errors.Is(err, syscall.EPERM) {
		c.add(Bad, "run it as root", "%s cannot be seen without CAP_NET_ADMIN", what)
		return
	}
	c.add(Bad, "", "%s cannot be seen: %v", what, err)
}

// capabilities tries what weir run will do. What a process may do also depends on whose
// the namespace is, so that its set of capabilities does not tell.
func (c *checkup) capabilities() {
	if c.plan.Foreign {
		c.try("addresses of others (IP_TRANSPARENT)", unix.SOL_IP, unix.IP_TRANSPARENT)
	}
	if len(c.plan.Exempt) > 0 {
		c.try("marks on connections (SO_MARK)", unix.SOL_SOCKET, unix.SO_MARK)
	}
}

func (c *checkup) try(what string, level, option int) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(fd)
		err = unix.SetsockoptInt(fd, level, option, 1)
	}
	switch {
	case errors.Is(err, syscall.EPERM):
		c.add(Bad, c.fixes.Setcap, "this user may not use %s: neither CAP_NET_RAW nor CAP_NET_ADMIN", what)
	case err != nil:
		c.add(Bad, "", "%s: %v", what, err)
	default:
		c.add(OK, "", "this user may use %s", what)
	}
}

// interfaces looks for those that connections shall come by.
func (c *checkup) interfaces() {
	seen := []string{}
	for i := range c.plan.Leads {
		l := &c.plan.Leads[i]
		for _, name := range l.Interfaces {
			if !slices.Contains(seen, name) {
				seen = append(seen, name)
				c.link(name, fmt.Sprintf("listener %s", l.Listener))
			}
		}
	}
	if lo, err := netlink.LinkByIndex(loopback); err == nil && lo.Attrs().Flags&unix.IFF_UP == 0 && len(c.plan.delivers()) > 0 {
		c.add(Bad, "ip link set lo up", "lo is down, and with it what is delivered here")
	}
}

func (c *checkup) link(name, whose string) {
	link, err := netlink.LinkByName(name)
	var absent netlink.LinkNotFoundError
	switch {
	case errors.As(err, &absent):
		c.add(Bad, `name one of those that "ip link" shows`, "interface %s of %s does not exist", name, whose)
	case err != nil:
		c.failed("interface "+name, err)
	case link.Attrs().Flags&unix.IFF_UP == 0:
		c.add(Warning, "ip link set "+name+" up", "interface %s of %s is down", name, whose)
	default:
		c.add(OK, "", "interface %s is up", name)
	}
}

// loops looks for connections to a listener itself that are led to it once more: it
// refuses them, since the original destination is its own.
func (c *checkup) loops() {
	for i := range c.plan.Leads {
		l := &c.plan.Leads[i]
		if !l.Local || len(l.Destinations) == 0 || !slices.ContainsFunc(l.Ports, func(r configs.PortRange) bool {
			return r.First <= l.To.Port() && l.To.Port() <= r.Last
		}) {
			continue
		}
		for _, ip := range c.ownAddresses(l.Family) {
			if l.takes(ip) {
				c.add(Warning, fmt.Sprintf("leave port %d out of its ports, or add %s to except", l.To.Port(), ip),
					"listener %s: a connection of this machine to %s, port %d, is led to the listener that it is for, which refuses it", l.Listener, ip, l.To.Port())
				break
			}
		}
	}
}
