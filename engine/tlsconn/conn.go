// Package tlsconn is crypto/tls without a socket: bytes in, bytes out, and no
// goroutine for a connection that is open.
//
// A handshake is a coroutine. It is suspended where crypto/tls waits for the peer,
// and Step resumes it, on whatever goroutine calls: never two at once, and each
// hands over to the next by a channel or a loop's queue. But a coroutine that began on
// a goroutine locked to its thread belongs to that one: the process ends if another
// resumes it, or aborts it. An open connection is given whole records and gives back
// what is in them.
//
// Who owns a Conn may use it, and nobody else; there is no lock. An abandoned
// handshake must be ended with Abort, or its coroutine is never freed.
package tlsconn

import (
	"crypto/tls"
	"errors"
	"io"
	"iter"
)

// State is where a connection is.
type State uint8

const (
	// Handshaking: it waits for bytes of the peer.
	Handshaking State = iota
	// Open: application data may pass.
	Open
	// Failed: Err says why. What Output gives is still to be sent: it is the alert.
	Failed
)

// Sink takes the ciphertext of an open connection, in order. b is borrowed for the
// call. It never refuses: crypto/tls would take that for the end.
type Sink interface{ Ciphertext(b []byte) }

// Conn is one TLS connection over memory.
type Conn struct {
	tls *tls.Conn
	mem memory
	hs  *handshake // nil once open
	err error

	server bool
}

// handshake is what only a handshake needs.
type handshake struct {
	next func() (struct{}, bool) // nil before the first Step
	stop func()
	in   []byte // bytes of the peer that crypto/tls has not taken yet
	out  []byte // bytes for the peer that Output has not given yet
	err  error
	done bool

	suspended bool // the coroutine is there, and not running
}

// ErrAborted is Err after Abort.
var ErrAborted = errors.New("the handshake was given up")

// Server is the server's side of a connection; nothing is computed before Step.
// cfg must not change while the connection lives, and is shared, not copied.
func Server(cfg *tls.Config) *Conn {
	c := start(cfg, tls.Server)
	c.server = true
	return c
}

// Client is the client's side; the first Step, of no bytes, makes the ClientHello.
func Client(cfg *tls.Config) *Conn { return start(cfg, tls.Client) }

func start(cfg *tls.Config, side func(conn, *tls.Config) *tls.Conn) *Conn {
	c := &Conn{hs: &handshake{}}
	c.mem.hs = c.hs
	c.tls = side(&c.mem, cfg)
	return c
}

// begin makes the coroutine.
func (c *Conn) begin() {
	h := c.hs
	h.next, h.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.mem.yield = yield
		h.err = c.tls.Handshake()
		c.mem.yield = nil
		h.done = true
	})
}

// Step goes on with the handshake as far as in carries it, and copies what it does
// not use. It may take a millisecond of CPU time, which is why it runs on a worker;
// a callback of the tls.Config runs inside it, and a panic there comes out of it.
func (c *Conn) Step(in []byte) State {
	h := c.hs
	if h == nil || c.err != nil {
		return c.state()
	}
	h.in = append(h.in, in...)
	if h.next == nil {
		c.begin()
	}
	h.suspended = false // also if the handshake panics
	_, h.suspended = h.next()
	if h.suspended {
		return Handshaking
	}
	if h.err == nil && !h.done {
		h.err = ErrAborted
	}
	c.err = h.err
	if c.err == nil {
		c.tidy()
	}
	return c.state()
}

func (c *Conn) state() State {
	switch {
	case c.err != nil:
		return Failed
	case c.hs != nil && !c.hs.done:
		return Handshaking
	}
	return Open
}

// Output gives what the handshake has for the peer, which the caller owns.
func (c *Conn) Output() []byte {
	if c.hs == nil {
		return nil
	}
	out := c.hs.out
	c.hs.out = nil
	return out
}

// Finish is called once after the Step that gave Open, behind Output. It lets go of
// all that the handshake needed, and gives the bytes that came behind it.
func (c *Conn) Finish() (rest []byte) {
	if c.hs == nil {
		return nil
	}
	rest = c.hs.in
	c.hs, c.mem.hs = nil, nil
	return rest
}

// Abort ends a handshake that is under way; on any other connection it does
// nothing. It may be called twice, by the owner only.
func (c *Conn) Abort() {
	if c.hs == nil || c.hs.done {
		return
	}
	c.err = ErrAborted
	if c.hs.stop != nil {
		c.hs.stop()
	}
	c.hs = nil
}

// Suspended reports whether there is a coroutine that only Step or Abort ends.
func (c *Conn) Suspended() bool { return c.hs != nil && c.hs.suspended }

// Err is why the handshake failed, or nil.
func (c *Conn) Err() error { return c.err }

// Open decrypts records, which are whole ones (see Whole), into p, and returns how
// many bytes it wrote. p has at least len(records) bytes, and may begin where records
// begin or before: plaintext is shorter, and is written behind the reading. records
// is destroyed. What the connection itself has to say (a key update, an alert) goes
// to out.
//
// err is io.EOF once the peer has sent close_notify. Any other is the end of the
// connection; n may be above 0 with either. Open does not allocate, but for rare
// messages of the protocol itself.
func (c *Conn) Open(p, records []byte, out Sink) (n int, err error) {
	c.mem.out = out
	if lending {
		n, err = c.openLent(p, records)
	} else {
		n, err = c.openCopied(p, records)
	}
	c.mem.out = nil
	return n, err
}

// openCopied lets crypto/tls copy the records into a buffer of its own. That one
// stays with the connection, as large as the largest record was.
func (c *Conn) openCopied(p, records []byte) (n int, err error) {
	c.mem.in = records
	for err == nil {
		if n == len(p) {
			err = io.ErrShortBuffer
			break
		}
		var got int
		got, err = c.tls.Read(p[n:])
		n += got
	}
	c.mem.in = nil
	if err == errWouldBlock {
		err = nil
	}
	return n, err
}

// Seal encrypts p into as many records as it needs, each given to out.
func (c *Conn) Seal(p []byte, out Sink) error {
	c.mem.out = out
	_, err := c.tls.Write(p)
	c.mem.out = nil
	return err
}

// CloseWrite sends close_notify: the end of this direction, and of this one only.
func (c *Conn) CloseWrite(out Sink) error {
	c.mem.out = out
	err := c.tls.CloseWrite()
	c.mem.out = nil
	return err
}

// IsCloseNotify reports whether an error of Open is the orderly end.
func IsCloseNotify(err error) bool { return err == io.EOF }
