package transport_test

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"weir/engine/reactor"
	"weir/engine/transport"
)

// twoEnds are the ends of a socket pair on a loop that is driven by hand, with TLS
// between them if secure.
func twoEnds(t testing.TB, secure bool) (client, server *transport.Conn) {
	t.Helper()
	r, err := reactor.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	loop := transport.NewLoop(r)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	client, server = &transport.Conn{}, &transport.Conn{}
	loop.SetDialer(func(c *transport.Conn, _ transport.Outgoing) syscall.Errno {
		carrier := &socketLink{fd: fds[0]}
		c.AttachLink(loop, carrier, nil, false)
		return 0
	})
	if server.Accept(loop, fds[1], &owner{}) != 0 || client.Dial(loop, transport.Outgoing{To: somewhere}, &owner{}) != 0 {
		t.Fatal("accept")
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
		if err := loop.Close(); err != nil {
			t.Error(err)
		}
	})
	if !secure {
		client.OnReady(reactor.Writable)
		return client, server
	}
	s, c := tlsConfigs()
	client.SecureClient(c)
	client.OnReady(reactor.Writable)
	server.OnReady(reactor.Readable)
	hello, _, _ := server.Read()
	server.Unread(hello)
	server.SecureServer(s, transport.Light)
	for range 3 {
		client.OnReady(reactor.Readable | reactor.Writable)
		server.OnReady(reactor.Readable | reactor.Writable)
	}
	if client.Connecting() || server.Connecting() || client.Failed() || server.Failed() {
		t.Fatal(client.TLSErr(), server.TLSErr())
	}
	_, _, _ = client.Read()
	_, _, _ = server.Read()
	return client, server
}

// socketLink is a socket behind a Link, so that a dial can give one of a pair.
type socketLink struct{ fd int }

func (l *socketLink) Read(p []byte) (int, syscall.Errno) { return reactor.Read(l.fd, p) }
func (l *socketLink) Write(segments [][]byte) (int, syscall.Errno) {
	return reactor.Writev(l.fd, segments)
}
func (l *socketLink) ShutdownWrite() syscall.Errno { return reactor.ShutdownWrite(l.fd) }
func (l *socketLink) Close(bool)                   { _ = unix.Close(l.fd) }

// move has a message go from one end to the other.
func move(t testing.TB, from, to *transport.Conn, message []byte) {
	from.Write(message)
	for got := 0; got < len(message); {
		to.OnReady(reactor.Readable)
		_, fresh, _ := to.Read()
		if got += fresh; fresh == 0 {
			t.Fatal("the message did not arrive")
		}
	}
	_, _, _ = to.Read()
}

func TestRelayThroughTLSDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	client, server := twoEnds(t, true)
	for _, size := range []int{1, 125, 16 << 10, 64 << 10} {
		message := make([]byte, size)
		parts := [][]byte{message[:size/2], message[size/2:]}
		run := func() {
			move(t, client, server, message)
			server.WriteParts(parts...)
			for got := 0; got < size; {
				client.OnReady(reactor.Readable)
				_, fresh, _ := client.Read()
				got += fresh
			}
		}
		run()
		if n := testing.AllocsPerRun(200, run); n != 0 {
			t.Errorf("%d bytes: %v allocations a message", size, n)
		}
	}
}

func BenchmarkMove(b *testing.B) {
	for _, secure := range []bool{false, true} {
		for _, size := range []int{125, 16 << 10, 64 << 10} {
			name := map[bool]string{false: "plain/", true: "TLS/"}[secure] + map[int]string{125: "125B", 16 << 10: "16KiB", 64 << 10: "64KiB"}[size]
			b.Run(name, func(b *testing.B) {
				client, server := twoEnds(b, secure)
				message := make([]byte, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					move(b, client, server, message)
				}
			})
		}
	}
}
