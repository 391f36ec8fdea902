package transporttest

import (
	"syscall"

	"weir/engine/reactor"
	"weir/engine/transport"
)

// Unlimited is a window that never closes.
const Unlimited = -1

// Link is the far end of a connection under test. It behaves as a socket does:
// what was sent waits until it is read, readiness is told once for each change,
// and writes are taken as far as the window goes.
//
// Each method that changes something tells the connection at once and then lets
// the Net settle.
type Link struct {
	// Outgoing is what was dialled; zero on a client's link.
	transport.Outgoing
	// Local is the address a client connected to.
	Local transport.Addr

	net     *Net
	conn    *transport.Conn
	in      []byte // sent, not yet read
	out     []byte // received
	taken   int    // bytes of out that Take has given
	window  int
	end     bool          // FIN follows in
	errno   syscall.Errno // RST follows in
	connect syscall.Errno // EINPROGRESS: pending
	shut    bool
	closed  bool
	reset   bool
}

// Attached is transport's call: c is the connection on this link.
func (l *Link) Attached(c *transport.Conn) { l.conn = c }

// LocalAddr is transport's call.
func (l *Link) LocalAddr() transport.Addr { return l.Local }

// ConnectError is transport's call: how the connect ended.
func (l *Link) ConnectError() syscall.Errno { return l.connect }

// Read is transport's call.
func (l *Link) Read(p []byte) (int, syscall.Errno) {
	switch {
	case l.closed:
		panic("transporttest: read of a closed link")
	case l.connect == syscall.EINPROGRESS:
		return -1, syscall.EAGAIN
	case len(l.in) > 0:
		n := copy(p, l.in)
		l.in = l.in[n:]
		return n, 0
	case l.errno != 0:
		return -1, l.errno
	case l.end:
		return 0, 0
	}
	return -1, syscall.EAGAIN
}

// Write is transport's call.
func (l *Link) Write(segments [][]byte) (int, syscall.Errno) {
	switch {
	case l.closed:
		panic("transporttest: write to a closed link")
	case l.connect == syscall.EINPROGRESS:
		return -1, syscall.EAGAIN
	case l.errno != 0 || l.shut:
		return -1, syscall.EPIPE
	}
	n := 0
	for _, s := range segments {
		if l.window != Unlimited {
			s = s[:min(len(s), l.window)]
			l.window -= len(s)
		}
		l.out = append(l.out, s...)
		n += len(s)
	}
	if n == 0 {
		return -1, syscall.EAGAIN
	}
	return n, 0
}

// ShutdownWrite is transport's call.
func (l *Link) ShutdownWrite() syscall.Errno {
	if l.closed {
		panic("transporttest: shutdown of a closed link")
	}
	if l.errno != 0 || l.connect != 0 {
		return syscall.ENOTCONN
	}
	l.shut = true
	return 0
}

// Close is transport's call.
func (l *Link) Close(reset bool) {
	if l.closed {
		panic("transporttest: link closed twice")
	}
	l.closed, l.reset = true, reset
}

// Send sends each piece as a segment of its own, with an event for each.
func (l *Link) Send(pieces ...string) {
	for _, p := range pieces {
		l.in = append(l.in, p...)
		l.ready(reactor.Readable)
	}
}

// SendQuietly sends s, and the event is still on its way: who asks the kernel
// finds the bytes.
func (l *Link) SendQuietly(s string) { l.in = append(l.in, s...) }

// SendBytewise sends s in segments of one byte.
func (l *Link) SendBytewise(s string) {
	for i := range len(s) {
		l.Send(s[i : i+1])
	}
}

// Shut is the peer's FIN, behind what was sent.
func (l *Link) Shut() {
	l.end = true
	l.ready(reactor.Readable | reactor.HangUp)
}

// SendShut sends s and FIN together, with one event for both.
func (l *Link) SendShut(s string) {
	l.in = append(l.in, s...)
	l.Shut()
}

// ResetByPeer is the peer's RST. What was sent before it can still be read.
func (l *Link) ResetByPeer() { l.FailWith(syscall.ECONNRESET) }

// FailWith breaks the connection with errno, as ETIMEDOUT.
func (l *Link) FailWith(errno syscall.Errno) {
	l.errno = errno
	l.ready(reactor.Readable | reactor.Writable | reactor.HangUp)
}

// BreakQuietly is FailWith without the event: the next call finds out.
func (l *Link) BreakQuietly(errno syscall.Errno) { l.errno = errno }

// SetWindow says how many more bytes are taken, Unlimited or 0 included.
func (l *Link) SetWindow(n int) {
	l.window = n
	if n != 0 {
		l.ready(reactor.Writable)
	}
}

// Connect completes a pending connect.
func (l *Link) Connect() {
	l.connect = 0
	l.ready(reactor.Writable)
}

// Refuse fails a pending connect with errno, as ECONNREFUSED.
func (l *Link) Refuse(errno syscall.Errno) {
	l.connect = errno
	l.ready(reactor.Readable | reactor.Writable | reactor.HangUp)
}

// Spurious delivers an event that nothing stands behind, as the stale event of a
// reused descriptor is.
func (l *Link) Spurious() { l.ready(reactor.Readable | reactor.Writable | reactor.HangUp) }

func (l *Link) ready(r reactor.Ready) {
	if l.conn != nil && !l.closed {
		l.conn.OnReady(r)
	}
	l.net.Settle()
}

// Received is everything that has arrived at this end.
func (l *Link) Received() string { return string(l.out) }

// Take is what has arrived since the last Take.
func (l *Link) Take() string {
	s := string(l.out[l.taken:])
	l.taken = len(l.out)
	return s
}

// Unread is how many bytes sent from here have not been read yet.
func (l *Link) Unread() int { return len(l.in) }

// GotFIN reports whether this end was sent FIN, by a half-close or a close.
func (l *Link) GotFIN() bool { return l.shut || l.closed && !l.reset }

// GotRST reports whether this end was sent RST.
func (l *Link) GotRST() bool { return l.closed && l.reset }

// Closed reports whether the connection was closed from the other end.
func (l *Link) Closed() bool { return l.closed }

// Pending reports whether the connect has not ended.
func (l *Link) Pending() bool { return l.connect == syscall.EINPROGRESS }
