package reactor

import (
	"bytes"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadTellsAgainFromEnd(t *testing.T) {
	a, b := socketpair(t)
	defer closeFD(a)
	buf := make([]byte, 4)
	if n, errno := Read(a, buf); n != -1 || errno != syscall.EAGAIN {
		t.Errorf("nothing there: %d, %v", n, errno)
	}
	if n, errno := Write(b, []byte("hello")); n != 5 || errno != 0 {
		t.Fatalf("write: %d, %v", n, errno)
	}
	for _, want := range []string{"hell", "o"} {
		if n, errno := Read(a, buf); errno != 0 || string(buf[:n]) != want {
			t.Errorf("read %q, %v; want %q", buf[:max(n, 0)], errno, want)
		}
	}
	closeFD(b)
	if n, errno := Read(a, buf); n != 0 || errno != 0 {
		t.Errorf("at the end: %d, %v", n, errno)
	}
	if n, errno := Read(-1, buf); n != -1 || errno != syscall.EBADF {
		t.Errorf("no descriptor: %d, %v", n, errno)
	}
}

// The runtime forwards SIGPIPE to whoever asks; nobody may be sent one.
func TestWriteToAClosedPeerRaisesNoSignal(t *testing.T) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGPIPE, syscall.SIGWINCH)
	defer signal.Stop(signals)
	a, b := socketpair(t)
	defer closeFD(a)
	closeFD(b)
	if n, errno := Write(a, []byte("x")); n != -1 || errno != syscall.EPIPE {
		t.Errorf("Write: %d, %v; want EPIPE", n, errno)
	}
	if n, errno := Writev(a, [][]byte{[]byte("x")}); n != -1 || errno != syscall.EPIPE {
		t.Errorf("Writev: %d, %v; want EPIPE", n, errno)
	}
	// A signal of a higher number, raised later, arrives behind.
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	if got := <-signals; got != syscall.SIGWINCH {
		t.Errorf("got %v", got)
	}
}

func TestWritevTakesWhatFits(t *testing.T) {
	a, b := socketpair(t)
	defer closeFD(a)
	defer closeFD(b)
	setInt(a, unix.SOL_SOCKET, unix.SO_SNDBUF, 4096)
	var segments [][]byte
	var all []byte
	for i := range 20 {
		s := bytes.Repeat([]byte{byte('a' + i)}, 10_000)
		if i%3 == 0 {
			segments = append(segments, nil)
		}
		segments, all = append(segments, s), append(all, s...)
	}
	n, errno := Writev(a, segments)
	if errno != 0 || n <= 0 || n >= len(all) {
		t.Fatalf("Writev of %d bytes into a small buffer: %d, %v", len(all), n, errno)
	}
	got := make([]byte, len(all))
	have := 0
	for have < n {
		m, errno := Read(b, got[have:])
		if errno != 0 {
			t.Fatal(errno)
		}
		have += m
	}
	if !bytes.Equal(got[:have], all[:n]) {
		t.Error("the bytes are not the front of the segments")
	}
	if n, errno := Writev(b, nil); n != 0 || errno != 0 {
		t.Errorf("Writev of nothing: %d, %v", n, errno)
	}
}

func TestWritevTakesAtMostSixteen(t *testing.T) {
	a, b := socketpair(t)
	defer closeFD(a)
	defer closeFD(b)
	segments := make([][]byte, maxSegments+4)
	for i := range segments {
		segments[i] = []byte{byte('a' + i)}
	}
	if n, errno := Writev(a, segments); n != maxSegments || errno != 0 {
		t.Errorf("%d, %v", n, errno)
	}
}

func TestCloseSendsWhatWasAsked(t *testing.T) {
	for _, tt := range []struct {
		name  string
		end   func(fd int)
		n     int
		errno syscall.Errno
	}{
		{"FIN", closeFD, 0, 0},
		{"RST", func(fd int) { Linger0(fd); closeFD(fd) }, -1, syscall.ECONNRESET},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := tcpPair(t)
			defer closeFD(b)
			tt.end(a)
			buf := make([]byte, 1)
			eventually(t, "the end arrives", func() bool {
				n, errno := Read(b, buf)
				if errno == syscall.EAGAIN {
					return false
				}
				if n != tt.n || errno != tt.errno {
					t.Errorf("%d, %v", n, errno)
				}
				return true
			})
		})
	}
}

func TestShutdownWriteLeavesTheOtherDirection(t *testing.T) {
	a, b := tcpPair(t)
	defer closeFD(a)
	defer closeFD(b)
	if errno := ShutdownWrite(a); errno != 0 {
		t.Fatal(errno)
	}
	buf := make([]byte, 8)
	eventually(t, "FIN", func() bool { n, _ := Read(b, buf); return n == 0 })
	if _, errno := Write(b, []byte("answer")); errno != 0 {
		t.Fatal(errno)
	}
	eventually(t, "the answer", func() bool { n, _ := Read(a, buf); return n == 6 })
	if _, errno := Write(a, buf); errno != syscall.EPIPE {
		t.Errorf("write after shutdown: %v", errno)
	}
}
