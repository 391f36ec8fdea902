package engine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"weir/codec/http1"
	"weir/configs"
	"weir/engine/reactor"
	"weir/engine/route"
	"weir/engine/session"
)

// listen binds a socket a loop for each address of a listener.
func (e *Engine) listen(name string, cfg *configs.Listener, clusters map[string]int) error {
	ln, err := e.compileListener(name, cfg, clusters)
	if err != nil {
		return err
	}
	for i, text := range cfg.Addresses() {
		bound, err := e.bind(text, ln)
		if err != nil {
			return err
		}
		if i == 0 {
			e.addresses[name] = bound.String()
		}
	}
	return nil
}

// bind opens one address on every loop.
func (e *Engine) bind(text string, ln *session.Listener) (netip.AddrPort, error) {
	address, err := listenAddress(text)
	if err != nil {
		return address, err
	}
	tproxy := ln.Transparent == session.TransparentTProxy
	if err := reactor.Probe(address, tproxy); err != nil {
		return address, listenError(text, err)
	}
	for _, l := range e.loops {
		fd, bound, err := reactor.Bind(address, tproxy)
		if err != nil {
			return address, listenError(text, err)
		}
		address = bound // the port the kernel chose for the first is everyone's
		if err := l.listen(fd, ln); err != nil {
			return address, err
		}
	}
	e.own.add(address)
	return address, nil
}

func listenAddress(text string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return netip.AddrPort{}, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("port %q is not a number from 0 to 65535", port)
	}
	if host == "" {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(n)), nil
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not an IP address to listen on", host)
	}
	return netip.AddrPortFrom(ip, uint16(n)), nil
}

// listenError says what to do about the usual two.
func listenError(address string, err error) error {
	hint := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "; another process listens there, stop it or choose another port"
	case errors.Is(err, syscall.EACCES):
		hint = "; ports below 1024 need root or CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "; no interface of this machine has that address"
	}
	return fmt.Errorf("listen %s: %w%s", address, err, hint)
}

// The words of the configuration; the loader knows no others.
var (
	protocols = map[string]session.Protocol{
		"": session.ProtocolHTTP, "http": session.ProtocolHTTP, "tcp": session.ProtocolTCP,
		"tls-passthrough": session.ProtocolPassthrough, "auto": session.ProtocolAuto,
	}
	transparencies = map[string]session.Transparency{
		"": session.TransparentOff, "off": session.TransparentOff, "tproxy": session.TransparentTProxy, "redirect": session.TransparentRedirect,
	}
	proxyModes = map[string]session.ProxyMode{"optional": session.ProxyOptional, "required": session.ProxyRequired}
)

func (e *Engine) compileListener(name string, cfg *configs.Listener, clusters map[string]int) (*session.Listener, error) {
	ln := &session.Listener{
		Name:             name,
		Limits:           http1.Limits{HeadBytes: int(cfg.MaxHead), TargetBytes: int(cfg.MaxTarget), Fields: cfg.MaxFields},
		MaxBody:          int64(cfg.MaxBody),
		MinBodyRate:      int64(cfg.MinBodyRate),
		KeepEncodedSlash: cfg.EncodedSlash == "keep",
		RequestHead:      cfg.Timeouts.RequestHead.Nanoseconds(),
		BodyIdle:         cfg.Timeouts.BodyIdle.Nanoseconds(),
		KeepAliveIdle:    cfg.Timeouts.KeepAliveIdle.Nanoseconds(),
		Protocol:         protocols[cfg.Protocol],
		TLS:              e.security.servers[name],
		Sniff:            cfg.Timeouts.Sniff.Nanoseconds(),
		Handshake:        cfg.Timeouts.Handshake.Nanoseconds(),
		TunnelIdle:       cfg.Timeouts.TunnelIdle.Nanoseconds(),
		Transparent:      transparencies[cfg.Transparent],
	}
	var err error
	if ln.Trusted, err = parsePrefixes(cfg.TrustedProxies); err != nil {
		return nil, fmt.Errorf("trusted_proxies: %w", err)
	}
	if p := cfg.ProxyProtocol; p != nil {
		ln.Proxy = proxyModes[p.Mode]
		if ln.ProxyFrom, err = parsePrefixes(p.From); err != nil {
			return nil, fmt.Errorf("proxy_protocol.from: %w", err)
		}
	}
	if ln.Forwards, err = route.CompileForwards(cfg.Forward, cfg.Cluster, clusters); err != nil {
		return nil, err
	}
	return ln, nil
}

func parsePrefixes(texts []string) (list []netip.Prefix, err error) {
	for _, text := range texts {
		p, err := parsePrefix(text)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// parsePrefix reads a CIDR, or an address as the prefix of itself.
func parsePrefix(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a CIDR", text)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}
