package e2e

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

// However the ClientHello is cut, into segments or records, with bytes behind it or
// without, the endpoint gets the same bytes that the client sent.
func TestPassthroughLeavesBytesAsTheyAre(t *testing.T) {
	hello := helloRecord(t, &tls.Config{ServerName: "a.test", NextProtos: []string{"h2", "http/1.1"}})
	large := helloRecord(t, &tls.Config{ServerName: "a.test", NextProtos: manyProtocols()})
	tests := []struct {
		name   string
		bytes  []byte
		slowly bool
	}{
		{"whole", hello, false},
		{"in segments of a byte", hello, true},
		{"in records of 100 bytes", recut(hello, 100), false},
		{"in records of 4 bytes, in segments of a byte", recut(hello, 4), true},
		{"with early data behind it", append(bytes.Clone(hello), pattern(1, 100<<10)...), false},
		{"14 KiB", large, false},
		{"14 KiB in records of 64 bytes", recut(large, 64), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr, got := captured(t, len(tt.bytes))
			w := start(t, "[[listeners.edge.forward]]\nserver_names = [\"a.test\"]\ncluster = \"main\"\n"+mainCluster(addr), passthroughOnly)
			c := w.dial()
			if tt.slowly {
				sendSlowly(t, c, tt.bytes)
			} else if _, err := c.Write(tt.bytes); err != nil {
				t.Fatal(err)
			}
			if data := receive(t, got); !bytes.Equal(data, tt.bytes) {
				t.Errorf("%d bytes arrived, which are not the %d that were sent", len(data), len(tt.bytes))
			}
		})
	}
}

// manyProtocols are 14 KiB of names.
func manyProtocols() (list []string) {
	for i := range 60 {
		list = append(list, strings.Repeat(string(rune('a'+i%26)), 200+i%40))
	}
	return list
}

// What is no ClientHello is refused at once, and does not reach an endpoint.
func TestPassthroughRefusesWhatIsNoClientHello(t *testing.T) {
	hello := helloRecord(t, &tls.Config{ServerName: "a.test"})
	edit := func(at int, with byte) string {
		b := bytes.Clone(hello)
		b[at] = with
		return string(b)
	}
	tests := []struct {
		name, in string
		fault    fault.Kind
		alert    byte
	}{
		{"plain HTTP", "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", fault.NotTLS, 10},
		{"garbage", "\x00\x01\x02\x03garbage", fault.NotTLS, 10},
		{"SSH", "SSH-2.0-OpenSSH_9.6\r\n", fault.NotTLS, 10},
		{"SSL 2", "\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10", fault.NotTLS, 10},
		{"application data first", "\x17\x03\x03\x00\x05hello", fault.NotTLS, 10},
		{"a record without content", "\x16\x03\x01\x00\x00", fault.MalformedHello, 50},
		{"a record that is too long", "\x16\x03\x01\xff\xff", fault.MalformedHello, 50},
		{"a ServerHello", edit(5, 2), fault.MalformedHello, 50},
		{"a hello of 16 MiB", "\x16\x03\x01\x40\x00\x01\xff\xff\xff", fault.MalformedHello, 50},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr, seen := untouched(t)
			w := start(t, mainCluster(addr), passthroughEdge)
			want := "\x15\x03\x03\x00\x02\x02" + string(rune(tt.alert))
			if got := w.raw(tt.in); got != want {
				t.Errorf("got %x, want the alert %d", got, tt.alert)
			}
			line := w.opaqueLines(1)[0]
			if line.Kind != "refused" || line.Fault != tt.fault.String() || line.ClosedBy != "weir" || seen() != 0 {
				t.Errorf("log line %+v; %d connections reached the endpoint", line, seen())
			}
		})
	}
}

// A ClientHello that is never whole ends by the deadline of handshakes; a connection
// on which nothing came ends with it too, and is no fault.
func TestPassthroughHelloTimeout(t *testing.T) {
	hello := helloRecord(t, &tls.Config{ServerName: "a.test"})
	addr, seen := untouched(t)
	w := start(t, "[listeners.edge.timeouts]\nhandshake = \"300ms\"\n"+mainCluster(addr), passthroughEdge)
	slow, silent := w.dial(), w.dial()
	if _, err := slow.Write(hello[:len(hello)-1]); err != nil {
		t.Fatal(err)
	}
	requireCut(t, slow)
	requireCut(t, silent)
	if line := w.opaqueLines(1)[0]; line.Fault != "handshake_timeout" || line.Kind != "refused" || line.BytesIn != int64(len(hello)-1) || seen() != 0 {
		t.Errorf("log line %+v; %d connections reached the endpoint", line, seen())
	}
}

// Both ends of a connection that passes through see the other's close_notify, FIN and
// RST.
func TestPassthroughEndsAsItsPeersDo(t *testing.T) {
	ca := tlstest.New(t)
	w := start(t, mainCluster(greetingTLS(t, ca, "a.test")), passthroughEdge)
	requireGreeting(t, w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"}), "a.test")
	c := w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"})
	requireBytes(t, c, []byte("a.test\n"))
	reset(c.NetConn().(*net.TCPConn))
	w.requireFault(fault.TunnelReset, 1)
}
