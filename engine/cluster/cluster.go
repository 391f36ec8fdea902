// Package cluster is where requests go: named sets of endpoints, whose turn it is
// among them, and the upstream connections, in use and idle.
//
// A Cluster is immutable and shared by all loops. What changes lives in a Local,
// one a loop, so that balancing and reuse take no lock.
package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"weir/configs"
	"weir/engine/certs"
	"weir/engine/transport"
)

// Endpoint is one address of a cluster. Each loop has its own.
type Endpoint struct {
	// Address is as configured; where a name stood for several addresses, the
	// address itself.
	Address string
	Addr    transport.Addr
	Weight  int
	index   int
	host    string // as configured
	local   *Local
	idle    idleList
	// original is set where the endpoint was made of an original destination.
	original *original
}

// Cluster is a named set of endpoints with one policy. Times are nanoseconds.
type Cluster struct {
	Name           string
	Endpoints      []*Endpoint
	ConnectTimeout int64
	MaxHead        int
	MaxFields      int
	// ProxyProtocol is the PROXY header that connections begin with. They serve the
	// client it names, and nobody after.
	ProxyProtocol ProxyVersion
	// TLS is what is spoken to the endpoints; nil: none.
	TLS *certs.Client
	// Source is whose address endpoints see.
	Source Source
	// Mark is the fwmark of connections; 0: none.
	Mark uint32
	// Original is set where endpoints are the original destinations of clients; nil: they
	// are Endpoints.
	Original *Original

	maxIdle     int
	idleTimeout int64
	lifetime    int64
	// schedule holds endpoint indexes, each as often as its weight asks and
	// spread out evenly: a turn is one look-up.
	schedule []uint16
}

// ProxyVersion is a version of the PROXY protocol.
type ProxyVersion uint8

const (
	ProxyOff ProxyVersion = iota
	ProxyV1
	ProxyV2
)

var proxyVersions = map[string]ProxyVersion{"": ProxyOff, "off": ProxyOff, "v1": ProxyV1, "v2": ProxyV2}

// Source is whose address an endpoint sees.
type Source uint8

const (
	// SourceSelf: this machine's.
	SourceSelf Source = iota
	// SourceClientIP: the client's, with a port of its own.
	SourceClientIP
	// SourceClientIPPort: the client's, its port too if it can be had.
	SourceClientIPPort
)

var sources = map[string]Source{"": SourceSelf, "self": SourceSelf, "client_ip": SourceClientIP, "client_ip_port": SourceClientIPPort}

// Lookup resolves a host name, as net.Resolver.LookupNetIP does.
type Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// Compile builds the cluster. Host names are resolved here, once, so it may
// block: it runs at start, never on a loop. Errors name the endpoint.
func Compile(ctx context.Context, name string, cfg *configs.Cluster, lookup Lookup) (*Cluster, error) {
	c := &Cluster{
		Name:           name,
		ConnectTimeout: cfg.Timeouts.Connect.Nanoseconds(),
		MaxHead:        int(cfg.MaxHead),
		MaxFields:      cfg.MaxFields,
		maxIdle:        cfg.MaxIdle,
		idleTimeout:    cfg.Timeouts.Idle.Nanoseconds(),
		lifetime:       cfg.Timeouts.Lifetime.Nanoseconds(),
		Mark:           uint32(cfg.Mark),
	}
	for _, e := range cfg.Endpoints {
		if err := c.add(ctx, e, lookup); err != nil {
			return nil, fmt.Errorf("cluster %q: endpoint %q: %w", name, e.Address, err)
		}
	}
	if cfg.Discovery == "original_dst" {
		c.Original = newOriginal(cfg)
	} else if len(c.Endpoints) == 0 || len(c.Endpoints) > 1<<16-1 {
		return nil, fmt.Errorf("cluster %q: %d endpoints; give 1 to 65535", name, len(c.Endpoints))
	}
	c.schedule = schedule(c.Endpoints)
	var known bool
	if c.ProxyProtocol, known = proxyVersions[cfg.ProxyProtocol]; !known {
		return nil, fmt.Errorf("cluster %q: proxy_protocol %q is not off, v1 or v2", name, cfg.ProxyProtocol)
	}
	if c.Source, known = sources[cfg.Source]; !known {
		return nil, fmt.Errorf("cluster %q: source %q is not self, client_ip or client_ip_port", name, cfg.Source)
	}
	if cfg.TLS != nil {
		hosts := make([]string, len(c.Endpoints))
		for i, e := range c.Endpoints {
			hosts[i] = e.host
		}
		if c.Original != nil {
			hosts = []string{""} // they share a name, server_name
		}
		var err error
		if c.TLS, err = certs.NewClient(cfg.TLS, hosts); err != nil {
			return nil, fmt.Errorf("cluster %q: tls: %w", name, err)
		}
	}
	return c, nil
}

func (c *Cluster) add(ctx context.Context, e configs.Endpoint, lookup Lookup) error {
	host, portText, err := net.SplitHostPort(e.Address)
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return fmt.Errorf("port %q: %w", portText, errors.Unwrap(err))
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" {
			return errors.New("addresses with a zone are not supported")
		}
		c.addAddr(host, e.Address, netip.AddrPortFrom(ip, uint16(port)), e.Weight)
		return nil
	}
	ips, err := lookup(ctx, "ip", host)
	if err != nil {
		return err
	}
	if len(ips) == 0 {
		return errors.New("the name has no address")
	}
	for _, ip := range ips {
		at := netip.AddrPortFrom(ip.Unmap(), uint16(port))
		c.addAddr(host, at.String(), at, e.Weight)
	}
	return nil
}

func (c *Cluster) addAddr(host, address string, at netip.AddrPort, weight int) {
	c.Endpoints = append(c.Endpoints, &Endpoint{
		Address: address, Addr: transport.AddrFrom(at), Weight: max(weight, 1), index: len(c.Endpoints), host: host,
	})
}

// schedule places each endpoint's turns evenly over one round: the k-th of w turns
// of the i-th of n endpoints at (k+(i+1/2)/n)/w of it. The share of i keeps
// endpoints of one weight apart: without it their turns would come in bursts.
func schedule(endpoints []*Endpoint) []uint16 {
	divisor := 0
	for _, e := range endpoints {
		divisor = gcd(divisor, e.Weight)
	}
	type turn struct {
		at    float64
		index int
	}
	var turns []turn
	for i, e := range endpoints {
		w := e.Weight / divisor
		phase := (float64(i) + 0.5) / float64(len(endpoints))
		for k := range w {
			turns = append(turns, turn{(float64(k) + phase) / float64(w), e.index})
		}
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return cmp.Compare(a.at, b.at) })
	out := make([]uint16, len(turns))
	for i, t := range turns {
		out[i] = uint16(t.index)
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
