package session

import (
	"weir/engine/fault"
	"weir/engine/transport"
)

const (
	never = int64(1<<63 - 1)
	// lingerFor is how long a refused client may go on sending.
	lingerFor = int64(2e9)
	// rateWindow is what a minimum body rate is averaged over.
	rateWindow = int64(10e9)
)

// deadline is when the session must have moved on, and what it means if not.
func (s *Session) deadline() (at int64, kind fault.Kind) {
	switch s.phase {
	case phaseProxy:
		return s.since + s.ln.Sniff, fault.ProxyHeader
	case phaseSniff:
		if s.ln.Protocol == ProtocolAuto && !s.greeting {
			return s.since + s.ln.Sniff, fault.SniffTimeout
		}
		return s.since + s.ln.Handshake, fault.HandshakeTimeout
	case phaseHandshake:
		return s.since + s.ln.Handshake, fault.HandshakeTimeout
	case phaseHead:
		return s.since + s.ln.RequestHead, fault.HeadTimeout
	case phaseIdle:
		return s.since + s.ln.KeepAliveIdle, fault.KeepAliveTimeout
	case phaseDial:
		return s.since + s.x.local.ConnectTimeout, fault.ConnectTimeout
	case phaseExchange:
		return s.exchangeDeadline()
	case phaseTunnel:
		return s.since + s.tun.idle, fault.TunnelIdle
	case phaseClosing:
		if s.down.Pending() > 0 {
			return s.since + s.ln.BodyIdle, fault.SendTimeout
		}
		return s.since + lingerFor, fault.None
	}
	return never, fault.None
}

// exchangeDeadline: whoever has to move next has a deadline, and one only.
func (s *Session) exchangeDeadline() (int64, fault.Kind) {
	x := s.x
	switch {
	case s.down.Pending() > 0:
		return x.sentAt + s.ln.BodyIdle, fault.SendTimeout
	case x.headDone:
		return x.movedAt + x.route.ResponseIdle, fault.ResponseIdle
	case x.reqDone || s.pausedDown || x.expecting:
		return x.movedAt + x.route.ResponseTimeout, fault.ResponseTimeout
	}
	idle, slow := x.bodyAt+s.ln.BodyIdle, x.rateAt+rateWindow
	if s.ln.MinBodyRate > 0 && slow < idle {
		return slow, fault.BodyTooSlow
	}
	return idle, fault.BodyTimeout
}

// settle brings the timer up to date. A deadline that moves away costs nothing:
// the timer is left where it is and asks again when it goes off.
func (s *Session) settle() {
	if s.phase == phaseClosed {
		return
	}
	at, _ := s.deadline()
	if at < s.timerAt || !s.timer.Armed() {
		s.timerAt = at
		s.w.Loop.Arm(&s.timer, at)
	}
}

// OnTimer finds out whether the deadline has really passed.
func (s *Session) OnTimer(now int64) {
	at, kind := s.deadline()
	if now >= at {
		s.expired(kind)
	}
	s.settle()
}

// expired acts on a deadline that passed.
func (s *Session) expired(kind fault.Kind) {
	if s.w.debug {
		s.tellExpired(kind)
	}
	switch kind {
	case fault.SniffTimeout:
		// A client that waits for the server to speak, as mail and databases do, or that
		// has said too little to be anything else.
		s.forwardOpaque(nil, nil)
		s.drive()
	case fault.ProxyHeader:
		s.withoutProxyHeader()
		s.drive()
	case fault.HandshakeTimeout:
		// As with a request: what never began is no fault.
		if s.down.Held() > 0 || s.phase == phaseHandshake {
			s.logRefused(kind, "", byWeir)
		}
		s.on(evTimeout)
	case fault.HeadTimeout:
		// Nothing at all came: a connection opened ahead of need (browsers do),
		// which must not find a 408 when it is used at last. A PROXY header or a
		// handshake is not the browser's use of it.
		if s.down.Held() == 0 {
			s.on(evTimeout)
			return
		}
		data, _, _ := s.down.Read()
		s.refuse(kind, len(data), s.since)
		s.drive()
	case fault.ConnectTimeout:
		s.on(evTimeout)
		s.nextEndpoint(kind)
		s.drive()
	case fault.BodyTooSlow:
		if !s.tooSlow() {
			return
		}
		s.fail(kind, byWeir)
		s.drive()
	case fault.BodyTimeout, fault.ResponseTimeout, fault.ResponseIdle, fault.SendTimeout:
		if s.phase == phaseClosing {
			s.on(evTimeout)
			return
		}
		s.on(evTimeout)
		s.fail(kind, byWeir)
		s.drive()
	case fault.TunnelIdle:
		if s.down.Pending()+s.up.Pending() > 0 {
			s.cut(kind, byWeir) // an end in order would hide what was not delivered
			return
		}
		s.blame(kind, byWeir)
		s.on(evTimeout)
	default:
		s.on(evTimeout)
	}
}

// tooSlow judges the window of a request body that has just ended, and begins the
// next one.
func (s *Session) tooSlow() bool {
	x := s.x
	slow := x.rateBytes < s.ln.MinBodyRate*(rateWindow/1e9)
	x.rateAt, x.rateBytes = s.w.now(), 0
	return slow
}

var _ transport.TimerHandler = (*Session)(nil)
