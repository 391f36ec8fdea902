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
	local      *Local
	timer      transport.Timer
	prev, next *Upstream
	born       int64
	uses       uint32
	listed     bool
}

// Reused reports whether the connection has carried an exchange before this one.
func (u *Upstream) Reused() bool { return u.uses > 1 }

// Keep makes u idle, for the next exchange with its endpoint, or closes it if
// there are enough, if it is too old, or if it has bytes that belong to nothing.
// The caller must not touch u afterwards.
func (u *Upstream) Keep() {
	l := u.local
	list := &l.idle[u.Endpoint.index]
	if list.n >= l.maxIdle || l.lifetime > 0 && l.loop.Now()-u.born > l.lifetime {
		u.Discard(false)
		return
	}
	u.SetOwner(u)
	u.next = list.top
	if u.next != nil {
		u.next.prev = u
	}
	list.top, u.listed = u, true
	list.n++
	l.counters.Idle.Add(1)
	l.loop.Arm(&u.timer, l.loop.Now()+l.idleTimeout)
	if u.Readable() {
		u.OnConn(&u.Conn)
	}
}

// Discard closes u and gives it back; the caller must not touch it afterwards.
func (u *Upstream) Discard(reset bool) {
	if u.listed {
		u.local.unlist(u)
	}
	if reset {
		u.Reset()
	} else {
		u.Close()
	}
	u.local.loop.Release(u)
}

// OnConn watches an idle connection: its end, and any byte, end its use. A
// response nobody asked for must never become the answer to the next request.
func (u *Upstream) OnConn(*transport.Conn) {
	if !u.Readable() && !u.Failed() {
		return
	}
	_, _, r := u.Read()
	if r == transport.ReadAgain {
		return
	}
	if r == transport.ReadData {
		u.local.counters.Faults[fault.SurplusResponse].Add(1)
	}
	u.Discard(false)
}

// OnConnPanic closes the idle connection.
func (u *Upstream) OnConnPanic(*transport.Conn) { u.Discard(true) }

// OnTimer ends an idle connection's time.
func (u *Upstream) OnTimer(int64) { u.Discard(false) }

// OnRelease is the loop's call, when nothing up the stack uses u any more.
func (u *Upstream) OnRelease() { u.local.slab.Put(u) }
