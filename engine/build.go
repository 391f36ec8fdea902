package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"weir/codec/http1"
	"weir/configs"
	"weir/engine/cluster"
	"weir/engine/observe"
	"weir/engine/reactor"
	"weir/engine/route"
	"weir/engine/session"
)

// lookupTimeout bounds the resolution of one host name, at start.
const lookupTimeout = 5 * time.Second

// build compiles the configuration into loops that are ready to run.
func (e *Engine) build(opt Options) (err error) {
	cfg := e.cfg
	if e.log, err = observe.NewLogger(opt.Stderr, cfg.Log.Level, cfg.Log.Format); err != nil {
		return err
	}
	e.access, err = observe.OpenAccessLog(cfg.Log.Access, opt.Stdout, func(err error) {
		e.log.Error("access log lines are being lost", zap.Error(err))
	})
	if err != nil {
		return err
	}
	clusters, index, err := compileClusters(cfg)
	if err != nil {
		return err
	}
	table, err := route.Compile(cfg.Routes, index, cfg.Errors)
	if err != nil {
		return err
	}
	if e.limit, err = connectionLimit(cfg.Engine.MaxConnections); err != nil {
		return err
	}
	count := cfg.Engine.Loops
	if count == 0 {
		count = runtime.NumCPU()
	}
	for i := range count {
		l, err := e.newLoop(i, count, table, clusters)
		if err != nil {
			return err
		}
		e.loops = append(e.loops, l)
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Listeners)) {
		if err := e.listen(name, cfg.Listeners[name]); err != nil {
			return wrap("listener", name, err)
		}
	}
	return nil
}

// compileClusters gives every cluster a dense index, by name.
func compileClusters(cfg *configs.Config) ([]*cluster.Cluster, map[string]int, error) {
	var list []*cluster.Cluster
	index := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Clusters)) {
		ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
		c, err := cluster.Compile(ctx, name, cfg.Clusters[name], net.DefaultResolver.LookupNetIP)
		cancel()
		if err != nil {
			return nil, nil, err
		}
		index[name] = len(list)
		list = append(list, c)
	}
	return list, index, nil
}

// reservedFDs are descriptors that connections do not get: the process's own, and
// a dozen a loop.
const reservedFDs = 128

// connectionLimit is how many downstream connections there may be, each of which
// may need an upstream one.
func connectionLimit(configured int) (int64, error) {
	if configured > 0 {
		return int64(configured), nil
	}
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, fmt.Errorf("getrlimit: %w", err)
	}
	return max(int64(min(r.Cur, 1<<30))-reservedFDs, 64) / 2, nil
}

// listen binds one socket a loop.
func (e *Engine) listen(name string, cfg *configs.Listener) error {
	address, err := listenAddress(cfg.Address)
	if err != nil {
		return err
	}
	if err := reactor.Probe(address); err != nil {
		return listenError(cfg.Address, err)
	}
	ln, err := compileListener(name, cfg)
	if err != nil {
		return err
	}
	for _, l := range e.loops {
		fd, bound, err := reactor.Bind(address)
		if err != nil {
			return listenError(cfg.Address, err)
		}
		address = bound // the port the kernel chose for the first is everyone's
		if err := l.listen(fd, ln); err != nil {
			return err
		}
	}
	e.addresses[name] = address.String()
	return nil
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

func compileListener(name string, cfg *configs.Listener) (*session.Listener, error) {
	ln := &session.Listener{
		Name:             name,
		Limits:           http1.Limits{HeadBytes: int(cfg.MaxHead), TargetBytes: int(cfg.MaxTarget), Fields: cfg.MaxFields},
		MaxBody:          int64(cfg.MaxBody),
		MinBodyRate:      int64(cfg.MinBodyRate),
		KeepEncodedSlash: cfg.EncodedSlash == "keep",
		RequestHead:      cfg.Timeouts.RequestHead.Nanoseconds(),
		BodyIdle:         cfg.Timeouts.BodyIdle.Nanoseconds(),
		KeepAliveIdle:    cfg.Timeouts.KeepAliveIdle.Nanoseconds(),
	}
	for _, text := range cfg.TrustedProxies {
		p, err := parsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("trusted_proxies: %w", err)
		}
		ln.Trusted = append(ln.Trusted, p)
	}
	return ln, nil
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
