// Package certs decides which tls.Config a connection gets, on either side, and
// keeps it fresh: certificates and their choice by server name, authorities,
// revocation lists, pins, ticket keys and staples.
//
// A Server or Client reads its files and builds one immutable set of configs, that
// connections find with an atomic load. A Reload builds the next set whole and
// publishes it, or fails and leaves the old one in force; connections that are open
// keep what they began with. A Watcher calls Reload when files change.
//
// It opens no connection and does no handshake. Key material never appears in an
// error.
package certs

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"weir/configs"
)

// Dynamic is a source of certificates that come by themselves (ACME). Its methods
// are called in handshakes, from several goroutines, and must not block for long.
type Dynamic interface {
	// Hosts are the names it obtains certificates for. They do not change.
	Hosts() []string
	// Certificate is the one for a host of Hosts, in lower case, or nil while there
	// is none.
	Certificate(host string) *tls.Certificate
	// Challenge is what proves to the authority that a name is ours, in a handshake
	// that asks for nothing else (TLS-ALPN-01, RFC 8737).
	Challenge(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// Server is what one listener ends TLS with. Config and Covers may be called from
// any goroutine and cost an atomic load; the others exclude each other.
type Server struct {
	cfg     *configs.ListenerTLS
	dynamic Dynamic
	now     func() time.Time

	inForce atomic.Pointer[serving]

	mu       sync.Mutex // of what follows, and of publishing
	material *serverMaterial
	own      ownKeys
}

// serving is one published set. Nothing in it changes.
type serving struct {
	config *tls.Config
	index  *index
	due    time.Time // when the next staple is over; zero: never
	rsa    bool      // a certificate has such a key
}

// serverMaterial is what the files held.
type serverMaterial struct {
	files       []string
	sum         [sha256.Size]byte
	pairs       []*tls.Certificate // never published: what is gets its staple first
	staples     []*staple          // by pair; nil: none
	authorities *x509.CertPool
	revocations *revocations
	ticketKeys  [][32]byte // nil: our own
	warnings    []error
}

// NewServer reads the files of cfg and builds the first config. dynamic may be nil.
// cfg must not change afterwards. Errors name the key and the file.
func NewServer(cfg *configs.ListenerTLS, dynamic Dynamic) (*Server, error) {
	return newServer(cfg, dynamic, time.Now)
}

func newServer(cfg *configs.ListenerTLS, dynamic Dynamic, now func() time.Time) (*Server, error) {
	s := &Server{cfg: cfg, dynamic: dynamic, now: now}
	m, err := readServer(cfg)
	if err != nil {
		return nil, err
	}
	s.own.rotate(now())
	return s, s.publish(m)
}

// Config is the one in force. It is shared by all connections that begin now: the
// caller neither changes nor clones it.
func (s *Server) Config() *tls.Config { return s.inForce.Load().config }

// Covers reports whether a request for host, a Host field with or without port, in
// any case, may come on a connection whose SNI was serverName: if they are the same
// name, or select the same certificates, so that the client could have asked for
// either. A client that sent no SNI is not judged. It does not allocate.
func (s *Server) Covers(serverName string, host []byte) bool {
	if serverName == "" || string(host) == serverName {
		return true
	}
	var a, b [maxName]byte
	asked, wanted := name(&a, serverName), name(&b, host)
	if string(asked) == string(wanted) {
		return true
	}
	x := s.inForce.Load().index
	e := x.find(asked)
	return e != nil && e == x.find(wanted)
}

// SignsWithRSA reports whether one of the certificates has an RSA key, whose signatures
// take a millisecond each. It costs an atomic load.
func (s *Server) SignsWithRSA() bool { return s.inForce.Load().rsa }

// Files are those that were read, each once, as the configuration names them. After
// a Reload that failed they are the ones in force.
func (s *Server) Files() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.material.files)
}

// Warnings is what is wrong, though not so wrong that the config could not be in
// force: a staple that is not sent, a list or a certificate whose time is over.
func (s *Server) Warnings() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.material.outdated(s.now())
}

// Reload reads the files again. If they changed, all that is made of them is
// replaced at once; ticket keys of our own survive. On an error, and if nothing
// changed, the config in force stays.
func (s *Server) Reload() (changed bool, err error) {
	s.mu.Lock() // over the reading too, so that what was read last is what stays
	defer s.mu.Unlock()
	m, err := readServer(s.cfg)
	if err != nil {
		return false, err
	}
	if m.sum == s.material.sum {
		return false, nil
	}
	if err := s.publish(m); err != nil {
		return false, err
	}
	return true, nil
}

// RotateTickets replaces keys of our own that are a day old; sessions of the last two
// still resume. With a file of keys it does nothing.
func (s *Server) RotateTickets(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.material.ticketKeys == nil && s.cfg.SessionTickets && s.own.rotate(now) {
		s.rebuild()
	}
}

// ExpireStaples stops sending staples whose time is over: a client that checks them
// would refuse the connection.
func (s *Server) ExpireStaples(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if due := s.inForce.Load().due; !due.IsZero() && !now.Before(due) {
		s.rebuild()
	}
}

// rebuild publishes what was read anew. It cannot fail: publish did not.
func (s *Server) rebuild() {
	if err := s.publish(s.material); err != nil {
		panic(err)
	}
}

func (s *Server) publish(m *serverMaterial) error {
	next, err := s.build(m)
	if err != nil {
		return err
	}
	next.rsa = slices.ContainsFunc(m.pairs, func(p *tls.Certificate) bool {
		_, is := p.PrivateKey.(*rsa.PrivateKey)
		return is
	})
	s.material = m
	s.inForce.Store(next)
	return nil
}

func readServer(cfg *configs.ListenerTLS) (*serverMaterial, error) {
	m, r := &serverMaterial{}, newReader()
	for i, c := range cfg.Certificates {
		key := fmt.Sprintf("certificates[%d]", i)
		pair, err := readPair(r, key+".", c.Cert, c.Key)
		if err != nil {
			return nil, err
		}
		st, err := readStaple(r, key+".ocsp", c.OCSP, pair)
		if err != nil {
			m.warnings = append(m.warnings, fmt.Errorf("%w; it is not sent", err))
		}
		if len(leafNames(pair.Leaf)) == 0 && (i > 0 || cfg.StrictSNI) {
			m.warnings = append(m.warnings, fmt.Errorf("%s: it has no DNS names, so no client can ask for it", origin(key+".cert", c.Cert)))
		}
		m.pairs, m.staples = append(m.pairs, pair), append(m.staples, st)
	}
	var err error
	if m.authorities, err = readOptional(r, "client_ca", cfg.ClientCA, parseAuthorities); err != nil {
		return nil, err
	}
	if m.revocations, err = readOptional(r, "client_crl", cfg.ClientCRL, parseRevocations); err != nil {
		return nil, err
	}
	keys, err := readOptional(r, "ticket_keys", cfg.TicketKeys, func(text []byte) (*[][32]byte, error) {
		keys, err := configs.ParseTicketKeys(text)
		return &keys, err
	})
	if err != nil {
		return nil, err
	}
	if keys != nil {
		m.ticketKeys = *keys
	}
	m.files, m.sum = r.files, r.sum()
	return m, nil
}

// readOptional is nil for a value that is not given.
func readOptional[T any](r *reader, key, value string, parse func([]byte) (*T, error)) (*T, error) {
	if value == "" {
		return nil, nil
	}
	text, err := r.value(key, value)
	if err != nil {
		return nil, err
	}
	parsed, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", origin(key, value), err)
	}
	return parsed, nil
}

func readPair(r *reader, prefix, cert, key string) (*tls.Certificate, error) {
	chain, err := r.value(prefix+"cert", cert)
	if err != nil {
		return nil, err
	}
	private, err := r.value(prefix+"key", key)
	if err != nil {
		return nil, err
	}
	pair, err := parsePair(chain, private)
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", origin(prefix+"cert", cert), origin(prefix+"key", key), err)
	}
	return pair, nil
}

func readStaple(r *reader, key, file string, pair *tls.Certificate) (*staple, error) {
	if file == "" {
		return nil, nil
	}
	der, err := r.file(key, file)
	if err != nil {
		return nil, err
	}
	st, err := parseStaple(der, pair)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", key, file, err)
	}
	return st, nil
}
