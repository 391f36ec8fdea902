package transport_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"weir/engine/tlsconn"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
)

// Either role, either version, in segments of any size: data both ways, and an orderly
// end of both directions.
func TestTLSInEverySegmentation(t *testing.T) {
	s, base := tlsConfigs()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := changed(base, func(c *tls.Config) { c.MaxVersion = version })
		for _, server := range []bool{true, false} {
			for _, size := range []int{1, 2, 7, 1000, 0} {
				t.Run(fmt.Sprintf("%s/server=%v/%d", tlsconn.VersionName(version), server, size), func(t *testing.T) {
					var m *meeting
					if server {
						m = asServer(t, s, c, nil)
					} else {
						m = asClient(t, s, c)
						m.link.Connect()
					}
					m.peer.segment = size
					m.peer.talk()
					m.requireOpen(t)
					if i := m.conn.TLSInfo(); i.Version != version {
						t.Errorf("version %x", i.Version)
					}
					useBothWays(t, m)
				})
			}
		}
	}
}

func useBothWays(t *testing.T, m *meeting) {
	t.Helper()
	var sent, got string
	for _, amount := range []int{1, 125, 40_000} {
		data := strings.Repeat("0123456789", amount)[:amount]
		sent += data
		m.conn.Write([]byte(data))
		m.peer.talk()
		got += data
		m.peer.write(data)
	}
	if string(m.peer.plain) != sent || string(m.own.in) != got {
		t.Fatalf("%d of %d bytes went, %d of %d came", len(m.peer.plain), len(sent), len(m.own.in), len(got))
	}
	if in, out := m.conn.BytesIn(), m.conn.BytesOut(); in != int64(len(got)) || out != int64(len(sent)) {
		t.Errorf("%d in, %d out", in, out)
	}
	m.peer.closeNotify()
	if m.own.result != transport.ReadEnd || m.conn.Truncated() || !m.conn.ReadEnded() {
		t.Errorf("behind close_notify: %v, truncated %v", m.own.result, m.conn.Truncated())
	}
	m.conn.Write([]byte("still"))
	m.conn.CloseWrite()
	m.peer.talk()
	if !tlsconn.IsCloseNotify(m.peer.err) || !strings.HasSuffix(string(m.peer.plain), "still") || !m.link.GotFIN() {
		t.Errorf("the peer reads %v, FIN %v", m.peer.err, m.link.GotFIN())
	}
	m.end(t)
}

// A peer that does not read: ciphertext waits in the queue, goes out by Flush, and
// close_notify and FIN behind it.
func TestTLSBackPressure(t *testing.T) {
	m := meet(t, true)
	m.link.SetWindow(100)
	data := strings.Repeat("x", 50_000)
	m.conn.Write([]byte(data))
	m.conn.CloseWrite()
	if m.conn.Pending() < len(data)-100 || m.link.GotFIN() || m.conn.WriteEnded() {
		t.Fatalf("%d pending, FIN %v", m.conn.Pending(), m.link.GotFIN())
	}
	m.conn.Write([]byte("behind the end"))
	for range 100 {
		m.link.SetWindow(999)
		m.peer.talk()
	}
	if m.conn.Pending() != 0 || string(m.peer.plain) != data || !tlsconn.IsCloseNotify(m.peer.err) || !m.link.GotFIN() {
		t.Errorf("%d pending, %d bytes, %v, FIN %v", m.conn.Pending(), len(m.peer.plain), m.peer.err, m.link.GotFIN())
	}
	m.end(t)
}

// How our end shows: close_notify says that it is the end, and what is to look like a
// cut has none.
func TestHowTLSEnds(t *testing.T) {
	for _, tt := range []struct {
		name     string
		end      func(m *meeting)
		notified bool
		fin, rst bool
	}{
		{"Close", func(m *meeting) { m.conn.Close() }, true, true, false},
		{"CloseWrite", func(m *meeting) { m.conn.CloseWrite() }, true, true, false},
		{"CloseWrite twice, Close", func(m *meeting) { m.conn.CloseWrite(); m.conn.CloseWrite(); m.conn.Close() }, true, true, false},
		{"CutWrite", func(m *meeting) { m.conn.CutWrite() }, false, true, false},
		{"CutWrite, CloseWrite, Close", func(m *meeting) { m.conn.CutWrite(); m.conn.CloseWrite(); m.conn.Close() }, false, true, false},
		{"Reset", func(m *meeting) { m.conn.Reset() }, false, false, true},
		{"Close of what waits", func(m *meeting) { m.link.SetWindow(10); m.conn.Write([]byte("waits")); m.conn.Close() }, false, true, false},
	} {
		for _, server := range []bool{true, false} {
			m := meet(t, server)
			tt.end(m)
			m.peer.talk()
			if got := tlsconn.IsCloseNotify(m.peer.err); got != tt.notified || m.link.GotFIN() != tt.fin || m.link.GotRST() != tt.rst {
				t.Errorf("%s, server %v: close_notify %v (%v), FIN %v, RST %v", tt.name, server, got, m.peer.err, m.link.GotFIN(), m.link.GotRST())
			}
			if m.conn.Closed() {
				if data, _, r := m.conn.Read(); len(data) > 0 || r != transport.ReadAgain {
					t.Errorf("%s: a closed connection reads %q, %v", tt.name, data, r)
				}
			}
			m.end(t)
		}
	}
}

// How the peer's end shows. All of it comes in one segment with one event.
func TestHowThePeersTLSEnds(t *testing.T) {
	for _, tt := range []struct {
		name      string
		end       func(m *meeting)
		in        string
		result    transport.Result
		truncated bool
	}{
		{"data, close_notify, FIN", func(m *meeting) { m.hold("data", true); m.link.SendShut(string(m.peer.out)) }, "data", transport.ReadEnd, false},
		{"close_notify, FIN", func(m *meeting) { m.hold("", true); m.link.SendShut(string(m.peer.out)) }, "", transport.ReadEnd, false},
		{"close_notify", func(m *meeting) { m.hold("", true); m.link.Send(string(m.peer.out)) }, "", transport.ReadEnd, false},
		{"data, FIN", func(m *meeting) { m.hold("data", false); m.link.SendShut(string(m.peer.out)) }, "data", transport.ReadEnd, true},
		{"FIN", func(m *meeting) { m.link.Shut() }, "", transport.ReadEnd, true},
		{"a part of a record, FIN", func(m *meeting) {
			m.hold("data", false)
			m.link.SendShut(string(m.peer.out[:len(m.peer.out)-1]))
		}, "", transport.ReadEnd, true},
		{"data, a part of a header, FIN", func(m *meeting) { m.hold("data", false); m.link.SendShut(string(m.peer.out) + "\x17\x03") }, "data", transport.ReadEnd, true},
		{"data, RST", func(m *meeting) { m.hold("data", false); m.link.SendQuietly(string(m.peer.out)); m.link.ResetByPeer() }, "data", transport.ReadFailed, false},
		{"RST", func(m *meeting) { m.link.ResetByPeer() }, "", transport.ReadFailed, false},
		{"a part of a record, RST", func(m *meeting) {
			m.hold("data", false)
			m.link.SendQuietly(string(m.peer.out[:9]))
			m.link.ResetByPeer()
		}, "", transport.ReadFailed, false},
	} {
		for _, server := range []bool{true, false} {
			m := meet(t, server)
			tt.end(m)
			if string(m.own.in) != tt.in || m.own.result != tt.result || m.conn.Truncated() != tt.truncated || m.conn.Readable() {
				t.Errorf("%s, server %v: %q, %v, truncated %v, readable %v", tt.name, server, m.own.in, m.own.result, m.conn.Truncated(), m.conn.Readable())
			}
			if (tt.result == transport.ReadFailed) != (m.conn.Err() == syscall.ECONNRESET) || m.conn.TLSErr() != nil {
				t.Errorf("%s: %v, %v", tt.name, m.conn.Err(), m.conn.TLSErr())
			}
			m.end(t)
		}
	}
}

// hold has the peer make its records, and not send them.
func (m *meeting) hold(data string, end bool) {
	m.peer.hold = true
	if data != "" {
		m.peer.write(data)
	}
	if end {
		m.peer.closeNotify()
	}
}

// A handshake that is broken off, at any byte of it and in any way, fails, and leaves
// nothing behind.
func TestHandshakeBrokenOff(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(l *transporttest.Link, last string)
		want error
	}{
		{"FIN", func(l *transporttest.Link, last string) { l.SendShut(last) }, io.ErrUnexpectedEOF},
		{"RST", func(l *transporttest.Link, last string) { l.SendQuietly(last); l.ResetByPeer() }, syscall.ECONNRESET},
	} {
		for _, server := range []bool{true, false} {
			s, c := tlsConfigs()
			for cut, size := 0, 1; cut < size; cut += 9 {
				var m *meeting
				if server {
					m = asServer(t, s, c, nil)
				} else {
					m = asClient(t, s, c)
					m.link.Connect()
				}
				m.peer.hold = true
				m.peer.talk()
				size = len(m.peer.out) // signatures differ in length
				if cut >= size {
					m.end(t)
					break
				}
				tt.end(m.link, string(m.peer.out[:cut]))
				if m.conn.Connecting() || !m.conn.Failed() || !errors.Is(m.conn.TLSErr(), tt.want) || m.own.calls == 0 {
					t.Fatalf("%s behind %d of %d bytes, server %v: connecting %v, failed %v, %v, %d calls", tt.name, cut, size, server, m.conn.Connecting(), m.conn.Failed(), m.conn.TLSErr(), m.own.calls)
				}
				m.end(t)
			}
		}
	}
}

// A handshake that fails tells the peer why, and the end behind it is a FIN, whatever
// the owner asks for: a reset could destroy the alert.
func TestFailedHandshakeTellsThePeer(t *testing.T) {
	s, c := tlsConfigs()
	for _, tt := range []struct {
		name string
		make func() *meeting
	}{
		{"server", func() *meeting {
			return asServer(t, changed(s, func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }), changed(c, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), nil)
		}},
		{"client", func() *meeting {
			m := asClient(t, s, changed(c, func(c *tls.Config) { c.ServerName = "another.test" }))
			m.link.Connect()
			return m
		}},
	} {
		m := tt.make()
		m.peer.talk()
		if m.conn.Connecting() || !m.conn.Failed() || m.conn.TLSErr() == nil || m.conn.Err() != syscall.EPROTO {
			t.Errorf("%s: connecting %v, failed %v, %v", tt.name, m.conn.Connecting(), m.conn.Failed(), m.conn.TLSErr())
		}
		m.link.SendQuietly("more, which nobody has read")
		m.conn.Reset()
		m.peer.talk()
		var remote *net.OpError
		if !errors.As(m.peer.err, &remote) || remote.Op != "remote error" {
			t.Errorf("%s: the peer reads %v", tt.name, m.peer.err)
		}
		if m.link.GotRST() || !m.link.GotFIN() || m.link.Unread() > 0 {
			t.Errorf("%s: RST %v, FIN %v, %d bytes unread", tt.name, m.link.GotRST(), m.link.GotFIN(), m.link.Unread())
		}
		requireQuiet(t, m.n)
	}
}

// What is no TLS is known by its first bytes, and not after a deadline.
func TestUpstreamSpeaksNoTLS(t *testing.T) {
	s, c := tlsConfigs()
	for _, text := range []string{"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-none\r\n", "220 mail.test\r\n"} {
		m := asClient(t, s, c)
		m.link.Connect()
		m.link.Send(text)
		var header tls.RecordHeaderError
		if m.conn.Connecting() || !m.conn.Failed() || !errors.As(m.conn.TLSErr(), &header) {
			t.Errorf("%q: connecting %v, failed %v, %v", text, m.conn.Connecting(), m.conn.Failed(), m.conn.TLSErr())
		}
		m.end(t)
	}
}

// A broken record ends an open connection, behind the data before it, with an alert.
func TestBrokenRecord(t *testing.T) {
	m := meet(t, true)
	m.hold("good", false)
	good := len(m.peer.out)
	m.hold("bad", false)
	m.peer.out[good+7] ^= 1
	m.peer.hold = false
	m.peer.talk()
	if string(m.own.in) != "good" || m.own.result != transport.ReadFailed && !m.conn.Failed() || m.conn.TLSErr() == nil {
		t.Errorf("%q, %v, %v", m.own.in, m.own.result, m.conn.TLSErr())
	}
	if m.peer.err == nil || !strings.Contains(m.peer.err.Error(), "bad record MAC") {
		t.Errorf("the peer reads %v", m.peer.err)
	}
	m.end(t)
}

// A connect that fails is no failure of TLS.
func TestRefusedConnectUnderTLS(t *testing.T) {
	s, c := tlsConfigs()
	m := asClient(t, s, c)
	if !m.conn.Connecting() {
		t.Error("not connecting")
	}
	m.link.Refuse(syscall.ECONNREFUSED)
	if m.conn.Connecting() || !m.conn.Failed() || m.conn.Err() != syscall.ECONNREFUSED || m.conn.TLSErr() != nil || m.own.calls != 1 {
		t.Errorf("connecting %v, failed %v, %v, %v, %d calls", m.conn.Connecting(), m.conn.Failed(), m.conn.Err(), m.conn.TLSErr(), m.own.calls)
	}
	m.end(t)
}

// A close at any point of a handshake leaves nothing, and says nothing of TLS.
func TestCloseDuringTheHandshake(t *testing.T) {
	s, c := tlsConfigs()
	for _, connected := range []bool{false, true} {
		m := asClient(t, s, c)
		if connected {
			m.link.Connect()
		}
		had := len(m.link.Received())
		m.conn.Close()
		if m.conn.Connecting() || len(m.link.Received()) != had {
			t.Errorf("connecting %v, %d bytes more", m.conn.Connecting(), len(m.link.Received())-had)
		}
		m.end(t)
	}
}
