package intercept

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// listeners looks for the sockets that connections are led to: without them they are
// refused or dropped.
func (c *checkup) listeners() {
	all, err := ears()
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.EPROTONOSUPPORT):
		c.add(Warning, "modprobe tcp_diag", "whether weir runs cannot be seen: this kernel has no sock_diag for TCP")
		return
	case err != nil:
		c.failed("whether weir runs", err)
		return
	}
	leads := c.plan.Leads
	for len(leads) > 0 {
		n := 1
		for n < len(leads) && leads[n].Listener == leads[0].Listener {
			n++
		}
		c.listener(leads[:n], all)
		leads = leads[n:]
	}
}

// listener looks for the socket of one listener, of which leads are all.
func (c *checkup) listener(leads []Lead, all []ear) {
	var silent, opaque []string
	for i := range leads {
		l := &leads[i]
		family := fmt.Sprintf("IPv%d", l.Family)
		at := slices.DeleteFunc(slices.Clone(all), func(e ear) bool { return !e.hears(l.Family, l.To) })
		switch {
		case len(at) == 0:
			silent = append(silent, family)
		case !l.Redirect && !slices.ContainsFunc(at, func(e ear) bool { return e.transparent }):
			opaque = append(opaque, family)
		}
	}
	name, at := leads[0].Listener, strings.TrimPrefix(host(leads[0].To), ":")
	if len(silent) > 0 {
		c.add(Bad, c.fixes.Run, "listener %s: nothing listens on %s for %s: weir does not run, or not with this file", name, at, strings.Join(silent, " and "))
	}
	if len(opaque) > 0 {
		c.add(Bad, "stop it, then "+c.fixes.Run, "listener %s: what listens on %s for %s is not transparent, so that nothing is led to it", name, at, strings.Join(opaque, " and "))
	}
	if len(silent)+len(opaque) == 0 {
		c.add(OK, "", "listener %s listens on %s", name, at)
	}
}
