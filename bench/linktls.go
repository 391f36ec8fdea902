package bench

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"

	"golang.org/x/sys/unix"
)

// secure does the TLS handshake on the connection that dial has opened, within the
// deadline of l. What is read and written from then on goes through TLS.
func (l *link) secure(config *tls.Config) (tls.ConnectionState, error) {
	l.mu.Lock()
	conn := l.conn
	l.mu.Unlock()
	if conn == nil {
		return tls.ConnectionState{}, net.ErrClosed
	}
	c := tls.Client(conn, config)
	if err := c.Handshake(); err != nil {
		return tls.ConnectionState{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != conn {
		return tls.ConnectionState{}, net.ErrClosed
	}
	l.tls = c
	l.try.secure(c)
	return c.ConnectionState(), nil
}

// closeNotify tells the server that nothing more is sent (RFC 8446 6.1).
func (l *link) closeNotify() error {
	l.mu.Lock()
	c := l.tls
	l.mu.Unlock()
	if c == nil {
		return net.ErrClosed
	}
	return c.CloseWrite()
}

// awaitFIN returns io.EOF when the server has closed the connection under TLS too.
func (l *link) awaitFIN() error {
	l.mu.Lock()
	conn, tls := l.conn, l.tls
	l.mu.Unlock()
	if tls == nil {
		return io.EOF
	}
	if conn == nil {
		return net.ErrClosed
	}
	var b [1]byte
	_, err := conn.Read(b[:])
	return err
}

// sealMost is the most that is written at once through TLS: a message of 16 KiB with
// its frame header. The kernel takes that much after it has reported room.
const sealMost = 17 << 10

// secure makes t write through c, which must be on top of what t is bound to.
func (t *tryWriter) secure(c *tls.Conn) {
	t.tls = c
	t.poll = func(fd uintptr) {
		fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(fds[:], 0)
		t.free.Store(n == 1 && err == nil)
	}
}

// room reports whether the socket takes more without waiting, or fails at once. The
// kernel says so while about a third of the send buffer is free (tcp_poll).
func (t *tryWriter) room() bool {
	t.free.Store(false)
	// Control, unlike Write, does not queue behind one who waits to write.
	return t.raw.Control(t.poll) == nil && t.free.Load()
}

// seal is write through TLS. A record cannot be taken back when it does not fit the
// socket, so all of b is written or nothing.
func (t *tryWriter) seal(b []byte) (int, error) {
	if len(b) > sealMost || !t.room() {
		return 0, nil
	}
	return t.tls.Write(b)
}

// tlsKind names err if it is one of TLS, and is "" otherwise.
func tlsKind(err error) string {
	var header tls.RecordHeaderError
	if errors.As(err, &header) {
		return "answer without TLS"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificateKind(err)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return "alert: " + strings.TrimPrefix(op.Err.Error(), "tls: ") // an alert is one byte
	}
	if strings.HasPrefix(err.Error(), "tls: ") {
		return "protocol error"
	}
	return ""
}

func certificateKind(err error) string {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &authority):
		return "certificate of an unknown authority"
	case errors.As(err, &name):
		return "certificate of another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate out of date"
	}
	return "certificate refused"
}
