package transport

import (
	"crypto/tls"
	"errors"
	"sync/atomic"
	"syscall"

	"weir/engine/tlsconn"
	"weir/pool"
)

// secure is the TLS of a connection, between what the connection's owner reads and
// writes and what its socket or link carries. An idle one holds no buffer.
type secure struct {
	conn    *Conn         // nil once it was closed; a worker may still have tls
	tls     *tlsconn.Conn // nil once a worker is to give it up
	partial *pool.Buffer  // what was read of a record that is not whole
	worker  *worker       // of the handshake under way; nil: its steps are done on the loop
	loop    *Loop         // while running
	told    *Conn         // while its owner runs, in OnYield
	err     error         // what TLS failed of
	left    int           // plaintext of the write under way that is still to be encrypted
	said    int32         // bytes TLS had to say for itself since the peer last took all
	result  tlsconn.State

	gone    atomic.Bool // conn was closed: a worker need not begin
	running bool        // the worker has tls
	weight  Weight
	opening bool // Open is running: what comes out is TLS's own
	writing bool // write is running
	ended   bool // the peer has sent close_notify
	fin     bool // the peer has sent FIN
	silent  bool // no close_notify any more: it was sent, or the end is to look like a cut
}

// maxSaid is how much TLS may have to say for itself to a peer that takes nothing:
// replies to key updates, of which a peer could ask for any number.
const maxSaid = 16 << 10

// ErrUnheard is what TLS fails of at a peer that has it answer, and takes no answer.
var ErrUnheard = errors.New("the peer asks for key updates and reads none")

// sealedOverhead is how much longer a record of TLS 1.3 is than what it holds. With
// older versions it is not exact, which costs a copy, or a system call.
const sealedOverhead = 5 + 1 + 16

// maxRecord is the most plaintext a record holds (RFC 8446 5.1).
const maxRecord = 16 << 10

// SecureServer begins TLS as the server of an accepted connection. What Unread holds
// is the ClientHello, whole. weight is what the handshake takes. Connecting is false when the handshake has ended, and
// Failed says how: OnConn tells, unless it ended before SecureServer returned. It uses
// Loop.Buf.
func (c *Conn) SecureServer(cfg *tls.Config, weight Weight) {
	s := c.newSecure(tlsconn.Server(cfg))
	s.weight = weight
	c.bytesIn -= int64(c.Held()) // from here on, what is inside counts
	s.partial, c.in = c.in, nil
	if c.state&readEnded != 0 {
		// FIN was read with the ClientHello. TLS is to meet it too: it is told again.
		c.state = c.state&^readEnded | readable
	}
	if s.begin() {
		s.advance()
	}
}

// SecureClient has TLS spoken, as the client, behind the connect: c is not up, and
// may not be written to, before the handshake has ended. Call it behind Dial, in the
// same turn.
func (c *Conn) SecureClient(cfg *tls.Config) {
	c.newSecure(tlsconn.Client(cfg)).weight = Medium
	c.state |= securing
}

func (c *Conn) newSecure(t *tlsconn.Conn) *secure {
	c.tls = &secure{conn: c, tls: t}
	return c.tls
}

// Secured reports whether TLS is spoken on c, or is to be.
func (c *Conn) Secured() bool { return c.tls != nil }

// TLSInfo tells what the handshake agreed on. It allocates.
func (c *Conn) TLSInfo() tlsconn.Info { return c.tls.tls.Info() }

// TLSErr is what TLS failed of, or nil. The alert that tells the peer was sent.
func (c *Conn) TLSErr() error {
	if c.tls == nil {
		return nil
	}
	return c.tls.err
}

// Truncated reports whether the peer ended its direction without ending TLS: somebody
// may have cut off what it sent (RFC 8446 6.1).
func (c *Conn) Truncated() bool { return c.tls != nil && c.tls.fin && !c.tls.ended }

// CutWrite is CloseWrite that does not end TLS: a direction that arrived truncated is
// passed on as such.
func (c *Conn) CutWrite() {
	if c.tls != nil {
		c.tls.silent = true
	}
	c.CloseWrite()
}

// read is Conn.read through TLS. p may be Loop.Buf: records are read into it and
// decrypted in place.
func (s *secure) read(p []byte) (int, Result) {
	c := s.conn
	for {
		switch {
		case c == nil: // closed
			return 0, ReadAgain
		case c.state&readEnded != 0:
			return 0, ReadEnd
		case s.ended:
			c.state = c.state&^readable | readEnded
			return 0, ReadEnd
		case c.Failed():
			return 0, ReadFailed
		case c.state&readable == 0 || len(p) == 0:
			return 0, ReadAgain
		}
		records := s.records(p)
		switch {
		case len(records) > 0:
			if n := s.open(p, records); n > 0 {
				return n, ReadData
			}
		case s.fin:
			c.state = c.state&^readable | readEnded
			return 0, ReadEnd
		case c.Failed():
			return 0, ReadFailed
		default:
			return 0, ReadAgain
		}
	}
}

// open decrypts, and books how it went.
func (s *secure) open(p, records []byte) int {
	c := s.conn
	if c.out.Len() == 0 {
		s.said = 0
	}
	s.opening = true
	n, err := s.tls.Open(p, records, s)
	s.opening = false
	c.bytesIn += int64(n)
	switch {
	case tlsconn.IsCloseNotify(err):
		s.ended = true
		c.state |= readable // the end is still to be read
	case err != nil:
		s.fail(err)
	case s.said > maxSaid:
		s.fail(ErrUnheard)
	}
	return n
}

// records reads from the peer and gives the whole records that are there, in buf, which
// has room for the longest. It reads on while there is none: after a hang-up no event
// tells of what is behind the part of one.
func (s *secure) records(buf []byte) []byte {
	c := s.conn
	have := 0
	if s.partial != nil {
		have = copy(buf, s.partial.B)
		c.loop.Pool.Put(s.partial)
		s.partial = nil
	}
	whole := 0
	for {
		n := 0
		if c.state&readable != 0 && !s.fin && have < len(buf) {
			n = s.recv(buf[have:])
		}
		have += n
		whole = tlsconn.Whole(buf[:have])
		if whole > 0 || n == 0 {
			break
		}
	}
	if !s.fin {
		s.partial = c.loop.keep(buf[whole:have])
	}
	return buf[:whole]
}

// recv reads ciphertext and books how it went, as Conn.read does: what the peer sent
// is read even if nothing can be sent to it any more.
func (s *secure) recv(p []byte) int {
	c := s.conn
	n, errno := c.recv(p)
	switch {
	case n > 0:
		if n < len(p) && c.state&hungUp == 0 {
			c.state &^= readable
		}
		return n
	case c.errno != 0:
		c.fail(c.errno) // writing has failed before, and nothing is left to read
	case n == 0:
		s.fin = true
	case errno == syscall.EAGAIN:
		c.state &^= readable
	default:
		c.fail(errno)
	}
	return 0
}

// fail ends the connection for what TLS says. An alert is on its way.
func (s *secure) fail(err error) {
	s.err = err
	errno := s.conn.errno
	if errno == 0 {
		errno = syscall.EPROTO
	}
	s.conn.fail(errno)
}

// Ciphertext is the tlsconn.Sink.
func (s *secure) Ciphertext(b []byte) {
	c := s.conn
	switch {
	case c.state&(wantShut|shut) != 0:
		// Nothing follows close_notify: not an alert, nor the answer to a key update.
	case s.opening:
		s.said += int32(len(b))
		c.put(b)
	case s.writing && (len(b)-sealedOverhead < s.left || len(c.loop.sealed) > 0):
		// One of several records: more are to come than it can hold.
		s.left -= len(b) - sealedOverhead
		c.loop.sealed = append(c.loop.sealed, b...)
	default:
		c.put(b)
	}
}

// write encrypts parts. All records go in one system call; a single one is not
// copied.
func (s *secure) write(parts ...[]byte) {
	c := s.conn
	if c.state&securing != 0 {
		return
	}
	l := c.loop
	l.sealed = l.sealed[:0] // a panic may have left somebody's
	s.left, s.writing = 0, true
	for _, p := range parts {
		s.left += len(p)
	}
	if len(parts) > 1 && s.left <= maxRecord {
		l.joined = l.joined[:0]
		for _, p := range parts {
			l.joined = append(l.joined, p...)
		}
		s.seal(l.joined)
	} else {
		for _, p := range parts {
			s.seal(p)
		}
	}
	s.writing = false
	c.put(l.sealed)
	l.sealed = l.sealed[:0]
}

func (s *secure) seal(p []byte) {
	if len(p) == 0 || s.conn.errno != 0 {
		return
	}
	if err := s.tls.Seal(p, s); err != nil {
		s.fail(err)
		return
	}
	s.conn.bytesOut += int64(len(p))
}

// closeNotify ends TLS in the direction to the peer.
func (s *secure) closeNotify() {
	if s.silent || s.err != nil || s.conn.state&(connecting|securing) != 0 {
		return
	}
	s.silent = true
	// It fails only where writing has failed before.
	_ = s.tls.CloseWrite(s)
}

// close lets go of everything, with c.
func (s *secure) close(reset bool) {
	c := s.conn
	if !reset && c.errno == 0 && c.out.Len() == 0 && c.state&shut == 0 {
		s.closeNotify()
	}
	c.loop.Pool.Put(s.partial)
	s.partial = nil
	s.conn = nil
	if s.running {
		s.gone.Store(true) // it counts until the worker gives it back
		return
	}
	s.abandon()
}

// saveAlert keeps the kernel from resetting the connection at its close, which could
// destroy an alert on its way: it does so if anything is left unread.
func (s *secure) saveAlert() {
	c := s.conn
	c.shutdown()
	if cap(c.loop.sealed) == 0 {
		c.loop.sealed = make([]byte, 0, maxRecord)
	}
	scratch := c.loop.sealed[:cap(c.loop.sealed)] // not Loop.Buf: the caller may be using it
	for range 16 {
		if n, _ := c.recv(scratch); n <= 0 {
			return
		}
	}
}
