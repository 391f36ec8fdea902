package configs

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

func (ck *checker) clusters() {
	at := pathOf("clusters")
	for _, name := range ordered(ck.cfg.Clusters) {
		p := at.child(name)
		ck.name(p, "cluster", name)
		c := ck.cfg.Clusters[name]
		if c == nil {
			c = NewCluster()
			ck.cfg.Clusters[name] = c
		}
		ck.cluster(p, c)
		if c.TLS != nil {
			ck.clusterTLS(p.child("tls"), c.TLS, ck.http[name])
		}
		if !ck.used[name] {
			ck.warnf(p, "", "cluster %q is not used by any route or listener", name)
		}
	}
}

func (ck *checker) cluster(p keyPath, c *Cluster) {
	ck.discovery(p, c)
	seen := map[string]int{}
	for i := range c.Endpoints {
		at := p.child("endpoints").elem(i)
		ck.endpoint(at, &c.Endpoints[i])
		key := strings.ToLower(c.Endpoints[i].Address)
		if host, port, err := splitAddress(key); err == nil {
			key = canonicalHost(host) + " " + strconv.Itoa(int(port))
		}
		if j, ok := seen[key]; ok && key != "" {
			ck.problemf(at, "give it a weight instead", "endpoint %s is listed twice in cluster %s%s",
				quote(c.Endpoints[i].Address), p.last(), ck.onLine(p.child("endpoints").elem(j)))
			continue
		}
		seen[key] = i
	}
	ck.word(p.child("balance"), c.Balance, balances)
	ck.number(p.child("max_idle"), c.MaxIdle, 0, 1<<16)
	ck.size(p.child("max_head"), c.MaxHead, kib, 60*kib)
	ck.number(p.child("max_fields"), c.MaxFields, 1, 1024)
	ck.word(p.child("proxy_protocol"), c.ProxyProtocol, proxyVersions)
	ck.word(p.child("source"), c.Source, sources)
	ck.clusterMark(p.child("mark"), c.Mark)
	t := p.child("timeouts")
	ck.duration(t.child("connect"), c.Timeouts.Connect, false)
	ck.duration(t.child("idle"), c.Timeouts.Idle, false)
	ck.duration(t.child("lifetime"), c.Timeouts.Lifetime, true)
}

const endpointHint = `write "host:port", like "127.0.0.1:9001"`

func (ck *checker) endpoint(p keyPath, e *Endpoint) {
	at := p
	if ck.lines.has(p.child("address")) {
		at = p.child("address")
	}
	switch host, port, err := splitAddress(e.Address); {
	case e.Address == "":
		ck.missingf(p, endpointHint, "an endpoint has no address")
	case strings.Contains(e.Address, "://"):
		hint := endpointHint
		if _, rest, _ := strings.Cut(e.Address, "://"); rest != "" {
			hint = "leave the scheme and the path out: " + hint
		}
		ck.problemf(at, hint, "endpoint %s is a URL", quote(e.Address))
	case err != nil:
		ck.problemf(at, endpointHint, "endpoint %s %s", quote(e.Address), err)
	case host == "":
		ck.problemf(at, endpointHint, "endpoint %s has no host", quote(e.Address))
	case port == 0:
		ck.problemf(at, endpointHint, "endpoint %s has no port from 1 to 65535", quote(e.Address))
	default:
		ck.endpointHost(at, e.Address, host)
	}
	if e.Weight < 1 || e.Weight > 256 {
		ck.problemf(p.child("weight"), "from 1 to 256", "weight = %d is out of range", e.Weight)
	}
}

func (ck *checker) endpointHost(p keyPath, address, host string) {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.IsUnspecified() {
			ck.problemf(p, `write "127.0.0.1" or "[::1]" for this machine`, "endpoint %s is every address, not one", quote(address))
		}
		return
	}
	if looksLikeIP(host) || !isHostName(strings.ToLower(strings.TrimSuffix(host, "."))) {
		ck.problemf(p, endpointHint, "endpoint %s has neither an IP address nor a host name", quote(address))
	}
}

// looksLikeIP catches 10.0.0.256 and 10.0.1, which resolvers take for names or,
// worse, for other addresses.
func looksLikeIP(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil
}

// maxGuesses bounds the searches for a near name, each of which looks at every
// cluster. Beyond it the mistake is not a slip of the hand.
const maxGuesses = 20

// clusterExists reports a cluster that is named and that no one made.
func (ck *checker) clusterExists(p keyPath, name string) {
	ck.used[name] = true
	if _, ok := ck.cfg.Clusters[name]; ok {
		return
	}
	if len(ck.cfg.Clusters) == 0 && (ck.partial[""] || ck.broken[pathOf("clusters")]) {
		return // the table of clusters itself was misspelt
	}
	hint := fmt.Sprintf("add [clusters.%s]", pathOf(name).last())
	ck.guesses++
	if ck.guesses <= maxGuesses {
		if near := nearest(name, ordered(ck.cfg.Clusters)); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
			ck.used[near] = true // that warning would be about the same slip
		}
	}
	ck.problemf(p, hint, "unknown cluster %s", quote(name))
}
