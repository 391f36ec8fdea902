package transport_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/engine/reactor"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
	"weir/pool"
)

// secureRig is a running loop with workers for its handshakes.
type secureRig struct {
	rig
	handshakes *transport.Handshakes
	weight     transport.Weight // of handshakes as a server
	panics     atomic.Int32
	stopped    bool
	closed     bool
	done       chan error
}

// eachWeight runs a test with handshakes of every weight: they are computed in other
// places.
func eachWeight(t *testing.T, test func(t *testing.T, weight transport.Weight)) {
	for weight, name := range []string{transport.Heavy: "heavy", transport.Medium: "medium", transport.Light: "light"} {
		t.Run(name, func(t *testing.T) { test(t, transport.Weight(weight)) })
	}
}

func newSecureRig(t *testing.T, workers, limit int) *secureRig {
	t.Helper()
	r := &secureRig{done: make(chan error, 1)}
	panicked := func(any, []byte) { r.panics.Add(1) }
	inner, err := reactor.New(panicked)
	if err != nil {
		t.Fatal(err)
	}
	r.rig = rig{t, transport.NewLoop(inner)}
	r.handshakes = transport.NewHandshakes(workers, limit, panicked)
	r.loop.Handshakes = r.handshakes
	go func() { r.done <- r.loop.Run() }()
	t.Cleanup(r.end)
	return r
}

// stop ends the loop.
func (r *secureRig) stop() {
	r.t.Helper()
	if err := errors.Join(r.loop.Stop(), <-r.done); err != nil {
		r.t.Error(err)
	}
	r.stopped = true
}

// end closes everything, once, and requires that nothing is left.
func (r *secureRig) end() {
	if r.closed {
		return
	}
	if !r.stopped {
		r.stop()
	}
	r.closed = true
	r.handshakes.Close()
	if err := r.loop.Close(); err != nil {
		r.t.Error(err)
	}
	open, stats := r.loop.Open.Load(), r.loop.Pool.Stats()
	if open != 0 || stats != (pool.Stats{}) || r.handshakes.Open() != 0 {
		r.t.Errorf("left over: %d connections, %+v, %d handshakes", open, stats, r.handshakes.Open())
	}
}

// secureEnd is a connection on the loop that begins TLS when its ClientHello is there.
type secureEnd struct {
	end
	config *tls.Config // of a server; nil: it is none, or has begun
	weight transport.Weight
	panics atomic.Int32
	failed atomic.Pointer[error] // TLSErr of one that failed
	opened atomic.Bool
}

func (e *secureEnd) OnConn(c *transport.Conn) {
	if e.config != nil {
		data, _, r := c.Read()
		if r != transport.ReadData || len(data) < 5 || len(data) < 5+int(data[3])<<8+int(data[4]) {
			c.Unread(data)
			return
		}
		config := e.config
		e.config = nil
		c.Unread(data)
		c.SecureServer(config, e.weight)
	}
	if c.Connecting() {
		return
	}
	if err := c.TLSErr(); c.Failed() && err != nil {
		if e.failed.Swap(&err) == nil {
			e.end.OnConn(c)
			c.Close()
		}
		return
	}
	e.opened.Store(true)
	e.end.OnConn(c)
}

func (e *secureEnd) OnConnPanic(c *transport.Conn) {
	e.panics.Add(1)
	c.Reset()
}

func (e *secureEnd) err() error {
	if p := e.failed.Load(); p != nil {
		return *p
	}
	return nil
}

func (e *secureEnd) until(what string, ok func() bool) {
	e.rig.t.Helper()
	eventually(e.rig.t, what, ok)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("timed out: %s", what)
		}
	}
}

// serve gives a server on the loop and the client's socket.
func (r *secureRig) serve(config *tls.Config) (*secureEnd, *net.TCPConn) {
	r.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	file, err := accepted.(*net.TCPConn).File()
	if err != nil {
		r.t.Fatal(err)
	}
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err := errors.Join(err, file.Close(), accepted.Close(), unix.SetNonblock(fd, true)); err != nil {
		r.t.Fatal(err)
	}
	e := &secureEnd{end: end{rig: &r.rig}, config: config, weight: r.weight}
	r.on(func() {
		if errno := e.conn.Accept(r.loop, fd, e); errno != 0 {
			r.t.Error(errno)
		}
	})
	r.closing(e, client)
	return e, client.(*net.TCPConn)
}

// dial gives a client on the loop and the server's socket.
func (r *secureRig) dial(config *tls.Config) (*secureEnd, *net.TCPConn) {
	r.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	e := &secureEnd{end: end{rig: &r.rig}}
	r.on(func() {
		if errno := e.conn.Dial(r.loop, transport.Outgoing{To: transport.AddrFrom(ln.Addr().(*net.TCPAddr).AddrPort())}, e); errno != 0 {
			r.t.Error(errno)
		}
		e.conn.SecureClient(config)
	})
	server, err := ln.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	r.closing(e, server)
	return e, server.(*net.TCPConn)
}

func (r *secureRig) closing(e *secureEnd, peer net.Conn) {
	_ = peer.SetDeadline(time.Now().Add(patience))
	r.t.Cleanup(func() {
		_ = peer.Close()
		if !r.stopped {
			r.on(e.conn.Close)
		}
	})
}

// Both roles against crypto/tls on sockets: a mebibyte each way through small buffers,
// and the ends of both directions.
func TestTLSOnSockets(t *testing.T) { eachWeight(t, tLSOnSockets) }

func tLSOnSockets(t *testing.T, weight transport.Weight) {
	s, c := tlsConfigs()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := changed(c, func(c *tls.Config) { c.MaxVersion = version })
		for _, server := range []bool{true, false} {
			r := newSecureRig(t, 1, 10)
			r.weight = weight
			var e *secureEnd
			var other *tls.Conn
			if server {
				end, socket := r.serve(s)
				e, other = end, tls.Client(socket, c)
			} else {
				end, socket := r.dial(c)
				e, other = end, tls.Server(socket, s)
			}
			if err := other.Handshake(); err != nil {
				t.Fatal(err)
			}
			e.until("the handshake", e.opened.Load)
			moveMebibytes(t, r, e, other)
			eventually(t, "the end of the handshake", func() bool { return r.handshakes.Open() == 0 })
		}
	}
}

func moveMebibytes(t *testing.T, r *secureRig, e *secureEnd, other *tls.Conn) {
	t.Helper()
	data := strings.Repeat("0123456789abcdef", 1<<16)
	r.on(func() {
		if err := unix.SetsockoptInt(e.conn.FD(), unix.SOL_SOCKET, unix.SO_SNDBUF, 4096); err != nil {
			t.Error(err)
		}
		for rest := []byte(data); len(rest) > 0; rest = rest[min(len(rest), 50_000):] {
			e.conn.Write(rest[:min(len(rest), 50_000)])
		}
		e.conn.CloseWrite()
	})
	var wait sync.WaitGroup
	wait.Go(func() {
		if _, err := io.WriteString(other, data); err != nil {
			t.Error(err)
		}
		if err := other.CloseWrite(); err != nil {
			t.Error(err)
		}
	})
	if got, err := io.ReadAll(other); err != nil || string(got) != data {
		t.Errorf("the peer read %d bytes, %v", len(got), err)
	}
	wait.Wait()
	e.wait("a mebibyte and its end", func(in string, ended bool, errno syscall.Errno) bool { return ended && in == data && errno == 0 })
	r.on(func() {
		if e.conn.Truncated() || e.conn.Err() != 0 {
			t.Errorf("truncated %v, %v", e.conn.Truncated(), e.conn.Err())
		}
	})
}

// A client whose handshake is refused reads why, and no reset, though it has sent more
// than was read.
func TestRefusedClientReadsTheAlert(t *testing.T) { eachWeight(t, refusedClientReadsTheAlert) }

func refusedClientReadsTheAlert(t *testing.T, weight transport.Weight) {
	s, c := tlsConfigs()
	r := newSecureRig(t, 1, 10)
	r.weight = weight
	for range 20 {
		e, socket := r.serve(changed(s, func(c *tls.Config) { c.NextProtos = []string{"a"} }))
		client := tls.Client(&talkative{Conn: socket}, changed(c, func(c *tls.Config) { c.NextProtos = []string{"b"} }))
		var remote *net.OpError
		if err := client.Handshake(); !errors.As(err, &remote) || remote.Op != "remote error" {
			t.Fatalf("the client reads %v", err)
		}
		e.until("the failure", func() bool { return e.err() != nil })
	}
}

// talkative sends more behind each write.
type talkative struct{ net.Conn }

func (c *talkative) Write(p []byte) (int, error) {
	_, err := c.Conn.Write(append(bytes.Clone(p), record(1000)...))
	return len(p), err
}

func record(size int) []byte {
	return append([]byte{23, 3, 3, byte(size >> 8), byte(size)}, make([]byte, size)...)
}

func TestResetDuringTheHandshakeOnSockets(t *testing.T) {
	eachWeight(t, resetDuringTheHandshakeOnSockets)
}

func resetDuringTheHandshakeOnSockets(t *testing.T, weight transport.Weight) {
	_, c := tlsConfigs()
	r := newSecureRig(t, 1, 10)
	r.weight = weight
	e, socket := r.dial(c)
	if _, err := io.ReadFull(socket, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(socket.SetLinger(0), socket.Close()); err != nil {
		t.Fatal(err)
	}
	e.until("the failure", func() bool { return e.err() != nil })
	if err := e.err(); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	eventually(t, "the end of the handshake", func() bool { return r.handshakes.Open() == 0 })
}

// As many handshakes as are allowed may be under way; one more is refused at once, and
// one that ends makes room.
func TestHandshakesAreBounded(t *testing.T) { eachWeight(t, handshakesAreBounded) }

func handshakesAreBounded(t *testing.T, weight transport.Weight) {
	s, c := tlsConfigs()
	r := newSecureRig(t, 2, 2)
	r.weight = weight
	var silent []*net.TCPConn
	for range 2 {
		_, socket := r.dial(c)
		silent = append(silent, socket)
	}
	eventually(t, "two handshakes", func() bool { return r.handshakes.Open() == 2 })
	for _, server := range []bool{false, true} {
		var e *secureEnd
		if server {
			end, socket := r.serve(s)
			e = end
			go func() { _ = tls.Client(socket, c).Handshake() }()
		} else {
			e, _ = r.dial(c)
		}
		e.until("the refusal", func() bool { return e.err() != nil })
		if !errors.Is(e.err(), transport.ErrHandshakesFull) {
			t.Errorf("server %v: %v", server, e.err())
		}
	}
	_ = silent[0].Close()
	eventually(t, "room", func() bool { return r.handshakes.Open() == 1 })
	e, socket := r.dial(c)
	if err := tls.Server(socket, s).Handshake(); err != nil {
		t.Error(err)
	}
	e.until("the handshake", e.opened.Load)
}

// blocking is a configuration whose handshakes wait in the worker until release.
func blocking(s *tls.Config) (config *tls.Config, entered chan struct{}, release func()) {
	entered, held := make(chan struct{}, 100), make(chan struct{})
	config = changed(s, func(c *tls.Config) {
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			entered <- struct{}{}
			<-held
			return nil, nil
		}
	})
	return config, entered, sync.OnceFunc(func() { close(held) })
}

func entered(t *testing.T, c chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal("no worker has the handshake")
	}
}

// hello begins a handshake that nobody waits for.
func hello(socket net.Conn, c *tls.Config) {
	go func() { _ = tls.Client(socket, c).Handshake() }()
}

// oneAtWorkOneQueued begins a handshake that the one worker is held in, and another
// whose step waits behind it.
func (r *secureRig) oneAtWorkOneQueued(server, client *tls.Config, in chan struct{}) (first *secureEnd, socket net.Conn, second *secureEnd, queued net.Conn) {
	r.t.Helper()
	first, socket = r.serve(server)
	hello(socket, client)
	entered(r.t, in)
	second, queued = r.serve(server)
	hello(queued, client)
	eventually(r.t, "the second", func() bool { return r.handshakes.Open() == 2 })
	return first, socket, second, queued
}

// A connection is closed while a worker has its handshake, and another while its step is
// queued behind that: the one is given up when the worker is done, the other is not
// begun, and until then both count.
func TestCloseWhileAWorkerHasTheHandshake(t *testing.T) {
	eachWeight(t, closeWhileAWorkerHasTheHandshake)
}

func closeWhileAWorkerHasTheHandshake(t *testing.T, weight transport.Weight) {
	before := runtime.NumGoroutine()
	s, c := tlsConfigs()
	config, in, release := blocking(s)
	defer release()
	r := newSecureRig(t, 1, 10)
	r.weight = weight
	first, socket, second, queued := r.oneAtWorkOneQueued(config, c, in)
	r.on(func() {
		first.conn.Close()
		second.conn.Reset()
	})
	if got := r.handshakes.Open(); got != 2 {
		t.Errorf("%d handshakes count, want 2", got)
	}
	release()
	eventually(t, "the end of both", func() bool { return r.handshakes.Open() == 0 })
	if len(in) != 0 {
		t.Error("the handshake of a closed connection was begun")
	}
	r.on(func() {
		if first.calls+second.calls != 0 || first.opened.Load() {
			t.Error("the owner of a closed connection was told")
		}
	})
	r.end()
	_ = socket.Close()
	_ = queued.Close()
	eventually(t, "goroutines", func() bool { return runtime.NumGoroutine() <= before })
}

// The loop ends while a worker has a handshake and another is queued.
func TestLoopEndsWhileAWorkerHasTheHandshake(t *testing.T) {
	eachWeight(t, loopEndsWhileAWorkerHasTheHandshake)
}

func loopEndsWhileAWorkerHasTheHandshake(t *testing.T, weight transport.Weight) {
	before := runtime.NumGoroutine()
	s, c := tlsConfigs()
	config, in, release := blocking(s)
	defer release()
	r := newSecureRig(t, 1, 10)
	r.weight = weight
	first, socket, second, queued := r.oneAtWorkOneQueued(config, c, in)
	r.stop()
	first.conn.Close()
	second.conn.Close()
	release()
	r.end()
	_ = socket.Close()
	_ = queued.Close()
	eventually(t, "goroutines", func() bool { return runtime.NumGoroutine() <= before })
}

// A bug in a handshake, on a worker or on the loop, costs that connection and no other.
func TestPanicInAHandshakeCostsOneConnection(t *testing.T) {
	eachWeight(t, panicInAHandshakeCostsOneConnection)
}

func panicInAHandshakeCostsOneConnection(t *testing.T, weight transport.Weight) {
	s, c := tlsConfigs()
	broken := changed(s, func(c *tls.Config) {
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { panic("bug") }
	})
	late := changed(s, func(c *tls.Config) {
		c.VerifyConnection = func(tls.ConnectionState) error { panic("bug") }
	})
	r := newSecureRig(t, 1, 10)
	r.weight = weight
	e, socket := r.serve(s)
	good := tls.Client(socket, c)
	if err := good.Handshake(); err != nil {
		t.Fatal(err)
	}
	e.until("the handshake", e.opened.Load)
	for i, config := range []*tls.Config{broken, late, broken} {
		bad, socket := r.serve(config)
		hello(socket, c)
		bad.until("the end of it", func() bool { return bad.err() != nil || bad.panics.Load() == 1 })
		if got := r.panics.Load(); got != int32(i+1) {
			t.Errorf("%d panics, want %d", got, i+1)
		}
	}
	if _, err := io.WriteString(good, "still here"); err != nil {
		t.Error(err)
	}
	e.wait("data", func(in string, _ bool, _ syscall.Errno) bool { return in == "still here" })
	eventually(t, "the end of the handshakes", func() bool { return r.handshakes.Open() == 0 })
}

// SpliceTo leaves TLS to Read and Write, either way.
func TestSpliceRefusesTLS(t *testing.T) { eachWeight(t, spliceRefusesTLS) }

func spliceRefusesTLS(t *testing.T, weight transport.Weight) {
	s, c := tlsConfigs()
	r := newSecureRig(t, 1, 10)
	r.weight = weight
	e, socket := r.serve(s)
	client := tls.Client(socket, c)
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	e.until("the handshake", e.opened.Load)
	plain, peer := r.connect()
	for _, from := range []struct {
		end    *end
		socket io.Writer
	}{{plain, peer}, {&e.end, client}} {
		r.on(func() { from.end.ended = true }) // so that it is left unread
		if _, err := io.WriteString(from.socket, "bytes"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "bytes to read", func() (ok bool) {
			r.on(func() { ok = from.end.conn.Readable() })
			return ok
		})
	}
	r.on(func() {
		if n := plain.conn.SpliceTo(&e.conn, 100); n != 0 {
			t.Errorf("%d bytes went past TLS", n)
		}
		if n := e.conn.SpliceTo(&plain.conn, 100); n != 0 {
			t.Errorf("%d bytes came from under TLS", n)
		}
	})
}

// A panic of the owner at the end of a handshake reaches it also if it has closed the
// connection by then: what else it holds is to be let go of.
func TestPanicBehindAHandshakeIsTold(t *testing.T) { eachWeight(t, panicBehindAHandshakeIsTold) }

func panicBehindAHandshakeIsTold(t *testing.T, weight transport.Weight) {
	_, c := tlsConfigs()
	r := newSecureRig(t, 1, 10)
	r.weight = weight
	o := &clumsy{}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	var conn transport.Conn
	r.on(func() {
		if errno := conn.Dial(r.loop, transport.Outgoing{To: transport.AddrFrom(ln.Addr().(*net.TCPAddr).AddrPort())}, o); errno != 0 {
			t.Error(errno)
		}
		conn.SecureClient(c)
	})
	socket, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	s, _ := tlsConfigs()
	go func() { _ = tls.Server(socket, s).Handshake() }()
	eventually(t, "the panic is told", func() bool { return o.told.Load() == 1 })
}

// clumsy closes its connection and then panics.
type clumsy struct{ told atomic.Int32 }

func (o *clumsy) OnConn(c *transport.Conn)      { c.Close(); panic("bug") }
func (o *clumsy) OnConnPanic(c *transport.Conn) { o.told.Add(1); c.Close() }

// One handshake more than may be is refused, at once. What the loop never heard of again
// is given up at the end, each on the thread that has it.
func TestTooManyHandshakes(t *testing.T) {
	before := runtime.NumGoroutine()
	_, c := tlsConfigs()
	n := transporttest.New()
	const fits = 200
	n.Loop.Handshakes = transport.NewHandshakes(3, fits, nil)
	conns := make([]transport.Conn, fits+1)
	for i := range conns {
		if errno := conns[i].Dial(n.Loop, transport.Outgoing{To: somewhere}, &owner{}); errno != 0 {
			t.Fatal(errno)
		}
		conns[i].SecureClient(c)
		n.Dialled().Connect()
		if refused := conns[i].TLSErr() != nil; refused != (i == fits) {
			t.Fatalf("connection %d: %v", i, conns[i].TLSErr())
		}
	}
	if err := conns[fits].TLSErr(); !errors.Is(err, transport.ErrHandshakesFull) || !conns[fits].Failed() {
		t.Error(err)
	}
	if got := n.Loop.Handshakes.Open(); got != fits {
		t.Errorf("%d handshakes count, want %d", got, fits)
	}
	for i := range conns {
		conns[i].Close()
	}
	if got := n.Loop.Handshakes.Open(); got != fits {
		t.Errorf("%d handshakes, want %d, which are not given up yet", got, fits)
	}
	n.Loop.Handshakes.Close()
	if err := n.Quiet(); err != nil {
		t.Error(err)
	}
	if err := n.Loop.Close(); err != nil {
		t.Error(err)
	}
	if got := n.Loop.Handshakes.Open(); got != 0 {
		t.Errorf("%d handshakes are left", got)
	}
	eventually(t, "goroutines", func() bool { return runtime.NumGoroutine() <= before })
}
