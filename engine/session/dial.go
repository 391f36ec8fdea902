package session

import (
	"weir/engine/cluster"
	"weir/engine/fault"
	"weir/engine/transport"
)

// maxTries is how many endpoints one request may try to connect to.
const maxTries = 3

// connect takes an idle connection to the endpoint, or begins a new one.
func (s *Session) connect() {
	x := s.x
	if !x.opaque {
		if u := x.local.Reuse(x.endpoint, x.local.From(s.peer), s); u != nil {
			s.up, x.reused = u, true
			s.connected()
			return
		}
	}
	s.dial()
}

// dial begins a new connection to x.endpoint, or to the next one that lets it.
func (s *Session) dial() {
	x, w := s.x, s.w
	x.tries++
	x.reused, x.detail = false, ""
	x.dialAt = w.now()
	s.since = x.dialAt
	var preface []byte
	if version := x.local.ProxyProtocol; version != cluster.ProxyOff {
		w.out = s.appendProxyHeader(w.out[:0], version)
		preface = w.out
	}
	u, errno := x.local.Dial(x.endpoint, x.local.From(s.peer), s, preface)
	if errno == 0 {
		s.up = u
		if w.debug {
			s.tellDialling()
		}
		return
	}
	if x.local.Source != cluster.SourceSelf {
		x.detail = errno.Error() // it may be the client's address
	}
	if w.debug {
		s.tellDialFailed(errno)
	}
	if transport.Temporary(errno) {
		s.reply(fault.Exhausted)
		return
	}
	s.nextEndpoint(fault.NoEndpoint)
}

// driveDial waits for the connection, and for the client to lose patience.
func (s *Session) driveDial() (again bool) {
	if s.clientLeft() {
		return false
	}
	if s.up.Connecting() {
		return false
	}
	if errno := s.up.Err(); errno != 0 {
		kind := s.dialFailure()
		if s.w.debug {
			s.tellDialFailed(errno)
		}
		s.nextEndpoint(kind)
		return s.phase != phaseDial
	}
	s.x.connectNS = max(s.w.now()-s.x.dialAt, 1)
	s.connected()
	return true
}

// nextEndpoint tries another endpoint after a connect that failed; kind answers
// the request when enough have been tried, or when another would fail the same way.
func (s *Session) nextEndpoint(kind fault.Kind) {
	x := s.x
	s.dropUpstream(true)
	if int(x.tries) >= min(len(x.local.Endpoints), maxTries) || kind.Retry() != fault.RetryAlways {
		s.reply(kind)
		return
	}
	x.endpoint = x.local.Next(x.endpoint)
	s.w.Counters.Retries.Add(1)
	s.on(evRetry)
	s.dial()
}

// connected sends the request on the connection it now has.
func (s *Session) connected() {
	x := s.x
	if s.w.debug {
		s.tellConnected()
	}
	if x.opaque {
		s.startTunnel(evPiped)
		s.beginOpaque()
		return
	}
	s.on(evConnected)
	x.movedAt = s.w.now()
	s.up.Write(x.wire.B)
	if !x.reused || !x.replayable {
		s.w.Loop.Pool.Put(x.wire)
		x.wire = nil
	}
}

// retry sends the request again, on a new connection: the one it was sent on had
// been idle, and died before it gave a single byte of a response.
func (s *Session) retry() {
	s.dropUpstream(true)
	s.x.retries++
	s.w.Counters.Retries.Add(1)
	s.on(evRetry)
	s.dial()
}

// clientLeft looks whether the client is still there while nothing is expected of
// it. What it sends meanwhile, a pipelined request or the first bytes of a tunnel,
// is held until its time; beyond maxHeldAhead the socket's own buffer holds it, and
// hides a FIN. A FIN behind such bytes is no leave-taking: it is the half-close of a
// client that has said all it wants answered.
func (s *Session) clientLeft() bool {
	switch {
	case !s.x.reqDone:
		return false
	case s.down.Err() != 0:
		// The loop was told of a reset, however much is held or was left unread.
		s.gone(fault.ClientReset)
		return true
	case !s.down.MoreToRead() || s.down.Held() > maxHeldAhead || s.down.ReadEnded():
		// If its direction had ended before this request was begun, an event behind
		// that is no news.
		return false
	}
	data, _, r := s.down.Read()
	s.down.Unread(data)
	switch {
	case r == transport.ReadFailed:
		s.gone(fault.ClientReset)
	case r == transport.ReadEnd && len(data) == 0 && !s.x.opaque:
		s.gone(fault.ClientClosed)
	default:
		return false
	}
	return true
}

// maxHeldAhead is how many bytes that are not due may be held while more is read.
const maxHeldAhead = 32 << 10
