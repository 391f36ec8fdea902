package tlsconn

import (
	"bytes"
	"crypto/tls"
	"sync"
	"testing"

	"weir/engine/tlstest"
)

// configs are those of two ends that trust each other, made once.
var configs = sync.OnceValues(func() (server, client *tls.Config) {
	t := &testing.T{} // it outlives the test that comes first
	authority := tlstest.New(t)
	leaf := authority.Issue([]string{"weir.test"})
	server = &tls.Config{
		Certificates:           []tls.Certificate{leaf.Pair(t)},
		CurvePreferences:       []tls.CurveID{tls.X25519},
		SessionTicketsDisabled: true,
	}
	client = &tls.Config{RootCAs: authority.Pool(), ServerName: "weir.test", DynamicRecordSizingDisabled: true}
	return server, client
})

// peers are two ends of a version that have not met yet.
func peers(version uint16) (server, client *end) {
	s, c := configs()
	c = c.Clone()
	c.MaxVersion = version
	return &end{c: Server(s)}, &end{c: Client(c)}
}

// end is a connection as its owner has it: bytes that are not whole records wait, what
// is decrypted is gathered.
type end struct {
	c       *Conn
	pending []byte
	out     []byte
	plain   []byte
	opened  bool
	err     error
	copied  bool // records of an open connection are copied, not lent
	raw     bool // a handshake is fed what comes, not whole records
}

func (e *end) Ciphertext(b []byte) { e.out = append(e.out, b...) }

func (e *end) feed(b []byte) {
	e.pending = append(e.pending, b...)
	if !e.opened {
		n := len(e.pending)
		if !e.raw {
			n = Whole(e.pending)
		}
		e.step(bytes.Clone(e.pending[:n]))
		if !e.opened {
			e.pending = e.pending[n:]
			return
		}
		e.pending = append(e.c.Finish(), e.pending[n:]...)
	}
	if n := Whole(e.pending); n > 0 && e.err == nil {
		records := bytes.Clone(e.pending[:n])
		e.pending = bytes.Clone(e.pending[n:])
		e.open(records)
	}
}

func (e *end) step(b []byte) {
	state := e.c.Step(b)
	clear(b) // it was borrowed
	e.out = append(e.out, e.c.Output()...)
	switch state {
	case Open:
		e.opened = true
	case Failed:
		e.err = e.c.Err()
	}
}

func (e *end) open(records []byte) {
	var n int
	if e.copied {
		e.c.mem.out = e
		p := make([]byte, len(records))
		n, e.err = e.c.openCopied(p, records)
		records = p
		e.c.mem.out = nil
	} else {
		n, e.err = e.c.Open(records, records, e)
	}
	e.plain = append(e.plain, records[:n]...)
	for i := range records {
		records[i] = 0xee // whoever still reads from it gets garbage
	}
}

func (e *end) take() []byte {
	b := e.out
	e.out = nil
	return b
}

// meet runs the handshake, and whatever waits, in segments of at most size bytes.
func meet(t testing.TB, server, client *end, size int) {
	t.Helper()
	if !client.opened && client.c.state() == Handshaking && client.c.hs.in == nil {
		client.step(nil)
	}
	for len(server.out)+len(client.out) > 0 {
		for _, from := range []*end{client, server} {
			to := server
			if from == server {
				to = client
			}
			for b := from.take(); len(b) > 0; b = b[min(size, len(b)):] {
				to.feed(b[:min(size, len(b))])
			}
		}
	}
}

// open gives two ends that are connected.
func open(t testing.TB, version uint16) (server, client *end) {
	t.Helper()
	server, client = peers(version)
	meet(t, server, client, 1<<20)
	if !server.opened || !client.opened {
		t.Fatalf("the handshake did not end: %v, %v", server.err, client.err)
	}
	return server, client
}

func (e *end) seal(t testing.TB, p []byte) {
	t.Helper()
	if err := e.c.Seal(p, e); err != nil {
		t.Fatal(err)
	}
}

var versions = []uint16{tls.VersionTLS12, tls.VersionTLS13}
