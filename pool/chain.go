package pool

// Chain is a queue of bytes that wait for a slow peer, in pooled buffers. Its Len
// is what a session compares with its high and low marks. The zero value is
// empty and holds no memory. Every method takes the pool of the loop that owns
// the chain.
type Chain struct {
	head, tail *link
	size       int
}

// link is one buffer of a chain; bytes before off have been consumed.
type link struct {
	next *link
	buf  *Buffer
	off  int
}

// maxSpareLinks bounds the links a pool keeps for later: 2,048 of them are 48 KiB.
const maxSpareLinks = 2048

// linkBytes is the capacity of the buffers that bulk data is queued in: large
// enough that a write of a full chain is a few segments, small enough that a
// nearly empty one wastes little.
const linkBytes = 16 << 10

// Len is the number of bytes queued.
func (c *Chain) Len() int { return c.size }

// Append copies data to the end of the chain. It fills the last buffer before it
// takes a new one.
func (c *Chain) Append(p *Pool, data []byte) {
	c.size += len(data)
	if c.tail != nil {
		b := c.tail.buf
		n := min(cap(b.B)-len(b.B), len(data))
		b.B = append(b.B, data[:n]...)
		data = data[n:]
	}
	for len(data) > 0 {
		l := p.newLink(p.Get(min(len(data), linkBytes)))
		n := min(cap(l.buf.B), len(data))
		l.buf.B = append(l.buf.B, data[:n]...)
		data = data[n:]
		if c.tail == nil {
			c.head = l
		} else {
			c.tail.next = l
		}
		c.tail = l
	}
}

// Segments stores the queued bytes in into, in order, and returns how many
// entries it used. The segments alias the chain until the next Consume or Clear.
func (c *Chain) Segments(into [][]byte) int {
	n := 0
	for l := c.head; l != nil && n < len(into); l = l.next {
		into[n] = l.buf.B[l.off:]
		n++
	}
	return n
}

// Consume drops n bytes from the front; n is at most Len.
func (c *Chain) Consume(p *Pool, n int) {
	c.size -= n
	for c.head != nil {
		l := c.head
		have := len(l.buf.B) - l.off
		if n < have {
			l.off += n
			return
		}
		n -= have
		c.head = l.next
		p.freeLink(l)
	}
	c.tail = nil
}

// Clear drops everything.
func (c *Chain) Clear(p *Pool) {
	if c.head != nil {
		c.Consume(p, c.size)
	}
}

func (p *Pool) newLink(b *Buffer) *link {
	l := p.links
	if l == nil {
		return &link{buf: b}
	}
	p.links = l.next
	p.spare--
	*l = link{buf: b}
	return l
}

func (p *Pool) freeLink(l *link) {
	p.Put(l.buf)
	if p.spare >= maxSpareLinks {
		return
	}
	*l = link{next: p.links}
	p.links = l
	p.spare++
}
