// Package transport is one connection API over what carries the bytes, so that a
// session sees logical readiness only: Read and Write that never block, bytes
// queued for a slow peer, half-close and reset. What is below (a socket now) is
// the business of a Link.
//
// Everything here belongs to one loop.
package transport

import (
	"sync/atomic"
	"syscall"

	"weir/engine/reactor"
	"weir/engine/tlsconn"
	"weir/pool"
)

// The names a session needs of the reactor, which it may not import.
type (
	// Addr is a TCP address.
	Addr = reactor.Addr
	// Outgoing is a connection to be made.
	Outgoing = reactor.Outgoing
	// TLSInfo is what a TLS handshake agreed on.
	TLSInfo = tlsconn.Info
	// Timer is one deadline.
	Timer = reactor.Timer
	// TimerHandler is told that a deadline has passed.
	TimerHandler = reactor.TimerHandler
)

// BufferBytes is the size of the loop's read buffer: the most one Read gives. A
// message or response of 64 KiB comes in one piece with its header, which saves a
// read and a write of it.
const BufferBytes = 128 << 10

// TurnBudget is how many bytes one connection may move in a turn before it has to
// let the others have theirs.
const TurnBudget = 2 * BufferBytes

// Loop is a reactor loop with the memory its connections share.
type Loop struct {
	*reactor.Loop
	// Pool is where queued bytes are kept.
	Pool *pool.Pool
	// Buf is the one read buffer of the loop. Its contents last until the next
	// Read of any connection.
	Buf []byte
	// Handshakes computes TLS handshakes off the loop; nil: on it.
	Handshakes *Handshakes
	// Open is the number of connections open, for anyone to read.
	Open atomic.Int64

	dial     func(c *Conn, to Outgoing) syscall.Errno
	segments [16][]byte
	pipe     *reactor.Pipe        // nil until a body is large enough for it
	away     map[*secure]struct{} // handshakes that a worker has
	sealed   []byte               // ciphertext of one write
	joined   []byte               // plaintext that is to be one record
}

// NewLoop wraps r.
func NewLoop(r *reactor.Loop) *Loop {
	return &Loop{Loop: r, Pool: &pool.Pool{}, Buf: make([]byte, BufferBytes), dial: dialTCP, away: map[*secure]struct{}{}}
}

// keep copies data, which is Buf's for the most part, into a pooled buffer; nil if
// there is none.
func (l *Loop) keep(data []byte) *pool.Buffer {
	if len(data) == 0 {
		return nil
	}
	b := l.Pool.Get(len(data))
	b.B = append(b.B, data...)
	return b
}

// SetDialer replaces what Dial does, for tests that have no sockets.
func (l *Loop) SetDialer(dial func(c *Conn, to Outgoing) syscall.Errno) { l.dial = dial }

// AddrFrom converts an address.
var AddrFrom = reactor.AddrFrom

// PortTaken reports whether a dial failed for the port of Outgoing.From alone.
func PortTaken(errno syscall.Errno) bool { return reactor.PortTaken(errno) }

// IsLocal reports whether a is an address of this machine.
func IsLocal(a Addr) bool { return reactor.IsLocal(a) }

// Temporary reports whether a dial failed for want of something on this machine.
func Temporary(errno syscall.Errno) bool { return reactor.Temporary(errno) }
