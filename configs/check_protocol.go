package configs

import (
	"fmt"
	"slices"
)

// protocol checks that a listener has what its protocol needs, and nothing that
// its protocol would leave unused.
func (ck *checker) protocol(p keyPath, l *Listener) {
	at := p.child("protocol")
	switch {
	case l.Protocol == "https" || l.Protocol == "tls":
		ck.problemf(at, fmt.Sprintf(`write "http" and add [%s]`, p.child("tls")), "protocol = %s is not known", quote(l.Protocol))
		return
	case !slices.Contains(protocols, l.Protocol):
		ck.word(at, l.Protocol, protocols)
		return
	case ck.broken[at]:
		return
	}
	opaque := l.Protocol == "tcp" || l.Protocol == "tls-passthrough"
	if isRange(l.Address) && !opaque {
		ck.problemf(p.child("address"), "name one port, or use protocol tcp or tls-passthrough",
			"address %s is a range of ports, which protocol %s does not take", quote(l.Address), l.Protocol)
	}
	switch {
	case l.Protocol == "http":
		ck.forwardsNothing(p, l)
	case opaque && l.Cluster == "" && len(l.Forward) == 0:
		ck.missingf(p, fmt.Sprintf(`add cluster = "NAME", or [[%s]]`, p.child("forward")), "listener %s leads nowhere", p.last())
	}
	if l.Protocol == "tcp" && l.TLS == nil {
		ck.plainForwards(p.child("forward"), l.Forward)
	}
	if l.Protocol == "tls-passthrough" && l.TLS != nil {
		ck.problemf(p.child("tls"), `leave it out, or use protocol = "tcp"`, "protocol tls-passthrough leaves TLS as it is, a tls table ends it")
	}
}

// forwardsNothing reports cluster and forward of a listener that speaks HTTP only.
func (ck *checker) forwardsNothing(p keyPath, l *Listener) {
	const hint = `write a [[routes]] with a cluster, or use protocol "tcp" or "auto"`
	if l.Cluster != "" {
		ck.problemf(p.child("cluster"), hint, "with protocol http the routes lead to clusters, a listener does not")
	}
	if len(l.Forward) > 0 {
		ck.problemf(p.child("forward"), hint, "with protocol http the routes lead to clusters, a listener does not")
	}
}

// plainForwards reports conditions on a ClientHello that no one looks for.
func (ck *checker) plainForwards(p keyPath, list []*Forward) {
	const hint = `use protocol = "tls-passthrough", or end TLS here with a tls table`
	for i, f := range list {
		if f != nil && len(f.ServerNames) > 0 {
			ck.problemf(p.elem(i).child("server_names"), hint, "protocol tcp without TLS sees no server names")
		}
		if f != nil && len(f.ALPN) > 0 {
			ck.problemf(p.elem(i).child("alpn"), hint, "protocol tcp without TLS sees no ALPN")
		}
	}
}
