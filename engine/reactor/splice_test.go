package reactor

import (
	"bytes"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const pipeBytes = 64 << 10

func openPipe(t *testing.T, size int) *Pipe {
	t.Helper()
	p, errno := OpenPipe(size)
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(p.Close)
	return p
}

// fill sends data from a's peer and moves it into the pipe.
func fill(t *testing.T, p *Pipe, a, peer int, data string) {
	t.Helper()
	if n, errno := Write(peer, []byte(data)); n != len(data) || errno != 0 {
		t.Fatalf("write: %d, %v", n, errno)
	}
	for have := 0; have < len(data); {
		n, errno := 0, syscall.Errno(0)
		eventually(t, "the bytes arrive", func() bool {
			n, errno = p.Fill(a, len(data)-have)
			return errno != syscall.EAGAIN
		})
		if n <= 0 || errno != 0 {
			t.Fatalf("Fill: %d, %v", n, errno)
		}
		have += n
	}
}

// What goes in comes out, in order, whoever takes it: a socket, a read, or both.
func TestPipePassesBytes(t *testing.T) {
	p := openPipe(t, pipeBytes)
	a, from := tcpPair(t)
	b, to := tcpPair(t)
	closeAtEnd(t, a, from, b, to)
	fill(t, p, a, from, "one two three")
	if n, errno := p.Drain(b, 4); n != 4 || errno != 0 {
		t.Errorf("Drain of 4: %d, %v", n, errno)
	}
	buf := make([]byte, 4)
	if n, err := p.Read(buf); n != 4 || err != nil || string(buf) != "two " {
		t.Errorf("Read: %q, %v", buf[:max(n, 0)], err)
	}
	if n, errno := p.Drain(b, 100); n != 5 || errno != 0 {
		t.Errorf("Drain of the rest: %d, %v", n, errno)
	}
	got := make([]byte, 0, 16)
	eventually(t, "the bytes come out", func() bool {
		n, errno := Read(to, got[len(got):cap(got)])
		if errno == 0 {
			got = got[:len(got)+n]
		}
		return len(got) >= 9
	})
	if string(got) != "one three" {
		t.Errorf("got %q", got)
	}
}

// Nothing here waits, and each way of having nothing has its own answer.
func TestPipeTellsAgainFromEnd(t *testing.T) {
	p := openPipe(t, pipeBytes)
	a, from := tcpPair(t)
	b, to := tcpPair(t)
	closeAtEnd(t, a, b, to)
	if n, errno := p.Fill(a, 10); n != -1 || errno != syscall.EAGAIN {
		t.Errorf("Fill from a silent socket: %d, %v", n, errno)
	}
	if n, errno := p.Drain(b, 10); n != -1 || errno != syscall.EAGAIN {
		t.Errorf("Drain of an empty pipe: %d, %v", n, errno)
	}
	if n, err := p.Read(make([]byte, 10)); n > 0 || err != syscall.EAGAIN {
		t.Errorf("Read of an empty pipe: %d, %v", n, err)
	}
	if n, errno := Write(from, []byte("last")); n != 4 || errno != 0 {
		t.Fatal(n, errno)
	}
	closeFD(from)
	eventually(t, "the last bytes", func() bool { n, _ := p.Fill(a, 10); return n == 4 })
	eventually(t, "the end", func() bool {
		n, errno := p.Fill(a, 10)
		if errno != 0 && errno != syscall.EAGAIN {
			t.Fatal(errno)
		}
		return n == 0
	})
	if n, errno := p.Fill(-1, 10); n != -1 || errno != syscall.EBADF {
		t.Errorf("no descriptor: %d, %v", n, errno)
	}
}

// The error of a socket comes once: who fills must not drop it.
func TestPipeFillTellsAResetOnce(t *testing.T) {
	p := openPipe(t, pipeBytes)
	a, from := tcpPair(t)
	closeAtEnd(t, a)
	Linger0(from)
	closeFD(from)
	eventually(t, "the reset", func() bool {
		_, errno := p.Fill(a, 10)
		if errno != syscall.EAGAIN && errno != syscall.ECONNRESET {
			t.Fatal(errno)
		}
		return errno == syscall.ECONNRESET
	})
	if n, errno := Read(a, make([]byte, 1)); n != 0 || errno != 0 {
		t.Errorf("a Read behind it: %d, %v; want an end like any other", n, errno)
	}
}

// A peer that is gone gives an error, and a signal that the process outlives.
func TestPipeDrainToAClosedPeer(t *testing.T) {
	p := openPipe(t, pipeBytes)
	a, from := tcpPair(t)
	b, to := socketpair(t)
	closeAtEnd(t, a, from, b)
	closeFD(to)
	fill(t, p, a, from, "lost")
	if n, errno := p.Drain(b, 4); n != -1 || errno != syscall.EPIPE {
		t.Errorf("Drain: %d, %v; want EPIPE", n, errno)
	}
	// The bytes are still there, for a Read to take out.
	buf := make([]byte, 8)
	if n, err := p.Read(buf); n != 4 || err != nil || string(buf[:4]) != "lost" {
		t.Errorf("Read: %q, %v", buf[:max(n, 0)], err)
	}
}

// A slow socket takes some; what it left stays in order.
func TestPipeDrainTakesWhatFits(t *testing.T) {
	p := openPipe(t, pipeBytes)
	a, from := socketpair(t)
	b, to := tcpPair(t)
	closeAtEnd(t, a, from, b, to)
	setInt(b, unix.SOL_SOCKET, unix.SO_SNDBUF, 4096)
	block := make([]byte, 1024)
	var before int // fills the kernel to its brim, but for what comes next
	for errno := syscall.Errno(0); errno == 0; {
		var n int
		n, errno = Write(b, block)
		before += max(n, 0)
	}
	for taken := 0; taken < before/2; {
		n, errno := Read(to, block)
		if errno != 0 {
			t.Fatal(errno)
		}
		taken, before = taken+n, before-n
	}
	data := make([]byte, 60<<10)
	for i := range data {
		data[i] = byte(i>>8) ^ byte(i*7)
	}
	fill(t, p, a, from, string(data))
	left := len(data)
	for {
		n, errno := p.Drain(b, left)
		if errno == syscall.EAGAIN {
			break
		}
		if errno != 0 || n <= 0 {
			t.Fatal(n, errno)
		}
		left -= n
	}
	if left == 0 || left == len(data) {
		t.Fatalf("%d of %d bytes stay", left, len(data))
	}
	got := make([]byte, before+len(data))
	have, brim := 0, len(got)-left
	eventually(t, "what was sent", func() bool {
		if n, errno := Read(to, got[have:brim]); errno == 0 {
			have += n
		}
		return have == brim
	})
	for have < len(got) {
		n, err := p.Read(got[have:])
		if err != nil {
			t.Fatal(err)
		}
		have += n
	}
	if !bytes.Equal(got[before:], data) {
		t.Error("the bytes are out of order")
	}
}

func TestPipeSizeIsBounded(t *testing.T) {
	for _, size := range []int{1 << 10, 4 << 10, 16 << 10, 64 << 10} {
		p := openPipe(t, size)
		// At least a page; more than was asked for would be memory nobody counts on.
		held, err := unix.FcntlInt(uintptr(p.read), unix.F_GETPIPE_SZ, 0)
		if p.size <= 0 || p.size > size || err != nil || held > max(size, os.Getpagesize()) {
			t.Errorf("asked for %d, holds %d of %d, %v", size, p.size, held, err)
		}
		a, from := socketpair(t)
		closeAtEnd(t, a, from)
		block := make([]byte, 96<<10)
		if n, errno := Write(from, block); n < size || errno != 0 {
			t.Fatalf("write: %d, %v", n, errno)
		}
		n, errno := p.Fill(a, len(block))
		if n <= 0 || n > size || errno != 0 {
			t.Errorf("a pipe of %d took %d, %v", size, n, errno)
		}
	}
}

func TestPipeLeavesNoDescriptor(t *testing.T) {
	before := openFDs(t)
	for range 10 {
		p, errno := OpenPipe(pipeBytes)
		if errno != 0 {
			t.Fatal(errno)
		}
		for _, fd := range []int{p.read, p.write} {
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			status, err2 := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
			if err != nil || err2 != nil || flags&unix.FD_CLOEXEC == 0 || status&unix.O_NONBLOCK == 0 {
				t.Errorf("flags %x, %v; status %x, %v", flags, err, status, err2)
			}
		}
		p.Close()
	}
	if now := openFDs(t); now != before {
		t.Errorf("%d descriptors, were %d", now, before)
	}
}

// With no descriptor left, or one where two are needed, there is an error and
// nothing is held.
func TestPipeWithoutDescriptors(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	next, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	closeFD(next)
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}()
	for free := range 2 {
		low := limit
		low.Cur = uint64(next + free)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
			t.Fatal(err)
		}
		if p, errno := OpenPipe(pipeBytes); p != nil || errno != syscall.EMFILE {
			t.Errorf("%d free: %v, %v", free, p, errno)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	openPipe(t, pipeBytes)
}
