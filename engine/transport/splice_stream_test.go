package transport_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"weir/engine/transport"
)

// mover carries one direction on a running loop, as a session does: it stops
// reading while much is queued, and asks Read where SpliceTo has nothing to do.
type mover struct {
	from, to transport.Conn
	mark     int // reads while no more than this is queued
	spliced  int64
	copied   int64
	most     int              // queued at a time by SpliceTo
	longest  int64            // moved by one call
	queued   int              // how often SpliceTo left something
	result   transport.Result // ReadData: it goes on
}

func (m *mover) OnConn(*transport.Conn) {
	m.to.Flush()
	for m.result == transport.ReadData && m.from.Readable() && m.to.Pending() <= m.mark {
		if n := m.from.SpliceTo(&m.to, math.MaxInt64); n > 0 {
			m.spliced += n
			m.longest = max(m.longest, n)
			m.most = max(m.most, m.to.Pending())
			if m.to.Pending() > 0 {
				m.queued++
			}
			continue
		}
		data, _, r := m.from.Read()
		m.to.Write(data)
		m.copied += int64(len(data))
		if r == transport.ReadEnd || r == transport.ReadFailed {
			m.to.CloseWrite()
			m.result = r
		}
	}
}

func (m *mover) OnConnPanic(*transport.Conn) {}

// carry gives a mover and both of its peers. rcvbuf, if not 0, is the receiver's
// buffer, and sndbuf that of the connection to it.
func (r *rig) carry(rcvbuf, sndbuf int) (m *mover, a, b *net.TCPConn) {
	r.t.Helper()
	m = &mover{}
	dial := func(c *transport.Conn) *net.TCPConn {
		lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
			if rcvbuf > 0 && c == &m.to { // an accepted connection has its listener's
				_ = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, rcvbuf) })
			}
			return err
		}}
		ln, err := lc.Listen(r.t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			r.t.Fatal(err)
		}
		defer func() { _ = ln.Close() }()
		r.on(func() {
			if errno := c.Dial(r.loop, transport.Outgoing{To: transport.AddrFrom(ln.Addr().(*net.TCPAddr).AddrPort())}, m); errno != 0 {
				r.t.Error(errno)
			}
		})
		peer, err := ln.Accept()
		if err != nil {
			r.t.Fatal(err)
		}
		return peer.(*net.TCPConn)
	}
	a, b = dial(&m.from), dial(&m.to)
	deadline := soon()
	_, _ = a.SetDeadline(deadline), b.SetDeadline(deadline)
	r.t.Cleanup(func() {
		_, _ = a.Close(), b.Close()
		r.on(func() { m.from.Close(); m.to.Close() })
	})
	r.on(func() {
		if sndbuf > 0 {
			if err := unix.SetsockoptInt(m.to.FD(), unix.SOL_SOCKET, unix.SO_SNDBUF, sndbuf); err != nil {
				r.t.Error(err)
			}
		}
	})
	return m, a, b
}

// All of a stream comes through in order, to whoever reads however it likes.
func TestSpliceToCarriesAStream(t *testing.T) {
	tests := []struct {
		name           string
		size           int
		rcvbuf, sndbuf int
		read           int // bytes a read
		mark           int
		queues         bool // the pipe has to give some back
	}{
		{"to a fast reader", 16 << 20, 0, 0, 256 << 10, 64 << 10, false},
		{"to a slow one", 1 << 20, 32 << 10, 4096, 1500, 0, true},
		{"to one of small reads", 2 << 20, 0, 4096, 777, 0, true},
		{"to one that has always something queued", 1 << 20, 0, 4096, 3000, 64 << 10, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			m, a, b := r.carry(tt.rcvbuf, tt.sndbuf)
			r.on(func() { m.mark = tt.mark })
			data := noise(7, tt.size)
			sent := make(chan error, 1)
			go func() {
				var err error
				for rest := data; len(rest) > 0 && err == nil; {
					n := min(len(rest), 100_000)
					_, err = a.Write(rest[:n])
					rest = rest[n:]
				}
				sent <- errors.Join(err, a.CloseWrite())
			}()
			sum, got, buf := sha256.New(), 0, make([]byte, tt.read)
			for {
				n, err := b.Read(buf)
				sum.Write(buf[:n])
				got += n
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
			if want := sha256.Sum256(data); got != tt.size || !bytes.Equal(sum.Sum(nil), want[:]) {
				t.Errorf("%d of %d bytes, or not the same", got, tt.size)
			}
			r.on(func() {
				if m.from.BytesIn() != int64(tt.size) || m.to.BytesOut() != int64(tt.size) || m.to.Pending() != 0 {
					t.Errorf("%d in, %d out, %d pending", m.from.BytesIn(), m.to.BytesOut(), m.to.Pending())
				}
				if m.spliced == 0 || tt.mark == 0 && m.copied > m.spliced || m.spliced+m.copied != int64(tt.size) {
					t.Errorf("%d spliced, %d copied", m.spliced, m.copied)
				}
				if m.most > transport.TurnBudget || m.longest > transport.TurnBudget || tt.queues && m.queued == 0 {
					t.Errorf("%d bytes queued at most, in %d times; %d moved at most", m.most, m.queued, m.longest)
				}
			})
		})
	}
}

// A splice stops in front of an urgent byte, and what is behind it makes no event
// of its own. The stream goes on without it, and none of its bytes is lost.
func TestUrgentByteDoesNotStopTheSplicing(t *testing.T) {
	for _, size := range []int{0, 10, 70_000} {
		r := newRig(t)
		m, a, b := r.carry(0, 0)
		raw, err := a.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		before, behind := noise(3, size), noise(4, 30_000)
		held, release := make(chan struct{}), make(chan struct{})
		if err := r.loop.Post(func() { close(held); <-release }); err != nil { // so that all of it is one event
			t.Fatal(err)
		}
		<-held
		for i, part := range [][]byte{before, {'!'}, behind} {
			flags := 0
			if i == 1 {
				flags = unix.MSG_OOB
			}
			if err := raw.Control(func(fd uintptr) {
				if err := unix.Sendto(int(fd), part, flags, nil); err != nil {
					t.Error(err)
				}
			}); err != nil {
				t.Error(err)
			}
		}
		close(release)
		got := make([]byte, size+len(behind))
		if n, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, append(before, behind...)) {
			t.Fatalf("%d of %d bytes, %v", n, len(got), err)
		}
		more := noise(5, 1<<20) // and it is spliced again, in time
		go func() { _, _ = a.Write(more) }()
		got = make([]byte, len(more))
		if n, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, more) {
			t.Fatalf("behind it: %d of %d bytes, %v", n, len(got), err)
		}
		r.on(func() {
			if m.spliced == 0 {
				t.Error("nothing was spliced")
			}
		})
	}
}

// However a stream of a running loop ends, the receiver has first what came first,
// and a reset is not an end.
func TestSpliceToEndsAsTheStreamDoes(t *testing.T) {
	for _, reset := range []bool{false, true} {
		for _, size := range []int{0, 1, 100_000} {
			r := newRig(t)
			m, a, b := r.carry(0, 0)
			data := noise(6, size)
			if _, err := a.Write(data); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, size)
			if reset { // which may destroy what is on its way
				if _, err := io.ReadFull(b, got); err != nil {
					t.Fatal(err)
				}
				_ = a.SetLinger(0)
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(b)
			if err != nil {
				t.Fatal(err)
			}
			if !reset {
				got = rest
			}
			want := transport.ReadEnd
			if reset {
				want = transport.ReadFailed
			}
			r.on(func() {
				if !bytes.Equal(got, data) || m.result != want {
					t.Errorf("%d bytes, reset %v: got %d, result %v", size, reset, len(got), m.result)
				}
			})
		}
	}
}
