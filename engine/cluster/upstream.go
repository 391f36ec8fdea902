package cluster

import (
	"weir/engine/fault"
	"weir/engine/transport"
)

// Upstream is a connection to an endpoint: owned by a session while it is in use,
// by the Local while it is idle.
type Upstream struct {
	transport.Conn
	Endpoint   *Endpoint
	timer      transport.Timer
	prev, next *Upstream
	born       int64
	from       *transport.Addr // whose name it is made in; nil: weir's
	uses       uint32
	listed     bool
}

// Reused reports whether the connection has carried an exchange before this one.
func (u *Upstream) Reused() bool { return u.uses > 1 }

// madeFor reports whether u is made in the name of from; the zero Addr: of weir.
func (u *Upstream) madeFor(from transport.Addr) bool {
	if u.from == nil {
		return from.IsZero()
	}
	return *u.from == from
}

// ClusterName is the name of the cluster u belongs to.
func (u *Upstream) ClusterName() string { return u.Endpoint.local.Name }

// Keep makes u idle, for the next exchange with its endpoint, or closes it if
// there are enough, if it is too old, if either direction has ended, or if it has
// bytes that belong to nothing. If there are enough, one that is made in the name of a
// client takes the place of the oldest. It may read into Loop.Buf. The caller must not
// touch u afterwards.
func (u *Upstream) Keep() {
	l := u.Endpoint.local
	list := &u.Endpoint.idle
	now := l.loop.Now()
	until, old := now+l.idleTimeout, false
	if l.lifetime > 0 {
		until, old = min(until, u.born+l.lifetime), now-u.born >= l.lifetime
	}
	if old || l.maxIdle == 0 || l.ProxyProtocol != ProxyOff || u.spent() {
		u.Discard(false)
		return
	}
	if list.n >= l.maxIdle {
		if u.from == nil {
			u.Discard(false)
			return
		}
		// It waits for its client, who is more likely to come again than one that has
		// not for the longest time.
		list.bottom.Discard(false)
	}
	u.SetOwner(u)
	u.next = list.top
	if u.next != nil {
		u.next.prev = u
	} else {
		list.bottom = u
	}
	list.top, u.listed = u, true
	list.n++
	l.counters.Idle.Add(1)
	l.loop.Arm(&u.timer, until)
	if u.Readable() {
		u.OnConn(&u.Conn)
	}
}

// spent reports whether another exchange is out of the question.
func (u *Upstream) spent() bool {
	return u.Err() != 0 || u.ReadEnded() || u.WriteEnded() || u.Pending() > 0
}

// Discard closes u and gives it back; the caller must not touch it afterwards.
func (u *Upstream) Discard(reset bool) {
	if u.listed {
		u.Endpoint.local.unlist(u)
	}
	if reset {
		u.Reset()
	} else {
		u.Close()
	}
	if o := u.Endpoint.original; o != nil {
		o.connections--
	}
	u.Endpoint.local.loop.Release(u)
}

// OnConn watches an idle connection.
func (u *Upstream) OnConn(*transport.Conn) { u.stillIdle() }

// stillIdle reports whether nothing has happened to an idle connection. Its end,
// and any byte, end its use: then it is discarded. A response nobody asked for
// must never become the answer to the next request.
func (u *Upstream) stillIdle() bool {
	if !u.Readable() && !u.Failed() {
		return true
	}
	data, _, r := u.Read()
	if r == transport.ReadAgain && len(data) == 0 {
		return true
	}
	if len(data) > 0 {
		u.Endpoint.local.counters.Faults[fault.SurplusResponse].Add(1)
	}
	u.Discard(false)
	return false
}

// OnConnPanic closes the idle connection.
func (u *Upstream) OnConnPanic(*transport.Conn) { u.Discard(true) }

// OnTimer ends an idle connection's time.
func (u *Upstream) OnTimer(int64) { u.Discard(false) }

// OnRelease is the loop's call, when nothing up the stack uses u any more.
func (u *Upstream) OnRelease() { u.Endpoint.local.slab.Put(u) }
