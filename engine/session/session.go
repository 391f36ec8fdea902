// Package session is what a downstream connection is doing: collecting a request
// head, waiting for an endpoint, carrying an exchange, tunnelling, idling, closing.
// phase.go is its whole life in one table.
//
// A session and its upstream connection live on one loop; nothing here is locked
// and nothing blocks. An idle session, tunnels too, holds no buffer and no timer
// object but its own.
package session

import (
	"weir/engine/cluster"
	"weir/engine/fault"
	"weir/engine/transport"
)

// Session is one downstream connection and what it uses.
type Session struct {
	w       *Worker
	ln      *Listener
	up      *cluster.Upstream // nil unless an exchange or tunnel has one
	x       *exchange         // nil unless in phaseDial or phaseExchange
	tun     *tunnel           // nil unless in phaseTunnel
	edge    *edge             // nil if nothing was learnt before the protocol began
	down    transport.Conn
	timer   transport.Timer
	timerAt int64 // when timer is set to go off; it may be earlier than the deadline
	since   int64 // when the phase began, or its clock was set back
	id      uint64
	prev    *Session
	next    *Session
	peer    transport.Addr

	phase      phase
	yielded    bool
	linger     bool // phaseClosing: read on, so that the last answer is not lost
	pausedDown bool // downstream is left unread until upstream has taken its share
	pausedUp   bool // the other way round
	bulkUp     bool // phaseTunnel: the client sends more at a time than one read takes
	bulkDown   bool // the endpoint does
	greeting   bool // phaseSniff: a ClientHello has begun
}

// turnRequests is how many pipelined requests one session may have answered in a
// turn.
const turnRequests = 32

// OnConn is called by either connection of the session.
func (s *Session) OnConn(*transport.Conn) { s.drive() }

// OnYield goes on after a turn's budget was used up. The session may have ended,
// and its memory may serve another one by now: to drive that is harmless.
func (s *Session) OnYield() {
	if s.phase == phaseInvalid || s.phase == phaseClosed {
		return
	}
	s.yielded = false
	s.drive()
}

// OnConnPanic ends the session that a bug was met in.
func (s *Session) OnConnPanic(*transport.Conn) { s.OnPanic() }

// OnPanic ends the session that a bug was met in.
func (s *Session) OnPanic() {
	if s.phase != phaseClosed && s.phase != phaseInvalid {
		s.cut(fault.Bug, byWeir)
	}
}

// drive does all that can be done now, in whatever phase.
func (s *Session) drive() {
	for range turnRequests {
		again := false
		switch s.phase {
		case phaseProxy:
			again = s.driveProxy()
		case phaseSniff:
			again = s.driveSniff()
		case phaseHandshake:
			again = s.driveHandshake()
		case phaseHead, phaseIdle:
			again = s.driveHead()
		case phaseDial:
			again = s.driveDial()
		case phaseExchange:
			again = s.driveExchange()
		case phaseTunnel:
			s.driveTunnel()
		case phaseClosing:
			s.driveClosing()
		}
		if !again {
			s.settle()
			return
		}
	}
	s.yield()
	s.settle()
}

// yield asks for another turn.
func (s *Session) yield() {
	if !s.yielded {
		s.yielded = true
		s.w.Loop.Yield(s)
	}
}

// cut ends the session now. RST instead of FIN tells the client that what it got
// is not the whole.
func (s *Session) cut(kind fault.Kind, by closer) {
	s.blame(kind, by)
	s.down.Reset()
	s.on(evCut)
}

// gone ends the session since the client has left.
func (s *Session) gone(kind fault.Kind) {
	if kind == fault.ClientReset {
		kind = s.clientFailure()
	}
	if kind == fault.TLSRecord && s.x == nil && s.tun == nil {
		s.logRefused(kind, s.down.TLSErr().Error(), byClient)
	} else {
		s.blame(kind, byClient)
	}
	if s.x != nil {
		// It may have ended only its own direction; it must not take what it has of
		// a response for the whole.
		s.down.Reset()
	}
	s.on(evGone)
}

// heardNothing looks at how a Read that gave no byte ended: a client may leave without
// a word.
func (s *Session) heardNothing(r transport.Result) {
	switch r {
	case transport.ReadEnd:
		s.gone(fault.None)
	case transport.ReadFailed:
		s.gone(fault.ClientReset)
	}
}

// blame notes why the exchange or tunnel ends; the first reason stays.
func (s *Session) blame(kind fault.Kind, by closer) {
	switch {
	case s.x != nil:
		s.x.blame(kind, by)
	case s.tun != nil:
		s.tun.blame(kind, by)
	case kind != fault.None:
		s.w.Counters.Faults[kind].Add(1)
	}
}

// dropUpstream gives up the upstream connection, if there is one.
func (s *Session) dropUpstream(reset bool) {
	if s.up != nil {
		s.up.Discard(reset)
		s.up = nil
	}
	s.pausedDown, s.pausedUp = false, false
}

// release is the end, in phaseClosed.
func (s *Session) release(ev event) {
	w := s.w
	// The endpoint is told by RST that its exchange was abandoned; a tunnel that
	// ended in order has nothing left to lose.
	reset := ev == evCut || s.x != nil
	if s.x != nil {
		s.endExchange()
	}
	if s.tun != nil {
		s.endTunnel()
	}
	s.dropUpstream(reset)
	s.down.Close()
	w.Loop.Cancel(&s.timer)
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		w.list = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	w.Counters.Sessions.Add(-1)
	w.Loop.Release(s)
	if w.Closed != nil {
		w.Closed()
	}
}

// OnRelease is the loop's call, when nothing up the stack uses s any more.
func (s *Session) OnRelease() { s.w.sessions.Put(s) }

// driveClosing gets the last bytes out. The session lingers where the client may
// still be sending: closing on unread input would reset the connection and could
// destroy the answer on its way (RFC 9112 9.6).
func (s *Session) driveClosing() {
	before := s.down.Pending()
	s.down.Flush()
	if s.down.Pending() < before {
		s.since = s.w.now()
	}
	if s.down.Failed() {
		s.on(evGone)
		return
	}
	if s.down.Pending() > 0 {
		return
	}
	if s.linger || s.down.Secured() {
		ended := s.down.WriteEnded()
		s.down.CloseWrite()
		if s.down.Pending() > 0 {
			return // close_notify, to a client that has no room
		}
		if !ended {
			s.since = s.w.now()
		}
	}
	if !s.linger {
		s.on(evFlushed)
		return
	}
	for budget := transport.TurnBudget; ; {
		data, _, r := s.down.Read()
		budget -= len(data)
		switch {
		case r == transport.ReadAgain:
			return
		case r != transport.ReadData:
			s.on(evFlushed)
			return
		case budget <= 0:
			s.yield()
			return
		}
	}
}
