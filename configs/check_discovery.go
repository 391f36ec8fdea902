package configs

import (
	"slices"
	"strings"
)

// discovery checks where a cluster's endpoints come from.
func (ck *checker) discovery(p keyPath, c *Cluster) {
	at := p.child("discovery")
	ck.word(at, c.Discovery, discoveries)
	ck.duration(p.child("stale_after"), c.StaleAfter, false)
	ck.number(p.child("max_endpoints"), c.MaxEndpoints, 1, 1<<20)
	switch {
	case ck.broken[at]:
	case c.Discovery == "original_dst":
		ck.originalCluster(p, c)
	default:
		if len(c.Endpoints) == 0 {
			ck.missingf(p, `add endpoints = ["127.0.0.1:9001"]`, "cluster %s has no endpoints", p.last())
		}
		for _, key := range []string{"stale_after", "max_endpoints", "destination_header", "destination_ports"} {
			if ck.lines.has(p.child(key)) {
				ck.problemf(p.child(key), `add discovery = "original_dst", or leave it out`, "%s is for original destinations, which cluster %s does not have", key, p.last())
			}
		}
	}
}

func (ck *checker) originalCluster(p keyPath, c *Cluster) {
	if len(c.Endpoints) > 0 {
		ck.problemf(p.child("endpoints"), "leave out one of the two", "cluster %s takes the destinations of its clients, and lists endpoints", p.last())
	}
	if name := c.DestinationHeader; name != "" {
		at := p.child("destination_header")
		switch {
		case !isToken(name):
			ck.problemf(at, fieldNameHint, "%s is not a field name", quote(name))
		case slices.Contains(ownFields, strings.ToLower(name)) || slices.Contains(protectedFields, strings.ToLower(name)):
			ck.problemf(at, `name one of your own, like "X-Original-Dst"`, "destination_header: %s has another meaning", name)
		}
	}
	for _, from := range ordered(c.DestinationPorts) {
		at := p.child("destination_ports").child(from)
		if _, ok := parsePort(from); !ok {
			ck.problemf(at, "write destination_ports = { 80 = 8080 }", "destination_ports: %s is not a port from 1 to 65535", quote(from))
		}
		ck.number(at, c.DestinationPorts[from], 1, 1<<16-1)
	}
	if c.TLS != nil && c.TLS.ServerName == "" {
		ck.missingf(p.child("tls"), `add server_name = "NAME"; to leave TLS as it is, use protocol = "tls-passthrough"`,
			"tls does not say whom certificates are for, and original destinations have no names")
	}
}

// ownFields carry something else through weir.
var ownFields = []string{
	"host", "content-type", "authorization", "cookie", "via", "forwarded", "x-request-id",
	"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "expect", "origin", "proxy-authorization",
}

// PortPair is a port of a destination and the one in its place.
type PortPair struct{ From, To uint16 }

// PortMap is DestinationPorts as numbers. What Check refuses is left out.
func (c *Cluster) PortMap() []PortPair {
	var list []PortPair
	for _, from := range ordered(c.DestinationPorts) {
		port, ok := parsePort(from)
		if to := c.DestinationPorts[from]; ok && to > 0 && to < 1<<16 {
			list = append(list, PortPair{port, uint16(to)})
		}
	}
	return list
}

// originals reports clusters of original destinations that can never have one.
func (ck *checker) originals() {
	told, trusting := false, false
	for _, l := range ck.cfg.Listeners {
		told = told || l.Transparent != "off" || l.ProxyProtocol != nil
		trusting = trusting || len(l.TrustedProxies) > 0
	}
	for _, name := range ordered(ck.cfg.Clusters) {
		c, p := ck.cfg.Clusters[name], pathOf("clusters", name)
		if c.Discovery != "original_dst" {
			continue
		}
		if c.DestinationHeader != "" && !trusting {
			ck.problemf(p.child("destination_header"), "add trusted_proxies to the listener", "destination_header does nothing: no listener trusts anyone to send it")
		}
		if !told && c.DestinationHeader == "" {
			ck.problemf(p.child("discovery"), `add transparent = "tproxy" or "redirect" to a listener`, "cluster %q has no original destinations: no listener is transparent", name)
		}
	}
}
