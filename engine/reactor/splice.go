package reactor

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Pipe is a kernel buffer through which bytes go from one socket to another
// without being copied to the process and back (splice(2)). Its pages are those
// that the first socket received.
//
// Whoever fills it drains it in the same turn, so that one pipe serves a loop.
type Pipe struct {
	read, write int
	size        int
}

// OpenPipe makes an empty pipe, non-blocking at both ends, that holds up to size
// bytes, a power of two: less where the user may not have more in pipes (pipe(7)).
// It costs two descriptors.
func OpenPipe(size int) (*Pipe, syscall.Errno) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return nil, err.(syscall.Errno) // as all of package unix
	}
	p := &Pipe{read: ends[0], write: ends[1]}
	_, _ = unix.FcntlInt(uintptr(p.write), unix.F_SETPIPE_SZ, size)
	got, err := unix.FcntlInt(uintptr(p.write), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		p.Close()
		return nil, err.(syscall.Errno)
	}
	p.size = min(got, size)
	return p, 0
}

// Fill moves up to n bytes from a socket into the pipe, which is empty, and no more
// than its size. The result is 0 at the end of the stream. EAGAIN is also the answer
// before an urgent byte, where a Read would go on.
func (p *Pipe) Fill(fd, n int) (int, syscall.Errno) { return splice(fd, p.write, min(n, p.size)) }

// Drain moves up to n bytes from the pipe to a socket. A socket whose peer has
// closed gives EPIPE, and the process a SIGPIPE, which Go ignores.
func (p *Pipe) Drain(fd, n int) (int, syscall.Errno) { return splice(p.read, fd, n) }

// Read takes bytes out of the pipe that no socket would have.
func (p *Pipe) Read(b []byte) (int, error) { return unix.Read(p.read, b) }

// Close closes both ends; what is inside is dropped.
func (p *Pipe) Close() {
	closeFD(p.read)
	closeFD(p.write)
}

func splice(from, to, n int) (int, syscall.Errno) {
	for {
		r, _, e := unix.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(n), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if e == 0 {
			return int(r), 0
		}
		if e != unix.EINTR {
			return -1, e
		}
	}
}
