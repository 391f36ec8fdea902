package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	firstBuffer = 1 << 10
	maxBuffer   = 64 << 10 // more than any head the codec accepts
)

// link is one client connection and its read buffer. Reading, and everything that
// touches the buffer, is for one goroutine at a time. conn and tls change only in
// dial, secure and drop, under mu.
type link struct {
	address netip.AddrPort
	source  netip.Addr // zero: the kernel chooses

	buf  []byte
	r, w int // buf[r:w] is unread
	read int // bytes read, ever

	mu       sync.Mutex
	conn     *net.TCPConn
	tls      *tls.Conn // on top of conn; nil: none
	ended    bool      // the server has ended what it sends
	deadline time.Time
	closed   bool // for good: no dial succeeds any more
	try      tryWriter
}

// dial opens the connection, which from then on belongs to l.
func (l *link) dial(ctx context.Context, timeout time.Duration) error {
	d := net.Dialer{Timeout: timeout, KeepAlive: -1}
	if l.source.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(l.source, 0))
	}
	c, err := d.DialContext(ctx, "tcp", l.address.String())
	if err != nil {
		return err
	}
	conn := c.(*net.TCPConn)
	l.r, l.w = 0, 0
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		conn.Close()
		return net.ErrClosed
	}
	l.conn, l.ended = conn, false
	return l.try.bind(conn)
}

// expire lets reads and writes fail from t on, now and after another dial. It can
// only bring the time forward, so a cancelled run stays cancelled.
func (l *link) expire(t time.Time) {
	l.mu.Lock()
	if l.deadline.IsZero() || t.Before(l.deadline) {
		l.deadline = t
	}
	if l.conn != nil {
		l.conn.SetDeadline(l.deadline)
	}
	l.mu.Unlock()
}

// limit gives what follows, such as a handshake, a deadline of its own, unless
// that of expire comes first. The zero time leaves only that of expire.
func (l *link) limit(t time.Time) {
	l.mu.Lock()
	if !l.deadline.IsZero() && (t.IsZero() || l.deadline.Before(t)) {
		t = l.deadline
	}
	if l.conn != nil {
		l.conn.SetDeadline(t)
	}
	l.mu.Unlock()
}

// drop closes the connection; dial may follow. TLS is closed with its alert, unless
// the server was first, or takes nothing any more: closing waits for nobody.
func (l *link) drop() {
	l.mu.Lock()
	if l.conn != nil {
		if l.tls != nil && !l.ended && l.try.room() {
			l.tls.Close()
		}
		l.conn.Close()
		l.conn, l.tls = nil, nil
	}
	l.mu.Unlock()
}

// close closes the connection for good.
func (l *link) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.drop()
}

// current returns what to read from and write to, nil between drop and dial.
func (l *link) current() net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.tls != nil:
		return l.tls
	case l.conn != nil:
		return l.conn
	}
	return nil
}

// write sends all of b, waiting as long as the deadline allows.
func (l *link) write(b []byte) error {
	c := l.current()
	if c == nil {
		return net.ErrClosed
	}
	_, err := c.Write(b)
	return err
}

// unread is what has been read and not consumed.
func (l *link) unread() []byte { return l.buf[l.r:l.w] }

// fill waits for more bytes and appends them to unread. At the end of the stream it
// returns io.EOF, or io.ErrUnexpectedEOF if unread is not empty.
func (l *link) fill() error {
	switch {
	case l.buf == nil:
		l.buf = make([]byte, firstBuffer)
	case l.r == l.w:
		l.r, l.w = 0, 0
	case l.w == len(l.buf) && l.r > 0:
		l.w = copy(l.buf, l.buf[l.r:l.w])
		l.r = 0
	case l.w == len(l.buf):
		if len(l.buf) >= maxBuffer {
			return errors.New("bench: buffer full") // the codecs refuse earlier
		}
		l.grow(2 * len(l.buf))
	}
	c := l.current()
	if c == nil {
		return net.ErrClosed
	}
	n, err := c.Read(l.buf[l.w:])
	l.w += n
	l.read += n
	if n > 0 {
		return nil
	}
	if err == io.EOF {
		l.mu.Lock()
		l.ended = true
		l.mu.Unlock()
		if l.r < l.w {
			return io.ErrUnexpectedEOF
		}
	}
	return err
}

// grow makes the buffer at least size bytes.
func (l *link) grow(size int) {
	if size > len(l.buf) {
		buf := make([]byte, size)
		l.w = copy(buf, l.unread())
		l.buf, l.r = buf, 0
	}
}

// tryWriter writes what a socket takes at once. Its callback is made once a
// connection, so a write allocates nothing.
type tryWriter struct {
	raw  syscall.RawConn
	call func(fd uintptr) bool
	b    []byte
	n    int
	err  error

	tls  *tls.Conn // to write through; nil: none
	poll func(fd uintptr)
	free atomic.Bool // what poll found
}

// bind makes t write to c, without TLS.
func (t *tryWriter) bind(c syscall.Conn) (err error) {
	t.tls = nil
	if t.raw, err = c.SyscallConn(); err != nil {
		return err
	}
	t.call = func(fd uintptr) bool {
		t.n, t.err = unix.Write(int(fd), t.b)
		return true // whatever came of it: waiting is not for this goroutine
	}
	return nil
}

// write returns how much of b was taken; 0 and nil if there is no room.
func (t *tryWriter) write(b []byte) (int, error) {
	if t.tls != nil {
		return t.seal(b)
	}
	t.b = b
	err := t.raw.Write(t.call)
	t.b = nil
	if err != nil {
		return 0, err
	}
	if t.err == unix.EAGAIN || t.err == unix.EINTR {
		return 0, nil
	}
	return max(t.n, 0), t.err
}
