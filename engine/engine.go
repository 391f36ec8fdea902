// Package engine puts weir together: it compiles a configuration, binds the
// listeners, runs one loop a CPU, and drains them at the end.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"weir/configs"
	"weir/engine/observe"
)

// Options are what an Engine takes from its process.
type Options struct {
	// Stdout gets the access log when log.access is "stdout".
	Stdout io.Writer
	// Stderr gets the leveled log.
	Stderr io.Writer
	// Version is named in the log at start.
	Version string
}

// Engine is one running weir. Several may live in one process.
type Engine struct {
	cfg       *configs.Config
	log       *observe.Logger
	access    *observe.AccessLog
	loops     []*loop
	security  security
	addresses map[string]string
	own       ownAddresses

	open     atomic.Int64 // downstream connections
	limit    int64
	paused   atomic.Int32 // listeners that wait for room
	draining atomic.Bool
	drained  chan struct{}
	once     sync.Once
	cut      chan struct{}
	cutOnce  sync.Once
}

// New compiles cfg and binds its listeners; nothing is served before Run, but
// clients that connect wait in the backlog. It may block to resolve names. Errors
// say which part of the configuration they are about.
func New(cfg *configs.Config, opt Options) (*Engine, error) {
	e := &Engine{cfg: cfg, addresses: map[string]string{}, own: ownAddresses{}, drained: make(chan struct{}), cut: make(chan struct{})}
	err := e.build(opt)
	if err != nil {
		e.close()
		return nil, err
	}
	e.log.Info("weir started", zap.String("version", opt.Version), zap.Int("loops", len(e.loops)),
		zap.Int64("max_connections", e.limit), zap.Int("routes", len(cfg.Routes)), zap.Int("clusters", len(cfg.Clusters)))
	for name, address := range e.addresses {
		if len(cfg.Listeners[name].Addresses()) > 1 {
			address = cfg.Listeners[name].Address
		}
		e.log.Info("listening", zap.String("listener", name), zap.String("address", address))
	}
	return e, nil
}

// Addr is the bound address of a listener, "" if there is none of that name.
func (e *Engine) Addr(listener string) string { return e.addresses[listener] }

// Run serves until ctx ends, then drains: listeners close, idle connections end,
// exchanges and tunnels have engine.drain_timeout to finish. It returns nil after
// that, and an error only if a loop failed. Call it once.
func (e *Engine) Run(ctx context.Context) error {
	for _, m := range e.security.authorities {
		m.Start()
	}
	ended := make(chan error, len(e.loops))
	for _, l := range e.loops {
		go func() { ended <- l.reactor.Run() }()
	}
	var failed error
	running := len(e.loops)
	select {
	case <-ctx.Done():
		e.drain()
	case failed = <-ended:
		running--
		e.log.Error("loop failed", zap.Error(failed))
	}
	for _, l := range e.loops {
		l.finish()
	}
	for ; running > 0; running-- {
		failed = errors.Join(failed, <-ended)
	}
	e.log.Info("weir stopped")
	e.close()
	return failed
}

// Stop ends a drain early: what is still open is cut.
func (e *Engine) Stop() { e.cutOnce.Do(func() { close(e.cut) }) }

func (e *Engine) drain() {
	e.draining.Store(true)
	for _, l := range e.loops {
		l.post(l.drain)
	}
	wait := time.Duration(e.cfg.Engine.DrainTimeout)
	stats := e.Stats()
	e.log.Info("draining", zap.Int64("exchanges", stats.Active), zap.Int64("tunnels", stats.TunnelsOpen), zap.Duration("at_most", wait))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	e.checkDrained()
	select {
	case <-e.drained:
	case <-e.cut:
	case <-timer.C:
		stats = e.Stats()
		e.log.Warn("drain timeout: cutting what is left", zap.Int64("exchanges", stats.Active), zap.Int64("tunnels", stats.TunnelsOpen))
	}
}

// checkDrained notices that the last connection has gone. The loops drain before
// they look, so that a connection which is only being accepted is not overlooked.
func (e *Engine) checkDrained() {
	if !e.draining.Load() || e.open.Load() > 0 {
		return
	}
	for _, l := range e.loops {
		if !l.drained.Load() {
			return
		}
	}
	e.once.Do(func() { close(e.drained) })
}

// close gives back what New made. The loops have ended, or never ran.
func (e *Engine) close() {
	e.security.close()
	for _, l := range e.loops {
		if err := l.close(); err != nil && e.log != nil {
			e.log.Error("closing a loop", zap.Error(err))
		}
	}
	if e.access != nil {
		if err := e.access.Close(); err != nil {
			e.log.Error("closing the access log", zap.Error(err))
		}
	}
	if e.log != nil {
		_ = e.log.Close() // there is no other place to say that the log is stuck
	}
}

// Stats sums the counters of all loops. Any goroutine may call it.
func (e *Engine) Stats() observe.Snapshot {
	var s observe.Snapshot
	for _, l := range e.loops {
		l.counters.AddTo(&s)
		s.Connections += l.transport.Open.Load()
		s.Buffers += l.transport.Pool.Stats().Buffers
		s.Held += l.worker.Held() + l.upstreams.Live()
	}
	if h := e.security.handshakes; h != nil {
		s.HandshakesOpen = h.Open()
	}
	return s
}

func wrap(what, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %q: %w", what, name, err)
}
