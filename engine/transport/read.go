package transport

import (
	"syscall"

	"weir/engine/reactor"
)

// Read puts bytes at the front of the loop's buffer: what Unread held first, then
// what one system call gives. The slice is Loop.Buf's and lasts until the next
// Read on the loop.
//
// fresh is how many of the bytes are new; it is 0 when only held bytes are there.
// A call that gives ReadAgain, ReadEnd or ReadFailed gives the held bytes too, so
// a caller that cannot use them hands them back with Unread.
func (c *Conn) Read() (data []byte, fresh int, r Result) {
	buf := c.loop.Buf
	held := 0
	if c.in != nil {
		held = copy(buf, c.in.B)
		c.loop.Pool.Put(c.in)
		c.in = nil
	}
	n, r := c.read(buf[held:])
	return buf[:held+n], n, r
}

// Unread hands data back: the next Read gives it again. It is the end of what was
// read, at most half of the buffer where more is to be read after it.
func (c *Conn) Unread(data []byte) {
	if len(data) == 0 || c.Closed() {
		return
	}
	c.in = c.loop.keep(data)
}

func (c *Conn) read(p []byte) (int, Result) {
	if c.tls != nil {
		return c.tls.read(p)
	}
	switch {
	case c.state&readEnded != 0:
		return 0, ReadEnd
	case c.Failed():
		return 0, ReadFailed
	case c.state&readable == 0 || len(p) == 0:
		return 0, ReadAgain
	}
	n, errno := c.recv(p)
	switch {
	case n > 0:
		// A short read has emptied the socket; the next bytes make a new event.
		// After a hang-up no further event comes, so reading goes on to the end.
		if n < len(p) && c.state&hungUp == 0 {
			c.state &^= readable
		}
		c.bytesIn += int64(n)
		return n, ReadData
	case n == 0 && c.errno == 0:
		c.state = c.state&^readable | readEnded
		return 0, ReadEnd
	case errno == syscall.EAGAIN && c.errno == 0:
		c.state &^= readable
		return 0, ReadAgain
	case c.errno != 0:
		errno = c.errno
	}
	c.fail(errno)
	return 0, ReadFailed
}

func (c *Conn) recv(p []byte) (int, syscall.Errno) {
	if c.link != nil {
		return c.link.Read(p)
	}
	return reactor.Read(int(c.fd), p)
}
