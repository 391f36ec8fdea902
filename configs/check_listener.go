package configs

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

func (ck *checker) listeners() {
	at := pathOf("listeners")
	if len(ck.cfg.Listeners) == 0 && !ck.broken[at] {
		ck.missingf("", `add [listeners.NAME] with address = "127.0.0.1:8080"`, "no listeners")
	}
	seen := map[string]string{} // address: name of the listener that has it
	for _, name := range ordered(ck.cfg.Listeners) {
		p := at.child(name)
		ck.name(p, "listener", name)
		l := ck.cfg.Listeners[name]
		if l == nil {
			l = NewListener("")
			ck.cfg.Listeners[name] = l
		}
		ck.listener(p, l)
		ck.uniqueAddress(p, name, l.Address, seen)
	}
}

func (ck *checker) listener(p keyPath, l *Listener) {
	ck.listenAddress(p, l.Address)
	ck.protocol(p, l)
	ck.transparentListener(p, l)
	if l.Cluster != "" {
		ck.clusterExists(p.child("cluster"), l.Cluster)
	}
	ck.forwards(p.child("forward"), l)
	if l.TLS != nil && l.Protocol != "tls-passthrough" {
		ck.listenerTLS(p.child("tls"), l)
	}
	if l.ProxyProtocol != nil {
		ck.proxyProtocol(p.child("proxy_protocol"), l.ProxyProtocol)
	}
	for i, cidr := range l.TrustedProxies {
		l.TrustedProxies[i] = ck.trusted(p.child("trusted_proxies").elem(i), "trusted_proxies", cidr, "anyone may then forge X-Forwarded-For")
	}
	ck.size(p.child("max_head"), l.MaxHead, kib, 60*kib)
	ck.size(p.child("max_target"), l.MaxTarget, 64, 60*kib)
	ck.number(p.child("max_fields"), l.MaxFields, 1, 1024)
	ck.size(p.child("max_body"), l.MaxBody, 0, 1<<20*gib)
	ck.size(p.child("min_body_rate"), l.MinBodyRate, 0, gib)
	ck.word(p.child("encoded_slash"), l.EncodedSlash, slashPolicies)
	t := p.child("timeouts")
	ck.duration(t.child("request_head"), l.Timeouts.RequestHead, false)
	ck.duration(t.child("body_idle"), l.Timeouts.BodyIdle, false)
	ck.duration(t.child("keep_alive_idle"), l.Timeouts.KeepAliveIdle, false)
	ck.duration(t.child("sniff"), l.Timeouts.Sniff, false)
	ck.duration(t.child("handshake"), l.Timeouts.Handshake, false)
	ck.duration(t.child("tunnel_idle"), l.Timeouts.TunnelIdle, false)
}

const listenHint = `write "host:port", like "127.0.0.1:8080", or ":8080" for every address`

const rangeHint = `write "host:first-last", like "127.0.0.1:9000-9099", with at most 1024 ports`

// listenAddress reports an address that cannot be bound. Names are refused: what
// they resolve to may change, and may be more than one address.
func (ck *checker) listenAddress(p keyPath, address string) {
	at := p.child("address")
	if address == "" {
		ck.missingf(p, listenHint, "listener %s has no address", p.last())
		return
	}
	host, port, _, err := splitRange(address)
	if err != nil && isRange(address) {
		ck.problemf(at, rangeHint, "address %s %s", quote(address), err)
		return
	}
	if err != nil {
		ck.problemf(at, listenHint, "address %s %s", quote(address), err)
		return
	}
	if host == "" {
		return
	}
	if ip, err := netip.ParseAddr(host); err != nil || ip.Zone() != "" {
		hint := listenHint
		if host == "localhost" {
			hint = fmt.Sprintf("write \"127.0.0.1:%d\"", port)
		}
		ck.problemf(at, hint, "address %s does not begin with an IP address", quote(address))
	}
}

// addressError is what is wrong with an address, after the words "address X".
type addressError string

func (e addressError) Error() string { return string(e) }

// splitAddress cuts host:port. The host may be empty and loses its brackets; it
// is checked no further.
func splitAddress(s string) (host string, port uint16, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return "", 0, addressError("has no port")
	}
	host = s[:i]
	inner, bracketed := strings.CutPrefix(host, "[")
	if bracketed {
		inner, bracketed = strings.CutSuffix(inner, "]")
		if !bracketed || !strings.Contains(inner, ":") {
			return "", 0, addressError("has brackets without an IPv6 address in them")
		}
		host = inner
	} else if strings.IndexByte(host, ':') >= 0 {
		if strings.Contains(host, "/") {
			return "", 0, addressError("is a URL")
		}
		return "", 0, addressError("needs brackets around its IPv6 address")
	}
	digits := s[i+1:]
	n, perr := strconv.ParseUint(digits, 10, 16)
	if perr != nil || (len(digits) > 1 && digits[0] == '0') {
		return "", 0, addressError("has no port from 0 to 65535")
	}
	return host, uint16(n), nil
}

// uniqueAddress reports two listeners on one address. With SO_REUSEPORT the
// kernel would not: it would share the connections between them at random.
func (ck *checker) uniqueAddress(p keyPath, name, address string, seen map[string]string) {
	host, first, last, err := splitRange(address)
	if err != nil || first == 0 {
		return
	}
	host = canonicalHost(host)
	if host == "" {
		host = "0.0.0.0"
	}
	told := false
	for port := int(first); port <= int(last); port++ {
		key := host + ":" + strconv.Itoa(port)
		other, ok := seen[key]
		if !ok {
			seen[key] = name
			continue
		}
		if told {
			continue
		}
		told = true
		what := "it"
		if first != last {
			what = "port " + strconv.Itoa(port)
		}
		ck.problemf(p.child("address"), fmt.Sprintf("listener %q%s has %s", other, ck.onLine(pathOf("listeners", other, "address")), what),
			"address %s is taken", quote(address))
	}
}

// canonicalHost is one spelling of an IP address; names are left alone.
func canonicalHost(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.String()
	}
	return host
}

// onLine is " on line 7", or nothing for a Config made by code.
func (ck *checker) onLine(p keyPath) string {
	if n := ck.lines.line(p); n > 0 {
		return fmt.Sprintf(" on line %d", n)
	}
	return ""
}

// trusted returns s, an element of the list called key, as a CIDR; one address is a
// CIDR of its own. risk is what trust in everyone leads to.
func (ck *checker) trusted(p keyPath, key, s, risk string) string {
	prefix, ok := ck.cidr(p, key, s)
	if !ok {
		return s
	}
	if prefix.Bits() == 0 {
		ck.warnf(p, risk, "%s: %s trusts every client", key, quote(s))
	}
	return prefix.String()
}

// cidr reads s, an element of the list called key: a CIDR, or one address. false: it
// is reported.
func (ck *checker) cidr(p keyPath, key, s string) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(s)
	if ip, ipErr := netip.ParseAddr(s); ipErr == nil && ip.Zone() == "" {
		prefix, err = netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	switch {
	case err != nil:
		ck.problemf(p, `write a CIDR like "10.0.0.0/8", or one address`, "%s: %s is not a CIDR", key, quote(s))
	case prefix.Addr().Is4In6():
		ck.problemf(p, fmt.Sprintf("write the IPv4 form, like %q", prefix.Addr().Unmap()), "%s: %s is an IPv4 address written as IPv6", key, quote(s))
	case prefix.Masked() != prefix:
		ck.problemf(p, fmt.Sprintf("did you mean %q or %q?", prefix.Masked(), prefix.Addr()), "%s: %s has bits beyond its mask", key, quote(s))
	default:
		return prefix, true
	}
	return prefix, false
}
