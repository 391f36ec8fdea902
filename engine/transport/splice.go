package transport

import (
	"syscall"

	"weir/engine/reactor"
)

// SpliceTo moves up to limit bytes of what c's peer has sent straight to the peer
// of to, inside the kernel: for a large body that is a third of the CPU time less
// than Read and Write. A turn's budget bounds it, whatever the limit.
//
// It returns how much left c. 0 means that there is nothing it can do, and Read
// finds out why: something is held or queued, one of the two is no plain socket,
// nothing has arrived, or c has ended or failed. What to did not take is queued, at
// most limit. It may use Loop.Buf.
func (c *Conn) SpliceTo(to *Conn, limit int64) (moved int64) {
	if c.link != nil || to.link != nil || c.tls != nil || to.tls != nil || c.in != nil || c.errno != 0 {
		return 0
	}
	limit = min(limit, TurnBudget)
	for moved < limit && c.state&readable != 0 && to.takesAtOnce() {
		p := c.loop.openPipe()
		if p == nil {
			break
		}
		n, errno := p.Fill(int(c.fd), int(limit-moved))
		if n <= 0 {
			c.unfilled(errno)
			break
		}
		c.bytesIn += int64(n)
		moved += int64(n)
		to.drain(p, n)
	}
	return moved
}

// unfilled books why c gave nothing.
func (c *Conn) unfilled(errno syscall.Errno) {
	switch errno {
	case 0, syscall.EINVAL, syscall.ENOMEM:
		// At the end, or for want of memory, the answer of a Read counts.
	case syscall.EAGAIN:
		// After a hang-up, and before an urgent byte, too.
		if c.state&hungUp == 0 {
			c.state &^= readable
		}
	default:
		// The kernel tells of a reset once: a Read after this one would see an end.
		c.failWrite(errno)
	}
}

// takesAtOnce reports whether the kernel may take bytes for the peer now.
func (c *Conn) takesAtOnce() bool {
	return c.errno == 0 && c.state&(writable|closed|wantShut|shut) == writable && c.out.Len() == 0
}

// drain sends the n bytes in p, and queues what the kernel does not take.
func (c *Conn) drain(p *reactor.Pipe, n int) {
	for n > 0 && c.state&writable != 0 {
		sent, errno := p.Drain(int(c.fd), n)
		// A pipe of many small pieces goes in several calls: only EAGAIN means full.
		if errno == 0 && sent > 0 {
			c.bytesOut += int64(sent)
			n -= sent
			continue
		}
		c.sent(0, n, errno)
	}
	for n > 0 {
		buf := c.loop.Buf[:min(n, len(c.loop.Buf))]
		got, err := p.Read(buf)
		if err != nil || got <= 0 {
			// Never seen: the bytes are in the pipe. The stream has a hole now.
			c.failWrite(syscall.EIO)
			c.loop.closePipe()
			return
		}
		n -= got
		if c.errno == 0 {
			c.out.Append(c.loop.Pool, buf[:got])
		}
	}
}

// openPipe gives the loop's pipe, which is empty, or nil if there is no descriptor
// left for it.
func (l *Loop) openPipe() *reactor.Pipe {
	if l.pipe == nil {
		p, errno := reactor.OpenPipe(TurnBudget)
		if errno != 0 {
			return nil
		}
		l.pipe = p
	}
	return l.pipe
}

func (l *Loop) closePipe() {
	if l.pipe != nil {
		l.pipe.Close()
		l.pipe = nil
	}
}

// Close releases what the loop holds. Call it after Run has returned.
func (l *Loop) Close() error {
	l.closePipe()
	// What workers gave back while the loop stopped.
	for s := range l.away {
		s.abandon()
	}
	clear(l.away)
	return l.Loop.Close()
}
