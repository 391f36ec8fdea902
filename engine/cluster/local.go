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
	// Endpoints are this loop's, in the order of the Cluster's. Those of original
	// destinations are not among them.
	Endpoints []*Endpoint
	loop      *transport.Loop
	counters  *observe.Counters
	slab      *pool.Slab[Upstream]
	turn      int
	originals *originals // nil: none

	// Told, if set, hears of endpoints that are made and removed, on the loop.
	Told func(c Change, e *Endpoint)
	// WarnedAt is when the log last warned of an endpoint, on the loop's clock; its
	// user's.
	WarnedAt int64
}

// idleList is a stack of idle connections, the latest used on top, so that the
// rest grow old and go.
type idleList struct {
	top, bottom *Upstream
	n           int
}

// Local makes the part of one loop. start staggers the round robin of the loops;
// slab is shared by the clusters of the loop.
func (c *Cluster) Local(loop *transport.Loop, counters *observe.Counters, slab *pool.Slab[Upstream], start int) *Local {
	l := &Local{
		Cluster:  c,
		loop:     loop,
		counters: counters,
		slab:     slab,
		turn:     start % max(len(c.schedule), 1),
	}
	for _, e := range c.Endpoints {
		own := *e
		own.local = l
		l.Endpoints = append(l.Endpoints, &own)
	}
	if c.Original != nil {
		l.originals = newOriginals(l)
	}
	return l
}

// Pick returns the endpoint whose turn it is. O(1). A cluster of original destinations
// has none: see Destination.
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

// From is the address that endpoints are to see where client is the client's; the zero
// Addr: one of this machine's.
func (l *Local) From(client transport.Addr) transport.Addr {
	switch l.Source {
	case SourceClientIP:
		return client.WithPort(0)
	case SourceClientIPPort:
		return client
	}
	return transport.Addr{}
}

// Reuse takes an idle connection to e that comes from the address from, or returns nil.
// It asks the kernel whether the connection is still good, since the event that would
// tell may not have been delivered yet: bytes nobody asked for must not become the next
// answer. It may read into Loop.Buf. O(1), but for connections that are made in the name
// of clients: at most as many as are kept idle.
func (l *Local) Reuse(e *Endpoint, from transport.Addr, owner transport.Owner) *Upstream {
	var next *Upstream
	for u := e.idle.top; u != nil; u = next {
		next = u.next
		if !u.madeFor(from) {
			continue
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
	return nil
}

// Dial begins a new connection to e, from an address as From gives it. If its port
// cannot be had, another is taken, and counted. errno is why it could not even begin;
// then there is no connection. preface, if any, is sent before all else, TLS included.
func (l *Local) Dial(e *Endpoint, from transport.Addr, owner transport.Owner, preface []byte) (*Upstream, syscall.Errno) {
	u := l.slab.Get()
	u.Endpoint, u.born, u.uses, u.from = e, l.loop.Now(), 1, nil
	if !from.IsZero() {
		own := from // of the heap only where it is needed
		u.from = &own
	}
	u.timer.Handler = u
	to := transport.Outgoing{To: e.Addr, From: from, Mark: l.Mark}
	errno := u.Conn.Dial(l.loop, to, owner)
	if from.Port() != 0 && transport.PortTaken(errno) {
		l.counters.PortFallbacks.Add(1)
		to.From = from.WithPort(0)
		errno = u.Conn.Dial(l.loop, to, owner)
	}
	if errno != 0 {
		l.loop.Release(u)
		return nil, errno
	}
	if e.original != nil {
		e.original.connections++
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
	for _, e := range l.Endpoints {
		e.closeIdle()
	}
	if l.originals != nil {
		l.originals.closeIdle()
	}
}

func (e *Endpoint) closeIdle() {
	for e.idle.top != nil {
		e.idle.top.Discard(false)
	}
}

func (l *Local) unlist(u *Upstream) {
	list := &u.Endpoint.idle
	if u.prev != nil {
		u.prev.next = u.next
	} else {
		list.top = u.next
	}
	if u.next != nil {
		u.next.prev = u.prev
	} else {
		list.bottom = u.prev
	}
	u.prev, u.next, u.listed = nil, nil, false
	list.n--
	l.counters.Idle.Add(-1)
	l.loop.Cancel(&u.timer)
}
