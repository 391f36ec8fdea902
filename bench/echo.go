package bench

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// EchoServer is a cheap backend to put behind a proxy under test. On one port it
// answers HTTP/1.1 requests and upgrades to a WebSocket that echoes:
//
//	/bytes/N     any method: a body of N bytes, at most 1 GiB
//	anything     any method: a body of two bytes
//	an upgrade   on any path: every message comes back as it was, fragment by fragment
//	an upgrade   on /room or /room/NAME: every message, of at most 16 MiB, goes as one
//	             frame to all who upgraded there, the sender included; one who does
//	             not take it within a second while others wait is cut off
//
// The pattern of a body repeats every 64 KiB.
//
// It costs a goroutine a connection, and a buffer only while there is something to
// read. It has no deadlines and no limit of connections: it is for loopback and
// must not face a network.
type EchoServer struct {
	listener net.Listener
	tls      *tls.Config // nil: none
	group    sync.WaitGroup
	rooms    rooms

	mu     sync.Mutex
	conns  map[*net.TCPConn]struct{}
	closed bool
}

// acceptPause is the rest after an accept that failed for want of descriptors.
const acceptPause = 10 * time.Millisecond

// NewEchoServer listens on address, host:port, and serves until Close.
func NewEchoServer(address string) (*EchoServer, error) { return newEchoServer(address, nil) }

func newEchoServer(address string, config *tls.Config) (*EchoServer, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &EchoServer{listener: l, tls: config, conns: map[*net.TCPConn]struct{}{}}
	s.rooms = rooms{patience: roomPatience, byName: map[string]*room{}}
	s.group.Go(s.accept)
	return s, nil
}

// Addr is the address it listens on, host:port.
func (s *EchoServer) Addr() string { return s.listener.Addr().String() }

// Close cuts every connection and returns when all goroutines have ended.
func (s *EchoServer) Close() error {
	s.mu.Lock()
	s.closed = true
	err := s.listener.Close()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.group.Wait()
	return err
}

func (s *EchoServer) accept() {
	for {
		c, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(acceptPause)
			continue
		}
		conn := c.(*net.TCPConn)
		if !s.track(conn) {
			conn.Close()
			return
		}
		s.group.Go(func() {
			e := newEchoConn(conn)
			e.rooms = &s.rooms
			if s.tls != nil {
				e.shakeHands(s.tls)
			}
			e.serve()
			s.untrack(conn)
		})
	}
}

func (s *EchoServer) track(c *net.TCPConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.conns[c] = struct{}{}
	}
	return !s.closed
}

func (s *EchoServer) untrack(c *net.TCPConn) {
	c.Close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// echoBuffer holds any head the codec accepts, and most messages at once.
const echoBuffer = 64 << 10

var echoBuffers = sync.Pool{New: func() any { return new([echoBuffer]byte) }}

// echoConn is one connection of an EchoServer. It has buffers while bytes of an
// unfinished head or frame header are kept, or being served, and none while idle.
type echoConn struct {
	conn  *net.TCPConn
	tls   *tls.Conn // on top of conn; nil: none
	raw   syscall.RawConn
	call  func(fd uintptr) bool // reads or, with TLS, waits
	buf   *[echoBuffer]byte     // nil: idle
	r, w  int                   // buf[r:w] is unread
	ahead *[echoBuffer]byte     // nil: out is empty
	out   []byte                // answers not yet written, in ahead
	err   error
	rooms *rooms
	room  string // it upgraded to become a member of; "": none
}

func newEchoConn(c *net.TCPConn) *echoConn {
	e := &echoConn{conn: c}
	e.raw, e.err = c.SyscallConn()
	e.call = e.read
	return e
}

func (e *echoConn) unread() []byte {
	if e.buf == nil {
		return nil
	}
	return e.buf[e.r:e.w]
}

// fill writes the answers so far and waits for more bytes behind unread. It reports
// false at the end of the connection, or if the buffer is full.
func (e *echoConn) fill() bool {
	if !e.flush() || e.err != nil {
		return false
	}
	switch {
	case e.buf == nil:
	case e.r == e.w:
		e.release()
	case e.r > 0:
		e.w = copy(e.buf[:], e.buf[e.r:e.w])
		e.r = 0
	case e.w == len(e.buf):
		return false
	}
	if e.tls != nil {
		e.err = e.readTLS()
	} else if err := e.raw.Read(e.call); err != nil {
		return false
	}
	return e.err == nil
}

// read is the callback of fill. It returns false to be called again when there is
// something to read, and holds no pooled buffer meanwhile unless bytes are kept.
func (e *echoConn) read(fd uintptr) bool {
	kept := e.buf != nil
	if !kept {
		e.buf = echoBuffers.Get().(*[echoBuffer]byte)
	}
	n, err := unix.Read(int(fd), e.buf[e.w:])
	switch {
	case n > 0:
		e.w += n
		return true
	case err == unix.EAGAIN || err == unix.EINTR:
		if !kept {
			e.release()
		}
		return err == unix.EINTR && e.read(fd)
	case err == nil:
		err = net.ErrClosed // end of stream
	}
	e.err = err
	return true
}

func (e *echoConn) release() {
	if e.buf != nil {
		echoBuffers.Put(e.buf)
	}
	e.buf, e.r, e.w = nil, 0, 0
}

// reserve makes room for n more bytes of out, at most echoBuffer, and reports
// whether the connection still takes what had to be written for that.
func (e *echoConn) reserve(n int) bool {
	if len(e.out)+n > echoBuffer && !e.flush() {
		return false
	}
	if e.ahead == nil {
		e.ahead = echoBuffers.Get().(*[echoBuffer]byte)
		e.out = e.ahead[:0]
	}
	return true
}

// stream is what to write to.
func (e *echoConn) stream() net.Conn {
	if e.tls != nil {
		return e.tls
	}
	return e.conn
}

// flush writes out.
func (e *echoConn) flush() bool {
	if e.ahead == nil {
		return true
	}
	_, err := e.stream().Write(e.out)
	echoBuffers.Put(e.ahead)
	e.ahead, e.out = nil, nil
	return err == nil
}

// serve runs the connection to its end.
func (e *echoConn) serve() {
	if e.serveHTTP() {
		if e.room != "" {
			e.serveRoom()
		} else {
			e.serveWebSocket()
		}
	}
	e.flush()
	e.release()
	if e.tls != nil {
		e.tls.Close()
	}
}
