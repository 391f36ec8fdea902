package session

import (
	"strings"
	"syscall"
	"testing"

	"weir/configs"
	"weir/engine/tlsconn"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
)

// tlsLink speaks TLS at the far end and allocates nothing once it is open: what it is
// told to say is sealed into memory that is kept, what it hears is counted.
type tlsLink struct {
	conn          *transport.Conn
	tls           *tlsconn.Conn
	open          bool
	in, out, into []byte // from the session, to it, and a place to decrypt into
	read          int    // of out
	heard         int
}

func (l *tlsLink) Attached(c *transport.Conn)   { l.conn = c }
func (l *tlsLink) ShutdownWrite() syscall.Errno { return 0 }
func (l *tlsLink) Close(bool)                   {}
func (l *tlsLink) ConnectError() syscall.Errno  { return 0 }
func (l *tlsLink) Ciphertext(b []byte)          { l.out = append(l.out, b...) }

func (l *tlsLink) Read(p []byte) (int, syscall.Errno) {
	n := copy(p, l.out[l.read:])
	if l.read += n; n == 0 {
		return -1, syscall.EAGAIN
	}
	return n, 0
}

func (l *tlsLink) Write(segments [][]byte) (n int, errno syscall.Errno) {
	for _, s := range segments {
		l.in = append(l.in, s...)
		n += len(s)
	}
	return n, 0
}

// take takes in what the session has written.
func (l *tlsLink) take(t testing.TB) {
	n := tlsconn.Whole(l.in)
	if n == 0 {
		return
	}
	if !l.open {
		rest := l.step(l.in[:n])
		l.in = append(rest, l.in[n:]...)
		return
	}
	got, err := l.tls.Open(l.into, l.in[:n], l)
	if err != nil {
		t.Fatal(err)
	}
	l.heard += got
	l.in = l.in[:copy(l.in, l.in[n:])]
}

func (l *tlsLink) step(records []byte) (rest []byte) {
	l.open = l.tls.Step(records) == tlsconn.Open
	l.out = append(l.out, l.tls.Output()...)
	if l.open {
		rest = l.tls.Finish()
	}
	return rest
}

// What runs for every request and every message through TLS may not allocate.
func TestSteadyStateThroughTLSDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	hsts := func(s *setup) { s.route.HSTS = &configs.HSTS{MaxAge: 1e9} }
	for _, tt := range []struct {
		name     string
		edit     []func(*setup)
		warm     []string // the client's and the endpoint's in turn
		down, up []byte
	}{
		{"exchange", nil, []string{get, ok}, []byte(get), []byte(ok)},
		{"exchange with HSTS", []func(*setup){hsts}, []string{get, ok}, []byte(get), []byte(ok)},
		{"WebSocket", nil, []string{handshake, switched}, []byte("ping"), []byte("pong")},
		{"WebSocket of several records", nil, []string{handshake, switched}, repeat("ping", 30_000), repeat("pong", 30_000)},
		{"opaque", []func(*setup){opaqueTCP}, []string{"ping", "pong"}, []byte("ping"), []byte("pong")},
		{"opaque of several records", []func(*setup){opaqueTCP}, []string{"ping", "pong"}, repeat("ping", 30_000), repeat("pong", 30_000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			allocsThroughTLS(t, append(tt.edit, overTLS, toTLS), tt.warm, tt.down, tt.up)
		})
	}
}

func repeat(s string, n int) []byte { return []byte(strings.Repeat(s, n)) }

func allocsThroughTLS(t *testing.T, edit []func(*setup), warm []string, down, up []byte) {
	f := newFixture(t, edit...)
	room := func() []byte { return make([]byte, 0, 1<<20) }
	client := &tlsLink{tls: tlsconn.Client(newPKI(t).client("a.example")), in: room(), out: room(), into: make([]byte, 1<<20)}
	far := &tlsLink{tls: tlsconn.Server(newPKI(t).server(t)), in: room(), out: room(), into: make([]byte, 1<<20)}
	f.n.Loop.SetDialer(func(c *transport.Conn, _ transport.Outgoing) syscall.Errno {
		c.AttachLink(f.n.Loop, far, nil, false)
		return 0
	})
	client.step(nil)
	f.worker.AcceptLink(client, clientAddr(1), f.ln)
	// turn lets everybody go on until all have said what they had to.
	turn := func() {
		for busy := true; busy; {
			busy = false
			for _, l := range [...]*tlsLink{client, far} {
				if l.conn == nil {
					continue
				}
				if news := l.read < len(l.out); news || l == far && !l.open {
					l.conn.Poke()
					l.conn.OnReady(transporttest.Room)
					busy = busy || news
					l.out, l.read = l.out[:copy(l.out, l.out[l.read:])], 0
				}
				if before := len(l.in); before > 0 {
					l.take(t)
					busy = busy || len(l.in) != before
				}
			}
			f.n.Settle()
		}
	}
	say := func(l *tlsLink, text []byte) {
		if err := l.tls.Seal(text, l); err != nil {
			t.Fatal(err)
		}
		turn()
	}
	turn()
	say(client, []byte(warm[0]))
	say(far, []byte(warm[1]))
	client.heard, far.heard = 0, 0
	runs := 0
	allocs := testing.AllocsPerRun(200, func() {
		runs++
		say(client, down)
		say(far, up)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	if client.heard < runs*len(up) || far.heard < runs*len(down) {
		t.Errorf("%d runs gave the client %d bytes, the endpoint %d", runs, client.heard, far.heard)
	}
	f.worker.Cut()
}
