package bench

import (
	"io"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// discardSize is the most that is thrown away at once.
const discardSize = 1 << 20

// discardRoom is where discarded bytes would go. MSG_TRUNC leaves it untouched, so
// everyone shares it and it costs address space only.
var discardRoom = sync.OnceValue(func() []byte { return make([]byte, discardSize) })

// discarder throws away bytes of a TCP connection that nobody wants to see. The
// kernel drops them where they are (MSG_TRUNC, tcp(7)), so they cost no copy.
type discarder struct {
	raw  syscall.RawConn
	call func(fd uintptr) bool
	room []byte
	most int64
	n    int
	err  error
}

func newDiscarder(raw syscall.RawConn) *discarder {
	d := &discarder{raw: raw, room: discardRoom()}
	d.call = d.take
	return d
}

// take is the callback of next: false asks to be called again when there is more.
func (d *discarder) take(fd uintptr) bool {
	for {
		d.n, _, d.err = unix.Recvfrom(int(fd), d.room[:min(d.most, discardSize)], unix.MSG_TRUNC)
		if d.err != unix.EINTR {
			return d.err != unix.EAGAIN
		}
	}
}

// next waits for bytes and throws away at most most of them, which must be
// positive. It returns how many; io.EOF at the end of the stream.
func (d *discarder) next(most int64) (int64, error) {
	d.most = most
	if err := d.raw.Read(d.call); err != nil {
		return 0, err
	}
	if d.err != nil {
		return 0, d.err
	}
	if d.n == 0 {
		return 0, io.EOF
	}
	return int64(d.n), nil
}

// all throws away exactly n bytes.
func (d *discarder) all(n int64) error {
	for n > 0 {
		taken, err := d.next(n)
		if err != nil {
			return err
		}
		n -= taken
	}
	return nil
}
