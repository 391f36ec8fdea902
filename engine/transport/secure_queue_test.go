package transport_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"strings"
	"syscall"
	"testing"

	"weir/engine/tlsconn"
	"weir/engine/tlstest"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
)

// counted is a link that counts the calls that write.
type counted struct {
	*transporttest.Link
	writes int
}

func (l *counted) Write(segments [][]byte) (int, syscall.Errno) {
	l.writes++
	return l.Link.Write(segments)
}

// Small parts share a record, and all records of a write share a system call, also where
// crypto/tls makes them small at first.
func TestRecordsOfAWrite(t *testing.T) {
	parts := func(sizes ...int) (list [][]byte) {
		for i, n := range sizes {
			list = append(list, bytes.Repeat([]byte{byte('a' + i)}, n))
		}
		return list
	}
	for _, tt := range []struct {
		name    string
		parts   [][]byte
		dynamic bool
		records int // 0: more than one
	}{
		{"a small write", parts(100), false, 1},
		{"a full record", parts(16 << 10), false, 1},
		{"a byte more", parts(16<<10 + 1), false, 2},
		{"64 KiB", parts(64 << 10), false, 4},
		{"256 KiB", parts(256 << 10), false, 16},
		{"head and body", parts(300, 2000), false, 1},
		{"a chunk", parts(6, 1000, 2), false, 1},
		{"an empty part", parts(6, 0, 2), false, 1},
		{"as much as a record holds", parts(300, 16<<10-300), false, 1},
		{"head and large body", parts(300, 64<<10), false, 5},
		{"nothing", parts(0, 0, 0), false, -1},
		{"small records", parts(16 << 10), true, 0},
		{"64 KiB in small records", parts(64 << 10), true, 0},
		{"head and body in small records", parts(300, 9000), true, 0},
	} {
		s, c := tlsConfigs()
		s = changed(s, func(c *tls.Config) { c.DynamicRecordSizingDisabled = !tt.dynamic })
		var link *counted
		m := asServer(t, s, c, func(l *transporttest.Link) transport.Link { link = &counted{Link: l}; return link })
		m.peer.talk()
		m.requireOpen(t)
		link.writes = 0
		if len(tt.parts) == 1 {
			m.conn.Write(tt.parts[0])
		} else {
			m.conn.WriteParts(tt.parts...)
		}
		m.peer.talk()
		want := string(bytes.Join(tt.parts, nil))
		wantWrites := min(1, len(want))
		if string(m.peer.plain) != want || link.writes != wantWrites || m.conn.BytesOut() != int64(len(want)) {
			t.Errorf("%s: %d of %d bytes by %d writes, %d counted", tt.name, len(m.peer.plain), len(want), link.writes, m.conn.BytesOut())
		}
		if tt.records > 0 && m.peer.records != tt.records || tt.records == 0 && m.peer.records < 3 || tt.records < 0 && m.peer.records > 0 {
			t.Errorf("%s: %d records, want %d", tt.name, m.peer.records, tt.records)
		}
		m.end(t)
	}
}

// Two connections of a loop write in turn: what is gathered for one is not the other's.
func TestWritesOfTwoConnections(t *testing.T) {
	n := meet(t, true)
	other := &meeting{n: n.n, conn: &transport.Conn{}, link: n.n.Client(), own: newReader()}
	s, c := tlsConfigs()
	other.conn.AttachLink(n.n.Loop, other.link, other.own, true)
	other.peer = &peer{t: t, link: other.link, tls: tlsconn.Client(c)}
	other.own.paused = true
	other.peer.talk()
	data, _, _ := other.conn.Read()
	other.conn.Unread(data)
	other.conn.SecureServer(s, transport.Light)
	other.own.paused = false
	other.peer.talk()
	for i := range 10 {
		n.conn.Write(bytes.Repeat([]byte("a"), 9_000*i))
		other.conn.WriteParts(bytes.Repeat([]byte("b"), 9_000*i), []byte("b"))
		n.peer.talk()
		other.peer.talk()
	}
	if a, b := string(n.peer.plain), string(other.peer.plain); strings.Trim(a, "a") != "" || strings.Trim(b, "b") != "" || len(a) != 405_000 || len(b) != 405_010 {
		t.Errorf("%d and %d bytes; %v, %v", len(a), len(b), n.peer.err, other.peer.err)
	}
	other.conn.Close()
	n.end(t)
}

// What comes before TLS goes before the ClientHello, as it is.
func TestPreface(t *testing.T) {
	s, c := tlsConfigs()
	m := asClient(t, s, c)
	const preface = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
	m.conn.Preface([]byte(preface))
	m.link.Connect()
	got := m.link.Received()
	rest, found := strings.CutPrefix(got, preface)
	if !found || !strings.HasPrefix(rest, "\x16\x03\x01") {
		t.Fatalf("%.60q", got)
	}
	m.link.Take()
	m.peer.feed([]byte(rest))
	m.peer.talk()
	m.requireOpen(t)
	m.conn.Write([]byte("hello"))
	m.peer.talk()
	if string(m.peer.plain) != "hello" || m.conn.BytesOut() != 5 {
		t.Errorf("%q, %d bytes out", m.peer.plain, m.conn.BytesOut())
	}
	m.end(t)
}

// A large amount behind the client's last flight, all in one segment: what the handshake
// did not take is not lost.
func TestMuchDataBehindTheLastFlight(t *testing.T) {
	s, c := tlsConfigs()
	for _, size := range []int{1, 16 << 10, 100_000, 300_000} {
		m := asServer(t, s, c, nil)
		m.peer.hold = true
		m.peer.talk()
		data := strings.Repeat("0123456789", size/10+1)[:size]
		m.peer.write(data)
		m.link.Send(string(m.peer.out))
		for m.conn.Readable() {
			m.own.read(m.conn)
		}
		if string(m.own.in) != data {
			t.Errorf("%d of %d bytes: %v", len(m.own.in), size, m.conn.TLSErr())
		}
		m.end(t)
	}
}

// A ClientHello of several records is longer than what else goes into one step.
func TestLongClientHello(t *testing.T) {
	s, c := tlsConfigs()
	c = changed(c, func(c *tls.Config) {
		for i := range 200 {
			c.NextProtos = append(c.NextProtos, strings.Repeat(string(rune('a'+i%26)), 150))
		}
	})
	m := asServer(t, s, c, nil)
	if got := m.peer.link.Unread(); got != 0 {
		t.Fatalf("%d bytes were not read", got)
	}
	m.peer.talk()
	m.requireOpen(t)
	m.peer.write("data")
	if string(m.own.in) != "data" || m.conn.BytesIn() != 4 {
		t.Errorf("%q, %d bytes in", m.own.in, m.conn.BytesIn())
	}
	m.end(t)
}

// byHand gives a server whose client's records are made by hand.
func byHand(t *testing.T) (*meeting, *tlstest.Records) {
	t.Helper()
	s, c := tlsConfigs()
	var log bytes.Buffer
	m := asServer(t, s, changed(c, func(c *tls.Config) { c.KeyLogWriter = &log }), nil)
	m.peer.talk()
	m.requireOpen(t)
	return m, tlstest.NewRecords(t, &log, 0)
}

// A peer that asks for key updates is answered; one that reads no answer is cut off
// before the answers take much memory.
func TestKeyUpdateFlood(t *testing.T) {
	for _, reads := range []bool{true, false} {
		m, records := byHand(t)
		if !reads {
			m.link.SetWindow(0)
		}
		most, n := 0, 0
		for ; n < 2000 && m.conn.TLSErr() == nil; n++ {
			m.link.Send(string(records.KeyUpdate(true)), string(records.Seal(tlstest.RecordApplication, []byte("x"))))
			most = max(most, m.conn.Pending())
		}
		if reads {
			if m.conn.TLSErr() != nil || n != 2000 || len(m.own.in) != 2000 {
				t.Errorf("a peer that reads: %v behind %d updates, %d bytes", m.conn.TLSErr(), n, len(m.own.in))
			}
		} else if !errors.Is(m.conn.TLSErr(), transport.ErrUnheard) || !m.conn.Failed() || most > 20<<10 {
			t.Errorf("a peer that does not: %v behind %d updates, %d bytes queued", m.conn.TLSErr(), n, most)
		}
		m.end(t)
	}
}

// Behind our close_notify nothing may follow, also not the answer to a key update: it
// would meet a closed direction, and break the one that is still open.
func TestKeyUpdateBehindOurEnd(t *testing.T) {
	for _, waits := range []bool{false, true} {
		m, records := byHand(t)
		if waits {
			m.link.SetWindow(0)
		}
		m.conn.CloseWrite()
		m.link.Send(string(records.KeyUpdate(true)), string(records.Seal(tlstest.RecordApplication, []byte("more"))))
		m.link.SetWindow(transporttest.Unlimited)
		if m.conn.Err() != 0 || string(m.own.in) != "more" || !m.link.GotFIN() {
			t.Errorf("%v, %q, FIN %v", m.conn.Err(), m.own.in, m.link.GotFIN())
		}
		m.peer.talk()
		if !tlsconn.IsCloseNotify(m.peer.err) || m.peer.records != 1 {
			t.Errorf("the peer reads %v in %d records", m.peer.err, m.peer.records)
		}
		m.end(t)
	}
}

// CloseWrite during the handshake waits for its end.
func TestCloseWriteDuringTheHandshake(t *testing.T) {
	s, c := tlsConfigs()
	for _, connected := range []bool{true, false} {
		m := asClient(t, s, c)
		if connected {
			m.link.Connect()
		}
		m.conn.CloseWrite()
		if m.link.GotFIN() {
			t.Fatal("FIN in front of the handshake")
		}
		if !connected {
			m.link.Connect()
		}
		m.peer.talk()
		m.requireOpen(t)
		m.peer.write("answer")
		if !tlsconn.IsCloseNotify(m.peer.err) || !m.link.GotFIN() || string(m.own.in) != "answer" {
			t.Errorf("connected %v: the peer reads %v, FIN %v; %q", connected, m.peer.err, m.link.GotFIN(), m.own.in)
		}
		m.end(t)
	}
}

// An endpoint that refuses an upload answers and resets: the failed write must not hide
// the answer, and the end must show.
func TestAnswerIsReadThroughTLSAfterAFailedWrite(t *testing.T) {
	m := meet(t, false)
	m.own.paused = true
	m.peer.write("413 too large")
	m.link.BreakQuietly(syscall.EPIPE)
	m.conn.Write([]byte("more of the upload"))
	m.own.paused = false
	if m.conn.Failed() || !m.conn.Readable() {
		t.Fatalf("failed %v, readable %v", m.conn.Failed(), m.conn.Readable())
	}
	m.own.read(m.conn)
	if string(m.own.in) != "413 too large" || m.own.result != transport.ReadFailed || !m.conn.Failed() || m.conn.Err() != syscall.EPIPE {
		t.Errorf("%q, %v, failed %v, %v", m.own.in, m.own.result, m.conn.Failed(), m.conn.Err())
	}
	m.end(t)
}

// Bytes that were handed back come again, in front of what is decrypted next.
func TestUnreadThroughTLS(t *testing.T) {
	m := meet(t, true)
	m.own.paused = true
	m.peer.write("0123456789")
	data, fresh, _ := m.conn.Read()
	if string(data) != "0123456789" || fresh != 10 {
		t.Fatalf("%q, %d", data, fresh)
	}
	m.conn.Unread(data[4:])
	m.peer.write("abc")
	if data, fresh, r := m.conn.Read(); string(data) != "456789abc" || fresh != 3 || r != transport.ReadData {
		t.Errorf("%q, %d, %v", data, fresh, r)
	}
	if data, fresh, r := m.conn.Read(); len(data)+fresh > 0 || r != transport.ReadAgain || m.conn.Readable() {
		t.Errorf("then %q, %v, readable %v", data, r, m.conn.Readable())
	}
	m.end(t)
}

// An idle connection holds no buffer, and one that waits for the rest of a record holds
// that much.
func TestIdleTLSHoldsNoBuffer(t *testing.T) {
	m := meet(t, true)
	m.peer.write("message")
	if got := m.n.Loop.Pool.Stats(); got.Buffers != 0 {
		t.Errorf("idle: %+v", got)
	}
	m.hold("message", false)
	m.link.Send(string(m.peer.out[:10]))
	if got := m.n.Loop.Pool.Stats(); got.Buffers != 1 || got.Bytes > 256 {
		t.Errorf("a part of a record: %+v", got)
	}
	m.end(t)
}
