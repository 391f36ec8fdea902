package session

import (
	"syscall"
	"testing"

	"weir/engine/transport"
)

// constLink gives what it was told to give and drops what it gets, so that it
// allocates nothing itself.
type constLink struct {
	conn *transport.Conn
	in   string
	got  int
}

func (l *constLink) Attached(c *transport.Conn)   { l.conn = c }
func (l *constLink) ShutdownWrite() syscall.Errno { return 0 }
func (l *constLink) Close(bool)                   {}
func (l *constLink) ConnectError() syscall.Errno  { return 0 }

func (l *constLink) Read(p []byte) (int, syscall.Errno) {
	n := copy(p, l.in)
	l.in = l.in[n:]
	if n == 0 {
		return -1, syscall.EAGAIN
	}
	return n, 0
}

func (l *constLink) Write(segments [][]byte) (n int, errno syscall.Errno) {
	for _, s := range segments {
		n += len(s)
	}
	l.got += n
	return n, 0
}

// What runs for every request and every message may not allocate.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	const put = "PUT /a/b?c=d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nUser-Agent: x\r\n\r\nhello"
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	for _, tt := range []struct {
		name       string
		warm       []string // client's and endpoint's in turn
		down       []string
		up         string
		downN, upN int // least bytes each side gets of a run
	}{
		{"keep-alive exchange", []string{get, ok}, []string{get}, ok, 60, 60},
		{"exchange with bodies", []string{get, ok}, []string{put}, chunked, 60, 60},
		{"head in two segments", []string{get, ok}, []string{get[:10], get[10:]}, ok, 60, 60},
		{"tunnel message", []string{handshake, switched}, []string{"ping"}, "pong", 4, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			client, up := &constLink{}, &constLink{}
			f.n.Loop.SetDialer(func(c *transport.Conn, _ transport.Outgoing) syscall.Errno {
				c.AttachLink(f.n.Loop, up, nil, true)
				return 0
			})
			f.worker.AcceptLink(client, clientAddr(1), f.ln)
			s := f.worker.list
			deliver := func(l *constLink, in string) {
				l.in = in
				l.conn.Poke()
				s.OnConn(l.conn)
				f.n.Settle()
			}
			deliver(client, tt.warm[0])
			deliver(up, tt.warm[1])
			client.got, up.got = 0, 0
			runs := 0
			run := func() {
				runs++
				for _, in := range tt.down {
					deliver(client, in)
				}
				deliver(up, tt.up)
			}
			allocs := testing.AllocsPerRun(1000, run)
			if allocs != 0 {
				t.Errorf("%v allocations", allocs)
			}
			if client.got < runs*tt.downN || up.got < runs*tt.upN {
				t.Errorf("%d runs gave the client %d bytes, the endpoint %d", runs, client.got, up.got)
			}
			f.worker.Cut()
		})
	}
}
