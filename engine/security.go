package engine

import (
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"go.uber.org/zap"

	"weir/configs"
	"weir/engine/acme"
	"weir/engine/certs"
	"weir/engine/cluster"
	"weir/engine/tlsconn"
	"weir/engine/transport"
)

// security is what an engine needs for TLS; the zero value, for none.
type security struct {
	handshakes  *transport.Handshakes
	servers     map[string]*certs.Server // by listener
	authorities []*acme.Manager
	watcher     *certs.Watcher
}

// speaker is a certs.Server or a certs.Client.
type speaker interface {
	certs.Reloader
	Warnings() []error
}

// checkTLS tries the way records pass through crypto/tls, once a process.
var checkTLS = sync.OnceValue(tlsconn.Check)

// secure prepares TLS, if anything speaks it: certificates, what watches their files,
// the workers of handshakes.
func (e *Engine) secure(clusters []*cluster.Cluster) error {
	speakers := map[string]speaker{}
	for _, c := range clusters {
		if c.TLS != nil {
			speakers["cluster "+c.Name] = c.TLS
			e.warnInsecure(c.Name)
		}
	}
	e.security.servers = map[string]*certs.Server{}
	for _, name := range slices.Sorted(maps.Keys(e.cfg.Listeners)) {
		cfg := e.cfg.Listeners[name].TLS
		if cfg == nil {
			continue
		}
		s, err := e.newServer(cfg)
		if err != nil {
			return wrap("listener", name, fmt.Errorf("tls: %w", err))
		}
		e.security.servers[name] = s
		speakers["listener "+name] = s
	}
	if len(speakers) == 0 {
		return nil
	}
	if err := checkTLS(); err != nil {
		e.log.Warn("an idle TLS connection takes 20 KiB more than it could", zap.Error(err), zap.String("hint", "build weir with the Go version in go.mod"))
	}
	e.startHandshakes()
	watched := map[string]certs.Reloader{}
	for name, s := range speakers {
		watched[name] = s
		// Suspicious, but no reason not to start.
		for _, err := range s.Warnings() {
			e.log.Warn("certificates", zap.String("of", name), zap.Error(err))
		}
	}
	var err error
	if e.security.watcher, err = certs.Watch(e.reloaded, watched); err != nil {
		e.log.Warn("watching certificates", zap.Error(err))
	}
	return nil
}

func (e *Engine) startHandshakes() {
	workers := e.cfg.Engine.HandshakeWorkers
	if workers == 0 {
		workers = max(runtime.NumCPU()/2, 1)
	}
	e.security.handshakes = transport.NewHandshakes(workers, e.cfg.Engine.MaxHandshakes, func(cause any, stack []byte) {
		e.loops[0].counters.Panics.Add(1)
		e.log.Error("bug caught in a TLS handshake, one connection closed; please report this", zap.Any("cause", cause), zap.ByteString("stack", stack))
	})
	e.security.handshakes.WhenQuiet(debug.FreeOSMemory)
	for _, l := range e.loops {
		l.transport.Handshakes = e.security.handshakes
		if len(e.security.authorities) > 0 {
			l.worker.HTTPToken = e.httpToken
		}
	}
}

// SignsWithRSA reports whether a listener has a certificate with an RSA key: its
// handshakes are computed on threads beside the loops.
func (e *Engine) SignsWithRSA() bool {
	for _, s := range e.security.servers {
		if s.SignsWithRSA() {
			return true
		}
	}
	return false
}

func (e *Engine) newServer(cfg *configs.ListenerTLS) (*certs.Server, error) {
	if cfg.ACME == nil {
		return certs.NewServer(cfg, nil)
	}
	m, err := acme.New(cfg.ACME, func(host string, event acme.Event) { e.tellACME(host, event) })
	if err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	e.security.authorities = append(e.security.authorities, m)
	return certs.NewServer(cfg, m)
}

// httpToken answers a challenge of any authority. It does not block.
func (e *Engine) httpToken(host, token []byte) ([]byte, bool) {
	for _, m := range e.security.authorities {
		if answer, ok := m.HTTPToken(host, token); ok {
			return answer, true
		}
	}
	return nil, false
}

// reloaded tells what became of files that changed.
func (e *Engine) reloaded(name string, changed bool, err error) {
	switch {
	case changed && err != nil:
		e.log.Warn("certificates replaced, with a flaw", zap.String("of", name), zap.Error(err))
	case changed:
		e.log.Info("certificates replaced", zap.String("of", name))
	case err != nil:
		e.log.Error("certificates were not replaced, the old ones stay in force", zap.String("of", name), zap.Error(err))
	default:
		e.log.Info("certificates are in order again", zap.String("of", name))
	}
}

// close ends what secure began. The loops have ended.
func (s *security) close() {
	for _, m := range s.authorities {
		m.Close()
	}
	if s.watcher != nil {
		s.watcher.Close()
	}
	if s.handshakes != nil {
		s.handshakes.Close()
	}
}

// warnInsecure does not let anyone forget what was switched off.
func (e *Engine) warnInsecure(name string) {
	if e.cfg.Clusters[name].TLS.Insecure {
		e.log.Warn("endpoints are not verified: who can intercept the connections can read and change them",
			zap.String("cluster", name), zap.String("hint", "remove insecure, and give [clusters.NAME.tls] a ca"))
	}
}

// tellACME logs what became of a host's certificate.
func (e *Engine) tellACME(host string, event acme.Event) {
	fields := []zap.Field{zap.String("host", host)}
	if !event.Expires.IsZero() {
		fields = append(fields, zap.Time("expires", event.Expires))
	}
	if event.Err == nil {
		e.log.Info("acme: "+event.Kind.String(), fields...)
		return
	}
	fields = append(fields, zap.Error(event.Err))
	if event.Retry > 0 {
		fields = append(fields, zap.Duration("retry_in", event.Retry))
	}
	e.log.Warn("acme: "+event.Kind.String(), fields...)
}
