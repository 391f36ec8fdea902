package transport_test

import (
	"crypto/tls"
	"sync"
	"testing"

	"weir/engine/tlsconn"
	"weir/engine/tlstest"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
)

// tlsConfigs are those of two ends that trust each other, made once.
var tlsConfigs = sync.OnceValues(func() (server, client *tls.Config) {
	t := &testing.T{} // it outlives the test that comes first
	authority := tlstest.New(t)
	leaf := authority.Issue([]string{"weir.test"})
	server = &tls.Config{Certificates: []tls.Certificate{leaf.Pair(t)}, CurvePreferences: []tls.CurveID{tls.X25519}, SessionTicketsDisabled: true, DynamicRecordSizingDisabled: true}
	client = &tls.Config{RootCAs: authority.Pool(), ServerName: "weir.test", DynamicRecordSizingDisabled: true}
	return server, client
})

// changed is a copy of a configuration that differs.
func changed(c *tls.Config, change func(c *tls.Config)) *tls.Config {
	c = c.Clone()
	change(c)
	return c
}

// peer is the other end of a link, which speaks TLS in memory.
type peer struct {
	t    *testing.T
	link *transporttest.Link
	tls  *tlsconn.Conn
	// segment is how many bytes a segment has; 0: all at once.
	segment int
	hold    bool // what it has to send stays in out

	opened  bool
	pending []byte
	out     []byte
	plain   []byte
	records int // of any type, once it is open
	err     error
}

func (p *peer) Ciphertext(b []byte) { p.out = append(p.out, b...) }

// talk goes on until nothing more comes.
func (p *peer) talk() {
	if !p.opened && p.err == nil && len(p.pending) == 0 && p.link.Received() == "" {
		p.step(nil) // a client begins
	}
	p.send()
	for {
		got := p.link.Take()
		if got == "" {
			return
		}
		p.feed([]byte(got))
		p.send()
	}
}

func (p *peer) send() {
	for !p.hold && len(p.out) > 0 {
		n := len(p.out)
		if p.segment > 0 {
			n = min(n, p.segment)
		}
		b := string(p.out[:n])
		p.out = p.out[n:]
		p.link.Send(b)
	}
}

func (p *peer) feed(b []byte) {
	p.pending = append(p.pending, b...)
	if p.err != nil {
		return
	}
	if !p.opened {
		b, p.pending = p.pending, nil
		p.step(b)
		if !p.opened {
			return
		}
		p.pending = p.tls.Finish()
	}
	n := tlsconn.Whole(p.pending)
	for rest := p.pending[:n]; len(rest) > 0; p.records++ {
		rest = rest[min(len(rest), 5+int(rest[3])<<8+int(rest[4])):]
	}
	records := p.pending[:n:n]
	p.pending = append([]byte(nil), p.pending[n:]...)
	if n > 0 {
		n, p.err = p.tls.Open(records, records, p)
		p.plain = append(p.plain, records[:n]...)
	}
}

func (p *peer) step(b []byte) {
	state := p.tls.Step(b)
	p.out = append(p.out, p.tls.Output()...)
	p.opened = state == tlsconn.Open
	if state == tlsconn.Failed {
		p.err = p.tls.Err()
	}
}

// write has the peer send data.
func (p *peer) write(data string) {
	p.t.Helper()
	if err := p.tls.Seal([]byte(data), p); err != nil {
		p.t.Fatal(err)
	}
	p.talk()
}

// closeNotify has it end TLS.
func (p *peer) closeNotify() {
	p.t.Helper()
	if err := p.tls.CloseWrite(p); err != nil {
		p.t.Fatal(err)
	}
	p.talk()
}

// reader is an owner that reads all there is.
type reader struct {
	owner
	in     []byte
	result transport.Result
	paused bool
}

func newReader() *reader {
	r := &reader{}
	r.on = r.read
	return r
}

func (r *reader) read(c *transport.Conn) {
	if c.Closed() || c.Connecting() || r.paused {
		return
	}
	for r.result = transport.ReadData; r.result == transport.ReadData; {
		var data []byte
		data, _, r.result = c.Read()
		r.in = append(r.in, data...)
	}
}

// meeting is a connection on a link and its peer.
type meeting struct {
	n    *transporttest.Net
	conn *transport.Conn
	link *transporttest.Link
	own  *reader
	peer *peer
}

// asServer makes c the server of a client in memory, whose ClientHello has come.
func asServer(t *testing.T, server, client *tls.Config, link func(l *transporttest.Link) transport.Link) *meeting {
	t.Helper()
	n := transporttest.New()
	m := &meeting{n: n, conn: &transport.Conn{}, link: n.Client(), own: newReader()}
	m.own.paused = true
	var carrier transport.Link = m.link
	if link != nil {
		carrier = link(m.link)
	}
	m.conn.AttachLink(n.Loop, carrier, m.own, true)
	m.peer = &peer{t: t, link: m.link, tls: tlsconn.Client(client)}
	t.Cleanup(m.peer.tls.Abort)
	m.peer.talk()
	data, _, _ := m.conn.Read()
	m.conn.Unread(data)
	m.conn.SecureServer(server, transport.Light)
	m.own.paused = false
	return m
}

// asClient dials a server in memory.
func asClient(t *testing.T, server, client *tls.Config) *meeting {
	t.Helper()
	n := transporttest.New()
	m := &meeting{n: n, conn: &transport.Conn{}, own: newReader()}
	if errno := m.conn.Dial(n.Loop, transport.Outgoing{To: somewhere}, m.own); errno != 0 {
		t.Fatal(errno)
	}
	m.conn.SecureClient(client)
	m.link = n.Dialled()
	m.peer = &peer{t: t, link: m.link, tls: tlsconn.Server(server)}
	t.Cleanup(m.peer.tls.Abort)
	return m
}

// meet gives either, connected.
func meet(t *testing.T, server bool) *meeting {
	t.Helper()
	s, c := tlsConfigs()
	var m *meeting
	if server {
		m = asServer(t, s, c, nil)
	} else {
		m = asClient(t, s, c)
		m.link.Connect()
	}
	m.peer.talk()
	m.requireOpen(t)
	return m
}

func (m *meeting) requireOpen(t *testing.T) {
	t.Helper()
	if m.conn.Connecting() || m.conn.Failed() || !m.peer.opened || m.own.calls == 0 {
		t.Fatalf("connecting %v, failed %v (%v); the peer: open %v, %v; %d calls", m.conn.Connecting(), m.conn.Failed(), m.conn.TLSErr(), m.peer.opened, m.peer.err, m.own.calls)
	}
}

// end closes, and requires that nothing is left.
func (m *meeting) end(t *testing.T) {
	t.Helper()
	m.conn.Close()
	requireQuiet(t, m.n)
}
