package transport

import (
	"syscall"

	"weir/engine/reactor"
)

// Write sends data, and copies what the kernel does not take at once into the
// queue. It takes everything: the caller watches Pending and stops reading from
// the other side. A failure shows in Failed.
func (c *Conn) Write(data []byte) {
	if c.errno != 0 || c.state&(closed|wantShut|shut) != 0 || len(data) == 0 {
		return
	}
	if c.tls != nil {
		c.tls.write(data)
		return
	}
	c.put(data)
}

// put sends data as it is, and queues what the kernel does not take at once.
func (c *Conn) put(data []byte) {
	if c.errno != 0 || len(data) == 0 {
		return
	}
	if c.out.Len() == 0 && c.state&writable != 0 {
		data = data[c.send(data):]
		if c.errno != 0 {
			return
		}
	}
	if len(data) > 0 {
		c.out.Append(c.loop.Pool, data)
	}
}

// send gives data to the kernel and returns how much it took.
func (c *Conn) send(data []byte) int {
	var n int
	var errno syscall.Errno
	if c.link != nil {
		c.loop.segments[0] = data
		n, errno = c.link.Write(c.loop.segments[:1])
		c.loop.segments[0] = nil
	} else {
		n, errno = reactor.Write(int(c.fd), data)
	}
	return c.sent(n, len(data), errno)
}

// sent books the outcome of a send of want bytes.
func (c *Conn) sent(n, want int, errno syscall.Errno) int {
	if errno != 0 && errno != syscall.EAGAIN {
		c.failWrite(errno)
		return 0
	}
	n = max(n, 0)
	// A short write means a full socket buffer: the next event says when it has
	// room, and until then a call would be wasted.
	if n < want {
		c.state &^= writable
	}
	if c.tls == nil {
		c.bytesOut += int64(n)
	}
	return n
}

// WriteParts is Write of a few parts in a row, at most 16, in one system call: a head and
// the body behind it, a chunk between its size and its end. Nothing is copied but
// what the kernel does not take.
func (c *Conn) WriteParts(parts ...[]byte) {
	if len(parts) == 2 && len(parts[1]) == 0 {
		c.Write(parts[0])
		return
	}
	if c.tls != nil {
		if c.errno == 0 && c.state&(closed|wantShut|shut) == 0 {
			c.tls.write(parts...)
		}
		return
	}
	if c.link != nil || c.out.Len() > 0 || c.state&writable == 0 {
		for _, p := range parts {
			c.Write(p)
		}
		return
	}
	if c.errno != 0 || c.state&(closed|wantShut|shut) != 0 {
		return
	}
	segments := c.loop.segments[:0]
	want := 0
	for _, p := range parts {
		segments = append(segments, p)
		want += len(p)
	}
	if want == 0 {
		return
	}
	n, errno := reactor.Writev(int(c.fd), segments)
	n = c.sent(n, want, errno)
	for _, p := range segments {
		if c.errno != 0 {
			break
		}
		if n < len(p) {
			c.out.Append(c.loop.Pool, p[n:])
		}
		n -= min(n, len(p))
	}
	clear(segments)
}

// Flush sends what is queued, as far as the kernel takes it, and then the FIN if
// CloseWrite asked for it.
func (c *Conn) Flush() {
	for c.out.Len() > 0 && c.state&writable != 0 {
		segments := c.loop.segments[:]
		count := c.out.Segments(segments)
		want := 0
		for _, s := range segments[:count] {
			want += len(s)
		}
		var n int
		var errno syscall.Errno
		if c.link != nil {
			n, errno = c.link.Write(segments[:count])
		} else {
			n, errno = reactor.Writev(int(c.fd), segments[:count])
		}
		clear(segments[:count])
		n = c.sent(n, want, errno)
		if c.errno != 0 {
			return
		}
		c.out.Consume(c.loop.Pool, n)
	}
	if c.out.Len() == 0 && c.state&wantShut != 0 && !c.Connecting() {
		c.shutdown()
	}
}

// CloseWrite ends the direction to the peer: FIN, behind what is queued, and through
// TLS behind close_notify.
func (c *Conn) CloseWrite() {
	if c.errno != 0 || c.state&(closed|wantShut|shut) != 0 {
		return
	}
	if c.tls != nil {
		c.tls.closeNotify()
		if c.errno != 0 {
			return
		}
	}
	c.state |= wantShut
	if c.out.Len() == 0 && !c.Connecting() {
		c.shutdown()
	}
}

func (c *Conn) shutdown() {
	c.state = c.state&^wantShut | shut
	var errno syscall.Errno
	if c.link != nil {
		errno = c.link.ShutdownWrite()
	} else {
		errno = reactor.ShutdownWrite(int(c.fd))
	}
	if errno != 0 && errno != syscall.ENOTCONN {
		c.failWrite(errno)
	}
}

// WriteEnded reports whether the FIN was sent.
func (c *Conn) WriteEnded() bool { return c.state&shut != 0 }

// Close closes at once; what is queued is dropped. Through TLS that has nothing
// queued, close_notify goes first. It may be called twice.
func (c *Conn) Close() { c.close(false) }

// Reset closes with RST instead of FIN, so that the peer can tell a cut from an end.
func (c *Conn) Reset() { c.close(true) }

func (c *Conn) close(reset bool) {
	if c.Closed() {
		return
	}
	if c.tls != nil {
		if c.tls.err != nil {
			c.tls.saveAlert()
			reset = false
		}
		c.tls.close(reset)
	}
	c.state |= closed
	c.state &^= readable | writable | connecting | securing | wantShut
	c.out.Clear(c.loop.Pool)
	c.loop.Pool.Put(c.in)
	c.in = nil
	c.loop.Open.Add(-1)
	if c.link != nil {
		c.link.Close(reset)
		return
	}
	if reset {
		reactor.Linger0(int(c.fd))
	}
	c.loop.CloseFD(int(c.fd))
}
