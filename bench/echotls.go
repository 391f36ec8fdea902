package bench

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// NewTLSEchoServer is NewEchoServer with TLS on the port. config needs a certificate
// and must not be changed afterwards.
func NewTLSEchoServer(address string, config *tls.Config) (*EchoServer, error) {
	if len(config.Certificates) == 0 && config.GetCertificate == nil && config.GetConfigForClient == nil {
		return nil, errors.New("bench: the echo server has no certificate")
	}
	return newEchoServer(address, config)
}

// shakeHands does the TLS handshake of the server's side on e.
func (e *echoConn) shakeHands(config *tls.Config) {
	if e.err != nil {
		return
	}
	w := &eagerConn{TCPConn: e.conn, raw: e.raw}
	w.call = w.take
	c := tls.Server(w, config)
	if e.err = c.Handshake(); e.err == nil {
		w.eager, e.tls, e.call = true, c, readable
	}
}

// readTLS waits for bytes and appends them to unread. It holds no pooled buffer while
// it waits, unless bytes are kept.
func (e *echoConn) readTLS() error {
	for {
		kept := e.buf != nil
		if !kept {
			e.buf = echoBuffers.Get().(*[echoBuffer]byte)
		}
		n, err := e.tls.Read(e.buf[e.w:])
		e.w += n
		if n > 0 {
			return nil
		}
		if !kept {
			e.release()
		}
		if err != errWouldWait {
			return err
		}
		if err := e.raw.Read(e.call); err != nil {
			return err
		}
	}
}

// readable is a callback of RawConn.Read that waits until there is something to read.
func readable(fd uintptr) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds[:], 0)
	return n == 1 && err == nil
}

// eagerConn is what the TLS of an echoConn reads from. Once it is eager, a Read that
// would have to wait fails instead, with an error that a tls.Conn passes on and
// forgets, since it is temporary.
type eagerConn struct {
	*net.TCPConn
	raw   syscall.RawConn
	call  func(fd uintptr) bool
	eager bool // set by the one who reads
	b     []byte
	n     int
	err   error
}

func (c *eagerConn) Read(b []byte) (int, error) {
	if !c.eager {
		return c.TCPConn.Read(b)
	}
	c.b = b
	err := c.raw.Read(c.call)
	c.b = nil
	if err != nil {
		return 0, err
	}
	return c.n, c.err
}

// take is the callback of Read. It never asks to be called again.
func (c *eagerConn) take(fd uintptr) bool {
	n, err := unix.Read(int(fd), c.b)
	for err == unix.EINTR {
		n, err = unix.Read(int(fd), c.b)
	}
	c.n, c.err = max(n, 0), err
	switch {
	case err == unix.EAGAIN:
		c.err = errWouldWait
	case err == nil && n == 0:
		c.err = io.EOF
	}
	return true
}

var errWouldWait net.Error = wouldWait{}

type wouldWait struct{}

func (wouldWait) Error() string   { return "bench: would wait" }
func (wouldWait) Timeout() bool   { return true }
func (wouldWait) Temporary() bool { return true }
