package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"weir/configs"
)

// Client is what weir speaks TLS to the endpoints of one cluster with. Config may be
// called from any goroutine; the others exclude each other.
type Client struct {
	cfg   *configs.ClusterTLS
	hosts []string
	now   func() time.Time

	inForce atomic.Pointer[[]*tls.Config] // by host

	mu       sync.Mutex // of what follows, and of publishing
	material *clientMaterial
}

// clientMaterial is what the files held.
type clientMaterial struct {
	files       []string
	sum         [sha256.Size]byte
	pair        *tls.Certificate // nil: no client certificate
	authorities *x509.CertPool   // nil: the system's
	revocations *revocations
}

// NewClient reads the files of cfg and builds a config for each of hosts, the host
// of each endpoint, a name or an address without port. cfg and hosts must not change
// afterwards. Errors name the key and the file.
func NewClient(cfg *configs.ClusterTLS, hosts []string) (*Client, error) {
	c := &Client{cfg: cfg, hosts: hosts, now: time.Now}
	m, err := readClient(cfg)
	if err != nil {
		return nil, err
	}
	return c, c.publish(m)
}

// Config is the one in force for hosts[i]. It is shared by all connections that
// begin now: the caller neither changes nor clones it.
func (c *Client) Config(i int) *tls.Config { return (*c.inForce.Load())[i] }

// Files are those that were read, each once, as the configuration names them. After
// a Reload that failed they are the ones in force.
func (c *Client) Files() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.material.files)
}

// Warnings is what is wrong, though not so wrong that the config could not be in
// force: a list or the client certificate whose time is over.
func (c *Client) Warnings() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	list := c.material.revocations.stale("crl", now)
	if p := c.material.pair; p != nil && now.After(p.Leaf.NotAfter) {
		list = append(list, fmt.Errorf("cert: the certificate was valid until %s", date(p.Leaf.NotAfter)))
	}
	return list
}

// Reload reads the files again. If they changed, all that is made of them is
// replaced at once, and sessions are not resumed: an endpoint or a list that is no
// longer trusted must not profit from earlier trust. On an error, and if nothing
// changed, the configs in force stay.
func (c *Client) Reload() (changed bool, err error) {
	c.mu.Lock() // over the reading too, so that what was read last is what stays
	defer c.mu.Unlock()
	m, err := readClient(c.cfg)
	if err != nil {
		return false, err
	}
	if m.sum == c.material.sum {
		return false, nil
	}
	if err := c.publish(m); err != nil {
		return false, err
	}
	return true, nil
}

func readClient(cfg *configs.ClusterTLS) (*clientMaterial, error) {
	m, r := &clientMaterial{}, newReader()
	var err error
	if m.authorities, err = readOptional(r, "ca", cfg.CA, parseAuthorities); err != nil {
		return nil, err
	}
	if m.revocations, err = readOptional(r, "crl", cfg.CRL, parseRevocations); err != nil {
		return nil, err
	}
	if cfg.Cert != "" || cfg.Key != "" {
		if m.pair, err = readPair(r, "", cfg.Cert, cfg.Key); err != nil {
			return nil, err
		}
	}
	m.files, m.sum = r.files, r.sum()
	return m, nil
}

func (c *Client) publish(m *clientMaterial) error {
	base, err := c.baseConfig(m)
	if err != nil {
		return err
	}
	// One session an endpoint: all its connections resume from the newest.
	cache := tls.NewLRUClientSessionCache(max(1, len(c.hosts)))
	byHost := map[string]*tls.Config{}
	list := make([]*tls.Config, len(c.hosts))
	for i, host := range c.hosts {
		if byHost[host] == nil {
			config := base.Clone()
			config.ServerName = c.serverName(host)
			config.ClientSessionCache = sessionsOf{cache, host}
			byHost[host] = config
		}
		list[i] = byHost[host]
	}
	c.material = m
	c.inForce.Store(&list)
	return nil
}

func (c *Client) baseConfig(m *clientMaterial) (*tls.Config, error) {
	t := &tls.Config{
		Time:               c.now,
		NextProtos:         c.cfg.ALPN,
		RootCAs:            m.authorities,
		InsecureSkipVerify: c.cfg.Insecure,
		Renegotiation:      tls.RenegotiateNever,
		// Small first records help a browser render early; an endpoint only pays for them.
		DynamicRecordSizingDisabled: true,
	}
	var err error
	if t.MinVersion, t.MaxVersion, err = parseVersions(c.cfg.MinVersion, c.cfg.MaxVersion); err != nil {
		return nil, err
	}
	pins, err := parsePins(c.cfg.Pins)
	if err != nil {
		return nil, err
	}
	if m.pair != nil {
		// Always sent when asked for: crypto/tls would hold a certificate back whose
		// issuer the endpoint does not name, and the endpoint then could not say why.
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return m.pair, nil
		}
	}
	if len(pins) > 0 || m.revocations != nil {
		insecure := c.cfg.Insecure
		t.VerifyConnection = func(cs tls.ConnectionState) error {
			return verifyEndpoint(&cs, pins, m.revocations, insecure, c.now())
		}
	}
	return t, nil
}

// serverName is what an endpoint is asked for and verified as. A zone says which way
// to an address, and is in no certificate.
func (c *Client) serverName(host string) string {
	if c.cfg.ServerName != "" {
		return c.cfg.ServerName
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.Contains(host, ":") {
		host, _, _ = strings.Cut(host, "%")
	}
	return host
}

// sessionsOf keeps the sessions of endpoints apart that share a server name, by
// which crypto/tls asks: what one of them issued the others cannot resume.
type sessionsOf struct {
	shared tls.ClientSessionCache
	host   string
}

func (s sessionsOf) Get(string) (*tls.ClientSessionState, bool) { return s.shared.Get(s.host) }

func (s sessionsOf) Put(_ string, state *tls.ClientSessionState) { s.shared.Put(s.host, state) }
