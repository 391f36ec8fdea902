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
	route     *route.Route // nil: no HTTP
	text      string       // host, target, agent, id, forwarded: cut by ends
	idle      int64        // tunnel_idle of the route or the listener
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

// startTunnel ends the exchange and begins the tunnel, by ev.
func (s *Session) startTunnel(ev event) {
	x, w := s.x, s.w
	t := w.tunnels.Get()
	idle := s.ln.TunnelIdle
	if x.route != nil {
		idle = x.route.TunnelIdle
	}
	*t = tunnel{
		route: x.route, idle: idle, began: x.began,
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
	s.on(ev)
}

// beginOpaque catches up with a client that ended its direction before there was
// anyone to tell.
func (s *Session) beginOpaque() {
	if s.down.ReadEnded() && s.down.Held() == 0 {
		s.halfClosed(&s.down, &s.up.Conn)
	}
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
		if t.route == nil {
			r.Status = -1
		}
		if s.up != nil {
			r.Cluster, r.Endpoint = s.up.ClusterName(), s.up.Endpoint.Address
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
	if t.route == nil {
		n.buf.B = n.buf.B[:len(t.text)]
	}
	at := uint32(0)
	for i, p := range [...]*part{&n.host, &n.target, &n.agent, &n.id, &n.forwarded} {
		*p = part{at, uint32(t.ends[i]) - at}
		at = uint32(t.ends[i])
	}
	n.method = part{at, uint32(len(n.buf.B)) - at}
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
	left := s.relay(&s.down, &s.up.Conn, &s.pausedDown, &s.bulkUp)
	if s.phase == phaseTunnel {
		left += s.relay(&s.up.Conn, &s.down, &s.pausedUp, &s.bulkDown)
	}
	switch {
	case s.phase != phaseTunnel:
		// A direction was cut short, and everything with it.
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
	by, kind := byEndpoint, fault.None
	if from == &s.down {
		by = byClient
	}
	s.since = s.w.now()
	if from.Truncated() {
		kind = fault.UpstreamTLSTruncated
		if by == byClient {
			kind = fault.TLSTruncated
		}
	}
	s.tun.blame(kind, by)
	if kind != fault.None {
		// What cannot be told from a cut is passed on as one. A plain peer of a
		// WebSocket gets its FIN: the frames in it say whether it was the end.
		if s.tun.route == nil && !to.Secured() {
			s.cut(kind, by)
			return
		}
		to.CutWrite()
		return
	}
	// close_notify needs room in the socket, which FIN does not: it must be queued for,
	// or the last direction would look truncated to a slow peer.
	if !spent(to, from) || to.Pending() > 0 || to.Secured() {
		to.CloseWrite()
	}
}

// resetTunnel passes a reset on: to end it like an orderly close would hide that
// bytes were lost.
func (s *Session) resetTunnel(by closer) {
	s.tun.closedBy = by
	kind := fault.TunnelReset
	switch {
	case by == byClient && s.down.TLSErr() != nil:
		kind = fault.TLSRecord
	case by == byEndpoint:
		kind = s.endpointFailure(kind, true)
	}
	s.cut(kind, by)
}
