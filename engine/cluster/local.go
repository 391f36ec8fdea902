package cluster

import (
	"syscall"

	"weir/engine/observe"
	"weir/engine/transport"
	"weir/pool"
)

// Local is one loop's part of a cluster: whose turn it is, and the idle upstream
// connections. It belongs to that loop.
type Local struct {
	*Cluster
	loop     *transport.Loop
	counters *observe.Counters
	slab     *pool.Slab[Upstream]
	turn     int
	idle     []idleList // by endpoint

	// WarnedAt is when the log last warned of an endpoint, on the loop's clock; its
	// user's.
	WarnedAt int64
}

// idleList is a stack of idle connections, the latest used on top, so that the
// rest grow old and go.
type idleList struct {
	top *Upstream
	n   int
}

// Local makes the part of one loop. start staggers the round robin of the loops;
// slab is shared by the clusters of the loop.
func (c *Cluster) Local(loop *transport.Loop, counters *observe.Counters, slab *pool.Slab[Upstream], start int) *Local {
	return &Local{
		Cluster:  c,
		loop:     loop,
		counters: counters,
		slab:     slab,
		turn:     start % len(c.schedule),
		idle:     make([]idleList, len(c.Endpoints)),
	}
}

// Pick returns the endpoint whose turn it is. O(1).
func (l *Local) Pick() *Endpoint {
	e := l.Endpoints[l.schedule[l.turn]]
	l.turn++
	if l.turn == len(l.schedule) {
		l.turn = 0
	}
	return e
}

// Next returns the endpoint to try when a connection to e could not be made.
func (l *Local) Next(e *Endpoint) *Endpoint {
	return l.Endpoints[(e.index+1)%len(l.Endpoints)]
}

// Reuse takes an idle connection to e, or returns nil. It asks the kernel whether
// the connection is still good, since the event that would tell may not have been
// delivered yet: bytes nobody asked for must not become the next answer. It may
// read into Loop.Buf.
func (l *Local) Reuse(e *Endpoint, owner transport.Owner) *Upstream {
	for {
		u := l.idle[e.index].top
		if u == nil {
			return nil
		}
		u.Poke()
		if !u.stillIdle() {
			continue
		}
		l.unlist(u)
		u.uses++
		u.SetOwner(owner)
		l.counters.Reused.Add(1)
		return u
	}
}

// Dial begins a new connection to e. errno is why it could not even begin; then
// there is no connection. preface, if any, is sent before all else, TLS included.
func (l *Local) Dial(e *Endpoint, owner transport.Owner, preface []byte) (*Upstream, syscall.Errno) {
	u := l.slab.Get()
	u.Endpoint, u.local, u.born, u.uses = e, l, l.loop.Now(), 1
	u.timer.Handler = u
	if errno := u.Conn.Dial(l.loop, e.Addr, owner); errno != 0 {
		l.loop.Release(u)
		return nil, errno
	}
	if len(preface) > 0 {
		u.Preface(preface)
	}
	if l.TLS != nil {
		u.SecureClient(l.TLS.Config(e.index))
	}
	l.counters.Dialled.Add(1)
	return u, 0
}

// CloseIdle closes every idle connection.
func (l *Local) CloseIdle() {
	for i := range l.idle {
		for l.idle[i].top != nil {
			l.idle[i].top.Discard(false)
		}
	}
}

func (l *Local) unlist(u *Upstream) {
	list := &l.idle[u.Endpoint.index]
	if u.prev != nil {
		u.prev.next = u.next
	} else {
		list.top = u.next
	}
	if u.next != nil {
		u.next.prev = u.prev
	}
	u.prev, u.next, u.listed = nil, nil, false
	list.n--
	l.counters.Idle.Add(-1)
	l.loop.Cancel(&u.timer)
}
