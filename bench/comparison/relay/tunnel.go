package relay

import (
	"context"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// side is one of the two connections of a tunnel, and the context gnet keeps with
// it. Only the loop touches it.
type side struct {
	conn  gnet.Conn // nil before it is open, and after its end
	other *side
	ended bool
}

// OnBoot hands over the engine, which is how the relay is stopped.
func (r *relay) OnBoot(e gnet.Engine) gnet.Action {
	r.booted <- e
	return gnet.None
}

// OnOpen is called for a client, and for its upstream connection once that is made.
func (r *relay) OnOpen(c gnet.Conn) (out []byte, action gnet.Action) {
	if s, ok := c.Context().(*side); ok {
		return s.connected(c)
	}
	tunnel := new([2]side)
	down, up := &tunnel[0], &tunnel[1]
	down.conn, down.other, up.other = c, up, down
	c.SetContext(down)
	if !r.connect(c, up) {
		return nil, gnet.Close
	}
	return nil, gnet.None
}

// connected makes c the upstream connection and returns what its client has sent
// meanwhile, which gnet writes.
func (s *side) connected(c gnet.Conn) (out []byte, action gnet.Action) {
	if s.other.ended {
		s.ended = true
		return nil, gnet.Close
	}
	s.conn = c
	if s.other.conn.InboundBuffered() > 0 {
		out, _ = s.other.conn.Next(-1)
	}
	return out, gnet.None
}

// OnTraffic passes on what was read, out of gnet's read buffer: nothing is copied
// unless the other side does not take it. Before there is another side, gnet keeps
// what is not consumed.
func (r *relay) OnTraffic(c gnet.Conn) gnet.Action {
	s := c.Context().(*side)
	to := s.other.conn
	if to == nil {
		if s.other.ended {
			c.Discard(-1)
		}
		return gnet.None
	}
	if in, _ := c.Next(-1); len(in) > 0 {
		to.Write(in) // closes to if it fails, which ends c through OnClose
	}
	return gnet.None
}

// OnClose ends the other side too, once it has taken what is queued for it.
func (r *relay) OnClose(c gnet.Conn, _ error) gnet.Action {
	s := c.Context().(*side)
	s.conn, s.ended = nil, true
	if to := s.other.conn; to != nil {
		r.finish(to, lingers)
	}
	return gnet.None
}

// A side that does not take what is queued for it is looked at lingers times, with
// lingerPause between them, and then cut.
const (
	lingers     = 500
	lingerPause = 10 * time.Millisecond
)

// finish closes c when nothing is queued for it. gnet has no event for that moment,
// and drops what is queued at a close.
//
// The close is always put off to the end of the loop's turn: c may be the very
// connection whose bytes are being handled, and gnet would go on reading from a
// descriptor that is no longer its own.
func (r *relay) finish(c gnet.Conn, lingers int) {
	if c.OutboundBuffered() == 0 || lingers == 0 {
		c.Close()
		return
	}
	r.after(lingerPause, c.EventLoop(), gnet.RunnableFunc(func(context.Context) error {
		if s, ok := c.Context().(*side); ok && !s.ended {
			r.finish(c, lingers-1)
		}
		return nil
	}))
}
