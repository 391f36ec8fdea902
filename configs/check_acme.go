package configs

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// acme checks what certificates are obtained, and from whom.
func (ck *checker) acme(p keyPath, a *ACME) {
	if len(a.Hosts) == 0 {
		ck.missingf(p, `add hosts = ["example.com"]`, "acme has no hosts")
	}
	for i, host := range a.Hosts {
		a.Hosts[i] = ck.acmeHost(p.child("hosts").elem(i), host)
	}
	ck.repeated(p.child("hosts"), a.Hosts)
	at := p.child("email")
	switch user, domain, ok := strings.Cut(a.Email, "@"); {
	case a.Email == "" && !ck.partial[p]:
		ck.warnf(p, `add email = "you@example.com"`, "acme has no email: the authority has nowhere to write to when something is wrong")
	case a.Email != "" && (!ok || user == "" || domain == "" || !isFieldText(a.Email) || strings.ContainsAny(user+domain, " ,<>@:")):
		ck.problemf(at, `write one, like "you@example.com"`, "email %s is not an address", quote(a.Email))
	}
	at = p.child("directory")
	u, err := url.Parse(a.Directory)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		ck.problemf(at, fmt.Sprintf("write a URL like %q", NewACME().Directory), "directory %s is not an https URL", quote(a.Directory))
	}
	if a.Storage == "" {
		ck.problemf(p.child("storage"), "name a folder", "storage is empty: certificates would be obtained again at each start")
	} else {
		a.Storage = ck.resolve(a.Storage)
	}
	ck.authorities(p.child("ca"), &a.CA)
	if !ck.reachable() {
		ck.warnf(p, "have something in front lead them here", "no listener is on port 80 or 443, where the authority comes to")
	}
}

// acmeHost returns a name to obtain a certificate for, in lower case.
func (ck *checker) acmeHost(p keyPath, host string) string {
	lower := strings.ToLower(host)
	_, err := netip.ParseAddr(lower)
	switch {
	case strings.HasPrefix(lower, "*"):
		ck.problemf(p, "name each host, or give certificates for the wildcard", "hosts: %s is a wildcard, which needs a challenge by DNS", quote(host))
	case err == nil || looksLikeIP(lower):
		ck.problemf(p, "write a name", "hosts: %s is an IP address", quote(host))
	case !isHostName(lower):
		ck.problemf(p, `write a name like "example.com"`, "hosts: %s is not a host name", quote(host))
	}
	return lower
}

// reachable says whether challenges can arrive: on a port that authorities come to,
// or through whatever stands in front of a weir that listens on loopback only.
func (ck *checker) reachable() bool {
	loopback := true
	for _, l := range ck.cfg.Listeners {
		if l == nil {
			continue
		}
		host, first, last, err := splitRange(l.Address)
		if err != nil || first <= 80 && 80 <= last || first <= 443 && 443 <= last {
			return true
		}
		ip, _ := netip.ParseAddr(host)
		loopback = loopback && ip.IsLoopback()
	}
	return loopback
}
