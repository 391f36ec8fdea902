package transport

import (
	"io"
	"slices"

	"weir/engine/tlsconn"
)

// A handshake goes from loop to worker to loop, always to the same worker. While that one
// has it (running), the loop leaves the connection unread and does not touch tls. A
// connection that is closed meanwhile is given up when the worker is done with it.

// Weight is what a handshake as a server takes of the CPU, which decides where it is
// computed.
type Weight uint8

const (
	// Heavy: a signature of RSA, a millisecond. On a thread that leaves the processor to
	// any other.
	Heavy Weight = iota
	// Medium: some hundred microseconds in any step. On a worker like other goroutines,
	// which costs less to hand over to.
	Medium
	// Light is Medium for the ClientHello, and little for what follows if that is TLS 1.3:
	// it stays on the loop.
	Light
)

// maxStepBytes is how much of what the peer has sent goes into one step: a record, or
// what lay before SecureServer. More would wait in the queue of the workers, for each
// handshake.
const maxStepBytes = tlsconn.MaxRecordBytes

// begin counts the handshake in, or fails it.
func (s *secure) begin() bool {
	s.conn.state |= securing
	pool := s.conn.loop.Handshakes
	if pool == nil {
		return true
	}
	if s.worker = pool.begin(s.conn.loop.Now(), s.weight); s.worker == nil {
		s.conn.state &^= securing
		s.fail(ErrHandshakesFull)
		return false
	}
	return true
}

// endHandshake counts one out that has ended.
func (s *secure) endHandshake() {
	if s.worker != nil {
		s.worker.pool.end()
		s.worker = nil
	}
}

// abandon gives up a handshake that has not ended. On any other it does nothing.
func (s *secure) abandon() {
	if s.tls == nil {
		return
	}
	if s.worker != nil && s.worker.bound() && s.tls.Suspended() {
		s.worker.giveUp(s.tls, s.loop.Now())
		s.worker, s.tls = nil, nil
		return
	}
	s.endHandshake()
	s.tls.Abort()
}

// hello makes the client begin.
func (s *secure) hello() { s.step(nil) }

// advance goes on with what the peer has sent, and reports whether the handshake has
// ended.
func (s *secure) advance() (ended bool) {
	c := s.conn
	for !s.running && c.state&securing != 0 {
		size := maxStepBytes
		if s.partial != nil {
			size = max(size, len(s.partial.B))
		}
		records := s.records(c.loop.Buf[:size])
		switch {
		case len(records) > 0:
			s.step(records)
		case s.fin:
			s.stop(io.ErrUnexpectedEOF)
		case c.errno != 0:
			s.stop(c.errno)
		default:
			return false
		}
	}
	return c.state&securing == 0
}

// stop fails the handshake.
func (s *secure) stop(err error) {
	s.conn.state &^= securing
	s.abandon()
	s.fail(err)
}

// step feeds records to the handshake: here if that is light, else on its worker.
func (s *secure) step(records []byte) {
	if s.worker == nil || s.weight == Light && tlsconn.OnlyProtected(records) {
		s.stepped(s.tls.Step(records))
		return
	}
	l := s.conn.loop
	s.running, s.loop = true, l
	l.away[s] = struct{}{}
	s.worker.submit(&job{s: s, loop: l.Loop, at: l.Now(), in: slices.Clone(records)})
}

// OnYield is a worker's answer, on the loop.
func (s *secure) OnYield() {
	s.running = false
	delete(s.loop.away, s)
	c := s.conn
	if c == nil {
		s.abandon()
		return
	}
	s.told = c
	s.stepped(s.result)
	if s.advance() {
		c.owner.OnConn(c)
	}
	s.told = nil
}

// OnPanic tells the owner of a panic below OnYield, also if it has closed the connection
// by then.
func (s *secure) OnPanic() {
	if s.told != nil {
		s.told.OnPanic()
	}
}

// stepped sends what a step has given, and ends the handshake if it was the last.
func (s *secure) stepped(state tlsconn.State) {
	c := s.conn
	c.put(s.tls.Output())
	switch state {
	case tlsconn.Failed:
		err := s.tls.Err()
		if err == nil {
			err = errHandshakePanic
		}
		s.stop(err)
	case tlsconn.Open:
		rest := s.tls.Finish()
		if s.partial != nil {
			rest = append(rest, s.partial.B...)
			c.loop.Pool.Put(s.partial)
		}
		s.partial = c.loop.keep(rest)
		c.state = c.state&^securing | readable
		s.endHandshake()
		if c.state&wantShut != 0 {
			c.state &^= wantShut
			c.CloseWrite()
		}
	}
}
