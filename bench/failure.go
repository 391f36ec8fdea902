package bench

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"

	"weir/codec/http1"
	"weir/codec/websocket"
)

// failure is an error with the name it is counted under in Result.ErrorKinds. Names
// come from a bounded set, whatever a peer sends.
type failure struct {
	kind string
	// soft: the reply was read whole, and the connection may go on.
	soft bool
}

func (f *failure) Error() string { return "bench: " + f.kind }

var (
	errBadEcho    = &failure{kind: "bad echo", soft: true}
	errBadBody    = &failure{kind: "bad body", soft: true}
	errUnasked    = &failure{kind: "unexpected reply"}
	errNoAnswer   = &failure{kind: "timeout"}
	errPongLost   = &failure{kind: "no pong"}
	errAccept     = &failure{kind: "bad handshake: accept"}
	errUpgrade    = &failure{kind: "bad handshake: upgrade"}
	errProtocol   = &failure{kind: "bad handshake: subprotocol"}
	errExtension  = &failure{kind: "bad handshake: extension"}
	errFrameOrder = &failure{kind: "malformed frame: fragments out of order"}
	errFrameMask  = &failure{kind: "malformed frame: masked by a server"}
	errFrameRSV   = &failure{kind: "malformed frame: RSV bits without an extension"}
)

func errStatus(status int, soft bool) error {
	return &failure{kind: "status " + strconv.Itoa(status), soft: soft}
}

// errClosed is a close frame; status is valid or 0, so the kinds stay few.
func errClosed(status uint16) error {
	if status == 0 {
		return &failure{kind: "close frame"}
	}
	return &failure{kind: "close " + strconv.Itoa(int(status))}
}

// kindOf names err.
func kindOf(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.kind
	}
	var head http1.Code
	if errors.As(err, &head) {
		return "malformed response: " + head.Error()
	}
	var frame websocket.Code
	if errors.As(err, &frame) {
		return "malformed frame: " + frame.Error()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "timeout"
	}
	if kind := tlsKind(err); kind != "" {
		return kind
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "closed"
	}
	if errors.Is(err, net.ErrClosed) {
		return "closed by weir bench"
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errnoKind(errno)
	}
	if t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && t.Timeout() {
		return "timeout"
	}
	return "other"
}

func errnoKind(errno syscall.Errno) string {
	switch errno {
	case syscall.ECONNREFUSED:
		return "refused"
	case syscall.ECONNRESET, syscall.EPIPE:
		return "reset"
	case syscall.ETIMEDOUT:
		return "timeout"
	case syscall.EHOSTUNREACH, syscall.ENETUNREACH:
		return "unreachable"
	case syscall.EADDRNOTAVAIL:
		return "no local port left"
	case syscall.EMFILE, syscall.ENFILE:
		return "no descriptor left"
	}
	return "errno " + strconv.Itoa(int(errno))
}

// inPhase prefixes the kind of a transport error with what was going on. A failure
// already says.
func inPhase(phase string, err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &failure{kind: phase + " " + kindOf(err)}
}
