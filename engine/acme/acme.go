// Package acme keeps certificates for the hosts of a configuration: it obtains what
// its storage does not hold, and renews it before it expires (RFC 8555).
//
// It opens no port. The authority's challenges are answered by weir's listeners,
// which ask Challenge and HTTPToken; like Certificate, these read memory only, so a
// loop and a handshake may call them. All that waits for the network or the disk
// runs on goroutines of this package, between Start and Close.
//
// Naming an authority in the configuration is agreeing to its terms of service.
//
// Several processes may share a storage: each takes over what another has renewed,
// and the jitter of renewals makes it unlikely that two of them ask at once. If they
// do, both certificates are good and the last one written stays. But a challenge is
// known only to the process that asked for it. Weirs that answer for the same address
// behind a balancer therefore need one of them to obtain, and the others to read its
// files.
//
// It does not do wildcards, which need DNS-01, nor renewal information (RFC 9773).
package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"weir/configs"
)

// ALPN is the protocol that a ClientHello of TLS-ALPN-01 offers, and no other
// (RFC 8737 section 4). The tls.Config that answers it must name it in NextProtos.
const ALPN = "acme-tls/1"

// concurrent is how many hosts are worked on at a time.
const concurrent = 4

// Manager keeps the certificates of one configuration table. Its methods may be
// called from any goroutine.
type Manager struct {
	hosts   []string
	sites   map[string]*site // never changes
	answers answers
	account *account
	folder  folder
	log     func(host string, event Event)
	pace    pace
	slots   chan struct{} // one for each attempt under way
	ctx     context.Context
	cancel  context.CancelFunc
	start   sync.Once
	keepers sync.WaitGroup
}

// site is one host and its certificate.
type site struct {
	host string
	cert atomic.Pointer[tls.Certificate]

	// Of New, then of the goroutine that keeps the site.
	due  time.Time // when to obtain or renew
	kind int       // index in kinds: the challenge to try first
}

// New reads the storage and starts nothing. The folder is made, open to its owner
// only, if it is missing. What is wrong with the table, the folder or the roots is an
// error; what is wrong with a stored certificate is logged, and the host counts as
// having none. log gets every event; it may be called by several goroutines at once, and
// by New itself. It must not be nil.
func New(cfg *configs.ACME, log func(host string, event Event)) (*Manager, error) {
	return newManager(cfg, log, realPace())
}

func newManager(cfg *configs.ACME, log func(host string, event Event), pace pace) (*Manager, error) {
	m := &Manager{sites: map[string]*site{}, log: log, pace: pace, slots: make(chan struct{}, concurrent)}
	for _, host := range cfg.Hosts {
		name := strings.ToLower(host)
		if err := checkHost(name); err != nil {
			return nil, fmt.Errorf("acme: host %q %w", host, err)
		}
		if m.sites[name] == nil {
			m.hosts = append(m.hosts, name)
			m.sites[name] = &site{host: name}
		}
	}
	var err error
	if m.folder, err = openFolder(cfg.Storage, cfg.Directory); err != nil {
		return nil, fmt.Errorf("acme: storage %q: %w", cfg.Storage, err)
	}
	if m.account, err = newAccount(cfg, m.folder); err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	m.answers.init()
	for _, host := range m.hosts {
		m.load(m.sites[host])
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m, nil
}

// load takes the certificate of a site from storage, if there is a good one.
func (m *Manager) load(s *site) {
	cert, err := m.stored(s.host)
	switch {
	case err != nil:
		m.log(s.host, Event{Kind: StoredUnusable, Err: reason(err)})
	case cert != nil:
		s.cert.Store(cert)
		s.due = renewAt(cert.Leaf)
		m.log(s.host, Event{Kind: Loaded, Expires: cert.Leaf.NotAfter})
	}
}

// checkHost reports what cannot be the name of a certificate. It also keeps a name
// from leaving the storage folder. The message follows the name.
func checkHost(host string) error {
	switch {
	case strings.HasPrefix(host, "*."):
		return errors.New("is a wildcard, which neither HTTP-01 nor TLS-ALPN-01 can prove")
	case len(host) > 253 || !strings.Contains(host, "."):
		return errors.New("is not a full host name")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return errors.New("is an address: a certificate is for a name")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("is not a host name")
		}
		for _, c := range []byte(label) {
			if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return fmt.Errorf("holds %q; write other letters in their xn-- form", c)
			}
		}
	}
	return nil
}

// Hosts are the names to keep certificates for, in lower case, in the order of the
// configuration.
func (m *Manager) Hosts() []string { return slices.Clone(m.hosts) }

// Certificate is the certificate of host, or nil if there is none yet or host is not
// one of Hosts. It is replaced, never changed. The call is a map read and an atomic
// load.
func (m *Manager) Certificate(host string) *tls.Certificate {
	if s := m.sites[strings.ToLower(host)]; s != nil {
		return s.cert.Load()
	}
	return nil
}

var (
	errNotChallenge = errors.New("the hello does not offer exactly " + ALPN)
	errNoChallenge  = errors.New("no challenge is under way for the server name")
)

// Challenge is the certificate that answers a ClientHello of TLS-ALPN-01 (RFC 8737):
// self-signed, and for nobody but the authority. It is an error if the hello is not
// one, or if this manager has not asked for a certificate of its server name just now.
func (m *Manager) Challenge(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != ALPN {
		return nil, errNotChallenge
	}
	if cert := m.answers.load().certs[strings.ToLower(hello.ServerName)]; cert != nil {
		return cert, nil
	}
	return nil, errNoChallenge
}

// HTTPToken is what a GET of /.well-known/acme-challenge/TOKEN is answered with, as
// application/octet-stream (RFC 8555 section 8.3). host is the Host field, with or
// without a port. keyAuth is shared: it must not be changed. The call is an atomic
// load and a map read, without allocation.
func (m *Manager) HTTPToken(host, token []byte) (keyAuth []byte, ok bool) {
	answer, ok := m.answers.load().tokens[string(token)]
	if i := bytes.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	if !ok || !bytes.EqualFold(host, answer.host) {
		return nil, false
	}
	return answer.keyAuth, true
}

// Start begins to obtain and to renew. Only the first call does anything.
func (m *Manager) Start() {
	m.start.Do(func() {
		for _, host := range m.hosts {
			m.keepers.Add(1)
			go m.keep(m.sites[host])
		}
	})
}

// Close ends what Start began, and waits for it: an attempt under way is given up.
// Certificates stay available. A manager that is closed does not start again.
func (m *Manager) Close() {
	m.start.Do(func() {})
	m.cancel()
	m.keepers.Wait()
	m.account.http.CloseIdleConnections()
}
