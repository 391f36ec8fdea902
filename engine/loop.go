package engine

import (
	"errors"
	"sync/atomic"
	"syscall"

	"go.uber.org/zap"

	"weir/engine/cluster"
	"weir/engine/observe"
	"weir/engine/reactor"
	"weir/engine/route"
	"weir/engine/session"
	"weir/engine/transport"
	"weir/pool"
)

// loop is one event loop and all that lives on it.
type loop struct {
	engine    *Engine
	reactor   *reactor.Loop
	transport *transport.Loop
	worker    *session.Worker
	counters  observe.Counters
	upstreams pool.Slab[cluster.Upstream]
	listeners []*listener
	drained   atomic.Bool
}

// listener is one loop's end of a listener.
type listener struct {
	loop    *loop
	cfg     *session.Listener
	reactor *reactor.Listener
	paused  bool
}

// newLoop makes loop i of count.
func (e *Engine) newLoop(i, count int, table *route.Table, clusters []*cluster.Cluster) (*loop, error) {
	l := &loop{engine: e}
	r, err := reactor.New(func(cause any, stack []byte) {
		l.counters.Panics.Add(1)
		e.log.Error("bug caught, one connection closed; please report this", zap.Any("cause", cause), zap.ByteString("stack", stack))
	})
	if err != nil {
		return nil, err
	}
	l.reactor = r
	l.transport = transport.NewLoop(r)
	locals := make([]*cluster.Local, len(clusters))
	for k, c := range clusters {
		locals[k] = c.Local(l.transport, &l.counters, &l.upstreams, i)
	}
	l.worker = session.NewWorker(session.Config{
		Loop: l.transport, Table: table, Clusters: locals, Counters: &l.counters, Log: e.log.Logger, Access: e.access,
		PauseAbove: int(e.cfg.Engine.PauseAbove), FirstID: uint64(i) + 1, IDStep: uint64(count), Closed: l.closed, Owns: e.own.has,
	})
	return l, nil
}

// listen serves the bound socket fd, which it owns.
func (l *loop) listen(fd int, cfg *session.Listener) error {
	ln := &listener{loop: l, cfg: cfg}
	r, err := l.reactor.Listen(fd, ln)
	if err != nil {
		return errors.Join(err, syscall.Close(fd))
	}
	ln.reactor = r
	l.listeners = append(l.listeners, ln)
	return nil
}

// MayAccept keeps the number of connections at the limit; loops that ask at the
// same moment may exceed it by one each.
func (ln *listener) MayAccept() bool {
	e := ln.loop.engine
	if e.open.Load() < e.limit {
		return true
	}
	if !ln.paused {
		ln.paused = true
		e.paused.Add(1)
		if e.open.Load() < e.limit {
			// The last one closed before it could see that somebody waits.
			ln.paused = false
			e.paused.Add(-1)
			return true
		}
		e.log.Warn("connection limit reached, new ones wait in the backlog", zap.Int64("max_connections", e.limit), zap.String("listener", ln.cfg.Name))
	}
	return false
}

// OnAccept begins a session.
func (ln *listener) OnAccept(fd int, peer transport.Addr) {
	ln.loop.engine.open.Add(1)
	ln.loop.worker.Accept(fd, peer, ln.cfg)
}

// OnAcceptError counts, and warns once a back-off.
func (ln *listener) OnAcceptError(errno syscall.Errno, shed bool) {
	c := &ln.loop.counters
	c.AcceptErrors.Add(1)
	if shed {
		c.Shed.Add(1)
	}
	ln.loop.engine.log.Warn("cannot accept, backing off", zap.String("listener", ln.cfg.Name), zap.Error(errno),
		zap.String("hint", "raise the limit of open files (ulimit -n) or lower engine.max_connections"))
}

// closed is told that a session of this loop has ended.
func (l *loop) closed() {
	e := l.engine
	e.open.Add(-1)
	if e.paused.Load() > 0 {
		for _, other := range e.loops {
			other.post(other.resume)
		}
	}
	e.checkDrained()
}

// resume lets listeners that wait for room ask again.
func (l *loop) resume() {
	for _, ln := range l.listeners {
		if ln.paused {
			ln.paused = false
			l.engine.paused.Add(-1)
			ln.reactor.Resume()
		}
	}
}

func (l *loop) post(fn func()) {
	if err := l.reactor.Post(fn); err != nil && !errors.Is(err, reactor.ErrEnded) {
		l.engine.log.Error("posting to a loop", zap.Error(err))
	}
}

// drain closes the doors and ends what is idle.
func (l *loop) drain() {
	for _, ln := range l.listeners {
		ln.reactor.Drain()
	}
	l.worker.Drain()
	l.drained.Store(true)
	l.engine.checkDrained()
}

// finish cuts what is left and ends the loop.
func (l *loop) finish() {
	l.post(func() {
		for _, ln := range l.listeners {
			ln.reactor.Close()
		}
		l.worker.Cut()
		l.worker.FlushAccess()
	})
	if err := l.reactor.Stop(); err != nil {
		l.engine.log.Error("stopping a loop", zap.Error(err))
	}
}

// close gives back what the loop holds; it has ended, or never ran.
func (l *loop) close() error {
	for _, ln := range l.listeners {
		ln.reactor.Close()
	}
	return l.transport.Close()
}
