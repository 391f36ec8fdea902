package tlsconn

import (
	"crypto/tls"
	"runtime"
	"testing"
)

// perConnection is the heap that an idle connection holds, once it has moved a full
// record each way. The configurations are shared, as a proxy does.
func perConnection(t *testing.T, side func(server, client *end) *end, copied bool) int64 {
	t.Helper()
	const count = 500
	kept := make([]*Conn, count)
	message := pattern(16 << 10)
	s, c := configs()
	open(t, tls.VersionTLS13) // what is made once
	before := heap()
	for i := range kept {
		server, client := &end{c: Server(s), copied: copied}, &end{c: Client(c), copied: copied}
		meet(t, server, client, 1<<20)
		server.seal(t, message)
		client.seal(t, message)
		meet(t, server, client, 1<<20)
		if len(server.plain) != len(message) || len(client.plain) != len(message) {
			t.Fatal(server.err, client.err)
		}
		kept[i] = side(server, client).c
	}
	bytes := (heap() - before) / count
	runtime.KeepAlive(kept)
	return bytes
}

func heap() int64 {
	var m runtime.MemStats
	for range 3 { // pools let go at the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// An idle connection holds its keys and little else. Without lending it keeps what its
// largest record was read into, 18 KiB (here the server sends smaller ones at first).
func TestIdleConnectionIsSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector changes the sizes")
	}
	for _, tt := range []struct {
		name   string
		side   func(server, client *end) *end
		lent   int64 // at most
		copied int64 // at least
	}{
		{"server", func(s, _ *end) *end { return s }, 4500, 18 << 10},
		{"client", func(_, c *end) *end { return c }, 4500, 10 << 10},
	} {
		lent := perConnection(t, tt.side, false)
		if !withoutLending(func() {
			copied := perConnection(t, tt.side, true)
			t.Logf("%s: %d bytes lent, %d copied", tt.name, lent, copied)
			if lent > tt.lent || copied < tt.copied {
				t.Errorf("%s: %d bytes, want at most %d; %d copied, want at least %d", tt.name, lent, tt.lent, copied, tt.copied)
			}
		}) {
			t.Fatal("records are not lent")
		}
	}
}

// What the handshake needed is let go of when it ends, not when the first data comes.
func TestHandshakeLeavesNoBuffer(t *testing.T) {
	for _, version := range versions {
		server, client := open(t, version)
		for _, e := range []*end{server, client} {
			if raw, messages := rawInput(e.c.tls).Cap(), hand(e.c.tls).Cap(); raw+messages > 0 || e.c.hs != nil || e.c.mem.hs != nil {
				t.Errorf("TLS %s: %d and %d bytes, %v", VersionName(version), raw, messages, e.c.hs)
			}
		}
	}
}

// withoutLending runs fn as if crypto/tls had changed, and reports whether it has not.
func withoutLending(fn func()) (was bool) {
	was = lending
	lending = false
	defer func() { lending = was }()
	fn()
	return was
}
