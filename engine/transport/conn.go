package transport

import (
	"syscall"

	"weir/engine/reactor"
	"weir/pool"
)

// Owner is who a connection belongs to: a session, or the keeper of idle ones.
type Owner interface {
	// OnConn runs on the loop when something about c may have changed: bytes to
	// read, room to write, a connect that ended, a peer that left.
	OnConn(c *Conn)
	// OnConnPanic runs after a panic below OnConn was caught.
	OnConnPanic(c *Conn)
}

// Link carries the bytes of a connection that is not a plain socket. Its methods
// have the contracts of the system calls they stand for.
type Link interface {
	Read(p []byte) (n int, errno syscall.Errno)
	Write(segments [][]byte) (n int, errno syscall.Errno)
	ShutdownWrite() syscall.Errno
	Close(reset bool)
}

// attacher is a Link that tells its connection of readiness by itself.
type attacher interface{ Attached(c *Conn) }

// connector is a Link whose connect can fail: 0 is up, EINPROGRESS is not yet.
type connector interface{ ConnectError() syscall.Errno }

// located is a Link that has an address of its own.
type located interface{ LocalAddr() Addr }

type state uint16

const (
	readable   state = 1 << iota // a read may give something
	writable                     // a write may be taken
	hungUp                       // a short read proves nothing any more
	connecting                   // connect has not ended
	securing                     // the TLS handshake has not
	readEnded                    // the peer's FIN was read
	wantShut                     // FIN is to follow what is queued
	shut                         // FIN was sent
	closed
)

// Result is how a Read ended.
type Result uint8

const (
	// ReadData: there are bytes.
	ReadData Result = iota
	// ReadAgain: nothing now; OnConn will tell.
	ReadAgain
	// ReadEnd: the peer has ended its direction.
	ReadEnd
	// ReadFailed: the connection is dead; Err says why.
	ReadFailed
)

// Conn is one connection. It lives inside the value that owns it and is ready
// after Accept or Dial. Not a byte is held while nothing waits.
type Conn struct {
	loop  *Loop
	owner Owner
	link  Link    // nil: the socket fd
	tls   *secure // nil: plain
	out   pool.Chain
	in    *pool.Buffer // read, but handed back by Unread
	errno syscall.Errno
	fd    int32
	state state

	bytesIn, bytesOut int64
}

// Accept makes c the connection on an accepted descriptor, which it owns from
// here on, also on failure.
func (c *Conn) Accept(loop *Loop, fd int, owner Owner) syscall.Errno {
	*c = Conn{loop: loop, owner: owner, fd: int32(fd), state: writable}
	return c.register()
}

// Dial starts a connection. Writes are queued until it is up; OnConn tells when
// it is, or has failed. An errno means that it could not even be started.
func (c *Conn) Dial(loop *Loop, to Outgoing, owner Owner) syscall.Errno {
	*c = Conn{loop: loop, owner: owner, fd: -1, state: connecting}
	errno := loop.dial(c, to)
	if errno != 0 {
		c.state = closed
	}
	return errno
}

// Preface has data sent before anything else, also before TLS. Call it behind Dial,
// in the same turn.
func (c *Conn) Preface(data []byte) { c.out.Append(c.loop.Pool, data) }

// AttachLink puts c on a link instead of a socket, in place of what Accept or the
// loop's dialer do. up says that no connect is pending; a dialer passes no owner,
// which leaves the one Dial was given.
func (c *Conn) AttachLink(loop *Loop, link Link, owner Owner, up bool) {
	if owner == nil {
		owner = c.owner
	}
	*c = Conn{loop: loop, owner: owner, link: link, fd: -1, state: connecting}
	if up {
		c.state = writable
	}
	loop.Open.Add(1)
	if a, ok := link.(attacher); ok {
		a.Attached(c)
	}
}

func dialTCP(c *Conn, to Outgoing) syscall.Errno {
	fd, errno := reactor.Connect(to)
	if errno != 0 {
		return errno
	}
	c.fd = int32(fd)
	return c.register()
}

func (c *Conn) register() syscall.Errno {
	c.loop.Open.Add(1)
	err := c.loop.Register(int(c.fd), c)
	if err == nil {
		return 0
	}
	c.Close()
	return syscall.ENOMEM
}

// OnReady is the reactor's call.
func (c *Conn) OnReady(r reactor.Ready) {
	if c.state&connecting != 0 && !c.finishConnect() {
		return
	}
	if !c.Failed() {
		c.told(r)
	}
	if c.state&securing != 0 {
		c.Flush()
		if !c.tls.advance() {
			return
		}
	}
	c.owner.OnConn(c)
}

func (c *Conn) told(r reactor.Ready) {
	if r&reactor.Failed != 0 && c.errno == 0 && c.link == nil {
		// Asked for at once: an owner that leaves c unread, for a peer that is slow,
		// would otherwise learn of a reset only when it reads or writes again.
		if errno := reactor.SocketError(int(c.fd)); errno != 0 {
			c.failWrite(errno)
		}
	}
	if r&reactor.HangUp != 0 {
		c.state |= hungUp
	}
	if r&reactor.Readable != 0 {
		c.state |= readable
	}
	if r&reactor.Writable != 0 {
		c.state |= writable
	}
}

// OnPanic is the reactor's call.
func (c *Conn) OnPanic() { c.owner.OnConnPanic(c) }

// finishConnect asks how the connect ended, and reports whether it has: the event
// may be a stale one, of a descriptor that was closed and reused.
func (c *Conn) finishConnect() bool {
	errno := c.connectError()
	if errno == syscall.EINPROGRESS {
		return false
	}
	c.state = c.state&^connecting | writable
	if errno != 0 {
		c.fail(errno)
	}
	c.Flush()
	switch {
	case c.tls == nil:
	case c.errno != 0:
		c.state &^= securing
	case c.tls.begin():
		c.tls.hello()
	}
	return true
}

func (c *Conn) connectError() syscall.Errno {
	if c.link == nil {
		return reactor.ConnectError(int(c.fd))
	}
	if l, ok := c.link.(connector); ok {
		return l.ConnectError()
	}
	return 0
}

// SetOwner hands c to another owner.
func (c *Conn) SetOwner(o Owner) { c.owner = o }

// Connecting reports whether a connect, or a TLS handshake, is still pending.
func (c *Conn) Connecting() bool { return c.state&(connecting|securing) != 0 }

// Readable reports whether Read may give something, Unread bytes included.
func (c *Conn) Readable() bool { return c.state&readable != 0 || c.in != nil }

// MoreToRead reports whether the peer itself may have more, now.
func (c *Conn) MoreToRead() bool { return c.state&readable != 0 }

// Poke makes the next Read ask the kernel, whatever the last event said.
func (c *Conn) Poke() {
	if c.errno == 0 && c.state&(connecting|readEnded|closed) == 0 {
		c.state |= readable
	}
}

// Held is the number of bytes that Unread holds.
func (c *Conn) Held() int {
	if c.in == nil {
		return 0
	}
	return len(c.in.B)
}

// ReadEnded reports whether the peer has ended its direction.
func (c *Conn) ReadEnded() bool { return c.state&readEnded != 0 }

// Pending is the number of bytes queued for the peer.
func (c *Conn) Pending() int { return c.out.Len() }

// Failed reports whether the connection is dead and nothing is left to read; Err
// says why.
func (c *Conn) Failed() bool {
	return c.errno != 0 && (c.state&readable == 0 || c.state&readEnded != 0)
}

// Err is the error the connection died of, or 0.
func (c *Conn) Err() syscall.Errno { return c.errno }

// Closed reports whether Close or Reset was called, or nothing was ever opened.
func (c *Conn) Closed() bool { return c.state&closed != 0 || c.loop == nil }

// BytesIn counts the bytes read from the peer: through TLS, what was inside.
func (c *Conn) BytesIn() int64 { return c.bytesIn }

// BytesOut counts the bytes the kernel has taken for the peer, or through TLS those
// that were encrypted for it.
func (c *Conn) BytesOut() int64 { return c.bytesOut }

// LocalAddr is the address the peer connected to: one system call. It is the zero
// Addr on a link that knows none.
func (c *Conn) LocalAddr() Addr {
	if c.fd < 0 {
		if l, ok := c.link.(located); ok {
			return l.LocalAddr()
		}
		return Addr{}
	}
	return reactor.LocalAddr(int(c.fd))
}

// OriginalDst is where the client of a redirected connection meant to connect to: one
// system call. ENOENT: it was not redirected.
func (c *Conn) OriginalDst(client Addr) (Addr, syscall.Errno) {
	return reactor.OriginalDst(int(c.fd), client.Is4())
}

// FD is the descriptor, for logs; -1: none.
func (c *Conn) FD() int { return int(c.fd) }

// fail marks c dead: nothing can be sent, and nothing is left to read.
func (c *Conn) fail(errno syscall.Errno) {
	c.failWrite(errno)
	c.state &^= readable | connecting
}

// failWrite marks c dead for writing. What the peer sent before it left may still
// wait in the socket: an endpoint that refuses an upload answers, then resets.
func (c *Conn) failWrite(errno syscall.Errno) {
	c.errno = errno
	c.state = c.state&^(writable|wantShut) | readable
	c.out.Clear(c.loop.Pool)
}
