package session

import (
	"weir/engine/fault"
	"weir/engine/observe"
	"weir/engine/route"
	"weir/engine/transport"
	"weir/pool"
)

// tunnel is what is kept of the exchange that opened it: enough for the log line
// at its end, in as few bytes as may lie idle for hours.
type tunnel struct {
	route     *route.Route
	text      string // host, target, agent, id, forwarded: cut by ends
	idle      int64  // RouteTimeouts.TunnelIdle
	began     int64
	connectNS int64
	respNS    int64
	downIn    int64
	downOut   int64
	ends      [5]uint16
	retries   uint8
	reused    bool
	fault     fault.Kind
	closedBy  closer
}

func (t *tunnel) blame(kind fault.Kind, by closer) {
	if t.fault == fault.None {
		t.fault = kind
	}
	if t.closedBy == byNobody {
		t.closedBy = by
	}
}

// What the log line of a tunnel holds of what a client may make long.
const (
	tunnelTarget = 256
	tunnelAgent  = 64
)

// startTunnel ends the exchange and begins the tunnel.
func (s *Session) startTunnel() {
	x, w := s.x, s.w
	t := w.tunnels.Get()
	*t = tunnel{
		route: x.route, idle: x.route.TunnelIdle, began: x.began,
		connectNS: x.connectNS, respNS: x.respNS,
		downIn: x.downIn, downOut: x.downOut, retries: x.retries, reused: x.reused,
	}
	if w.lines != nil {
		n := &x.note
		w.small = w.small[:0]
		for i, p := range [...][]byte{
			n.of(n.host), clip(n.of(n.target), tunnelTarget), clip(n.of(n.agent), tunnelAgent), n.of(n.id), n.of(n.forwarded),
		} {
			w.small = append(w.small, p...)
			t.ends[i] = uint16(len(w.small))
		}
		t.text = string(w.small)
	}
	s.tun = t
	w.Loop.Pool.Put(x.wire)
	w.Loop.Pool.Put(x.note.buf)
	w.exchanges.Put(x)
	s.x = nil
	w.Counters.Active.Add(-1)
	w.Counters.Tunnels.Add(1)
	w.Counters.TunnelsOpen.Add(1)
	s.pausedDown, s.pausedUp = false, false
	s.on(evSwitched)
}

func clip(b []byte, n int) []byte { return b[:min(len(b), n)] }

// endTunnel writes the access log line and gives everything back.
func (s *Session) endTunnel() {
	t, w := s.tun, s.w
	if t.fault != fault.None {
		w.Counters.Faults[t.fault].Add(1)
	}
	w.Counters.TunnelsOpen.Add(-1)
	if w.lines != nil {
		r := &w.record
		*r = observe.Record{
			Kind: "tunnel", Status: 101,
			BytesIn: s.down.BytesIn() - t.downIn, BytesOut: s.down.BytesOut() - t.downOut,
			Duration: w.now() - t.began, Connect: t.connectNS, Response: t.respNS,
			Reused: t.reused, Retries: int(t.retries), Fault: t.fault, ClosedBy: closerNames[t.closedBy],
		}
		if s.up != nil {
			r.Endpoint = s.up.Endpoint.Address
		}
		s.writeRecord(r, t.route, t.note())
	}
	w.tunnels.Put(t)
	s.tun = nil
}

// note gives the kept text the shape the log writer knows. It allocates; a tunnel
// ends once.
func (t *tunnel) note() *note {
	if t.text == "" {
		return &note{}
	}
	n := &note{}
	n.buf = &pool.Buffer{B: append([]byte(t.text), "GET"...)}
	at := uint32(0)
	for i, p := range [...]*part{&n.host, &n.target, &n.agent, &n.id, &n.forwarded} {
		*p = part{at, uint32(t.ends[i]) - at}
		at = uint32(t.ends[i])
	}
	n.method = part{at, 3}
	return n
}

// driveTunnel moves bytes both ways. Each direction ends by itself: FIN goes on as
// FIN, behind what is queued; a reset of either side resets the other.
func (s *Session) driveTunnel() {
	queued := s.down.Pending() + s.up.Pending()
	s.down.Flush()
	s.up.Flush()
	// A slow peer that takes what is queued for it is not silent.
	if s.down.Pending()+s.up.Pending() < queued {
		s.since = s.w.now()
	}
	left := s.relay(&s.down, &s.up.Conn, &s.pausedDown, &s.bulkUp) + s.relay(&s.up.Conn, &s.down, &s.pausedUp, &s.bulkDown)
	switch {
	case s.down.Err() != 0:
		s.resetTunnel(byClient)
	case s.up.Err() != 0:
		s.resetTunnel(byEndpoint)
	case spent(&s.down, &s.up.Conn) && spent(&s.up.Conn, &s.down):
		s.on(evGone)
	case left > 0:
		s.yield()
	}
}

// relay moves what from has to to, within a turn's budget. It returns 1 if there is
// more to do in a later turn.
//
// A sender that fills the read buffer is taken for one of bulk, whose bytes pass
// inside the kernel until there are few of them again.
func (s *Session) relay(from, to *transport.Conn, paused, bulk *bool) (left int) {
	if *paused {
		if to.Pending() > s.w.low {
			return 0
		}
		*paused = false
	}
	for budget := transport.TurnBudget; from.Readable(); {
		if budget <= 0 {
			return 1
		}
		if *bulk {
			n := from.SpliceTo(to, min(int64(budget), s.w.splice))
			*bulk = n >= spliceAbove
			if n > 0 {
				s.since = s.w.now()
				budget -= int(n)
				if to.Pending() > s.w.high {
					*paused = true
					return 0
				}
				continue
			}
		}
		// A FIN that was read behind early bytes comes to notice here, with them.
		ended := from.ReadEnded() && from.Held() == 0
		data, _, r := from.Read()
		if len(data) > 0 {
			s.since = s.w.now()
			to.Write(data)
			budget -= len(data)
			*bulk = len(data) == transport.BufferBytes
		}
		if r == transport.ReadEnd {
			if !ended { // else it is an event behind the FIN, and no news
				s.halfClosed(from, to)
			}
			return 0
		}
		// Not so for ReadAgain: held bytes may have filled the buffer, and then the
		// socket was not asked.
		if r == transport.ReadFailed {
			return 0
		}
		if to.Pending() > s.w.high {
			*paused = true
			return 0
		}
	}
	return 0
}

// spent reports whether from has ended and to has all of it.
func spent(from, to *transport.Conn) bool {
	return from.ReadEnded() && from.Held() == 0 && to.Pending() == 0
}

// halfClosed passes the end of one direction on. The end of the second needs no call
// of its own: the close that follows sends it.
func (s *Session) halfClosed(from, to *transport.Conn) {
	if s.w.debug {
		s.tellHalfClosed(from)
	}
	by := byEndpoint
	if from == &s.down {
		by = byClient
	}
	s.tun.blame(fault.None, by)
	s.since = s.w.now()
	if !spent(to, from) || to.Pending() > 0 {
		to.CloseWrite()
	}
}

// resetTunnel passes a reset on: to end it like an orderly close would hide that
// bytes were lost.
func (s *Session) resetTunnel(by closer) {
	s.tun.closedBy = by
	s.cut(fault.TunnelReset, by)
}
