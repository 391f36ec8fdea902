package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

// hostileEdges are listeners that look at first bytes, each with a first byte that is
// not enough, and the fault of staying at it.
func hostileEdges(t *testing.T) []hostileEdge {
	t.Helper()
	ca := tlstest.New(t)
	ends := endingTLS(ca.Issue([]string{"a.test"}))
	proxied := proxyFrom("required", `"127.0.0.1"`)
	return []hostileEdge{
		{"PROXY header", opaqueEdge, proxied, "P", fault.ProxyHeader},
		{"PROXY header v2", opaqueEdge, proxied, "\r", fault.ProxyHeader},
		{"passthrough", passthroughEdge, "", "\x16", fault.HandshakeTimeout},
		{"TLS ended", opaqueEdge, ends, "\x16", fault.HandshakeTimeout},
		{"https", "", ends, "\x16", fault.HandshakeTimeout},
		{"auto, TLS", autoEdge, ends, "\x16\x03", fault.HandshakeTimeout},
		{"auto, HTTP", "protocol = \"auto\"", "", "GE", fault.UnknownProtocol},
	}
}

type hostileEdge struct {
	name, edge, tables, first string
	stays                     fault.Kind
}

// A thousand connections that send a byte and then nothing are bounded while they
// last, start nothing, and are gone after the deadline.
func TestThousandStalledConnections(t *testing.T) {
	const count = 1000
	for _, tt := range hostileEdges(t) {
		t.Run(tt.name, func(t *testing.T) {
			addr, seen := untouched(t)
			w := start(t, "[log]\naccess = \"off\"\n[listeners.edge.timeouts]\nsniff = \"400ms\"\nhandshake = \"400ms\"\n"+tt.tables+mainCluster(addr), tt.edge)
			all := make([]*net.TCPConn, count)
			for i := range all {
				c, err := net.Dial("tcp", w.addr)
				if err != nil {
					t.Fatal(err)
				}
				all[i] = c.(*net.TCPConn)
				defer func() { _ = c.Close() }()
				if _, err := io.WriteString(c, tt.first); err != nil {
					t.Fatal(err)
				}
				if s := w.stats(); s.Buffers > int64(i+1) || s.HandshakesOpen != 0 || s.Connections > int64(i+1) {
					t.Fatalf("after %d connections: %+v", i+1, s)
				}
			}
			w.requireFault(tt.stays, count)
			for _, c := range all { // a refused client is heard out for as long as it stays
				_ = c.Close()
			}
			w.eventually("all are gone", func() bool {
				s := w.stats()
				return s.Sessions == 0 && s.Connections == 0 && s.Buffers == 0 && s.Held == 0
			})
			if n := seen(); n != 0 {
				t.Errorf("%d connections reached the endpoint", n)
			}
		})
	}
}

// A ClientHello without an end is refused at its bound, in records of any size.
func TestEndlessClientHello(t *testing.T) {
	record := func(size int) []byte {
		return append([]byte{22, 3, 1, byte(size >> 8), byte(size)}, bytes.Repeat([]byte{'x'}, size)...)
	}
	begin := []byte{22, 3, 1, 0, 4, 1, 0, 0xf0, 0} // a hello of 60 KiB
	for _, tt := range hostileEdges(t) {
		if tt.first[0] != 22 {
			continue
		}
		for _, size := range []int{1, 100, 16 << 10} {
			t.Run(fmt.Sprintf("%s, records of %d", tt.name, size), func(t *testing.T) {
				addr, seen := untouched(t)
				w := start(t, tt.tables+mainCluster(addr), tt.edge)
				c := w.dial()
				sent := make(chan struct{})
				go func() { // until it is refused: more than any socket holds
					defer close(sent)
					_, err := c.Write(begin)
					for block := bytes.Repeat(record(size), 1+(64<<10)/(size+5)); err == nil; {
						_, err = c.Write(block)
					}
				}()
				alert := make([]byte, 7)
				if _, err := io.ReadFull(c, alert); err != nil || string(alert) != "\x15\x03\x03\x00\x02\x02\x32" {
					t.Errorf("%x, %v; want the alert decode_error", alert, err)
				}
				w.requireFault(fault.MalformedHello, 1)
				if n := w.stats().Buffers; n > 1 {
					t.Errorf("%d buffers are held", n)
				}
				_ = c.Close()
				<-sent
				if seen() != 0 {
					t.Error("it reached the endpoint")
				}
			})
		}
	}
}

// A client that resets, in whatever it was about, leaves nothing.
func TestResetInEachPhase(t *testing.T) {
	ca := tlstest.New(t)
	ends := endingTLS(ca.Issue([]string{"a.test"}))
	hello := string(helloRecord(t, &tls.Config{ServerName: "a.test"}))
	proxied := proxyFrom("required", `"127.0.0.1"`)
	for _, tt := range []struct{ name, edge, tables, say string }{
		{"accepted", passthroughEdge, "", ""},
		{"inside a PROXY header", opaqueEdge, proxied, v1of4[:20]},
		{"behind a PROXY header", passthroughEdge, proxied, v1of4},
		{"inside a ClientHello", passthroughEdge, "", hello[:100]},
		{"inside a ClientHello, to be ended", "", ends, hello[:100]},
		{"inside the handshake", "", ends, hello},
		{"behind a PROXY header, inside the handshake", opaqueEdge, proxied + ends, v2of(announced6) + hello},
		{"inside what could be HTTP", autoEdge, "", "GET"},
		{"connecting", opaqueEdge, "", "hello"},
		{"connecting, passthrough", passthroughEdge, "", hello},
		{"connecting, more said than is held", opaqueEdge, "", string(pattern(1, 300<<10))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, tt.tables+mainCluster(blackhole(t), `timeouts = { connect = "1h" }`), tt.edge)
			c := w.dial()
			if _, err := io.WriteString(c, tt.say); err != nil {
				t.Fatal(err)
			}
			w.eventually("it is there", func() bool { return w.stats().Sessions == 1 })
			if strings.HasPrefix(tt.name, "connecting") {
				w.eventually("the connect is under way", func() bool { return w.stats().Connections == 2 })
			}
			if strings.HasSuffix(tt.name, "the handshake") { // weir's turn is over
				if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
					t.Fatal(err)
				}
			}
			reset(c)
			w.eventually("nothing is left", func() bool {
				s := w.stats()
				return s.Sessions == 0 && s.Connections == 0 && s.Held == 0 && s.Buffers == 0 && s.HandshakesOpen == 0
			})
		})
	}
}

// Whatever prefix of good traffic a client sends, in whatever pieces, and however it
// leaves, nothing is left of it.
func TestAnyPrefixAndAnyEnd(t *testing.T) {
	hello := string(helloRecord(t, &tls.Config{ServerName: "a.test"}))
	request := "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
	back := greeting(t, "main")
	for _, tt := range hostileEdges(t) {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, "[log]\naccess = \"off\"\n[listeners.edge.timeouts]\nsniff = \"20ms\"\nhandshake = \"50ms\"\ntunnel_idle = \"100ms\"\nrequest_head = \"50ms\"\nkeep_alive_idle = \"50ms\"\n"+
				tt.tables+mainCluster(back)+"[[routes]]\ncluster = \"main\"\n", tt.edge)
			const count = 150
			random := rand.New(rand.NewPCG(1, 2))
			for range count {
				text := [...]string{"", v1of4, v2of(announced6), v2Local()}[random.IntN(4)] + [...]string{"", hello, request}[random.IntN(3)]
				text = text[:random.IntN(len(text)+1)]
				c, err := net.Dial("tcp", w.addr)
				if err != nil {
					t.Fatal(err)
				}
				cut := random.IntN(len(text) + 1)
				_, _ = io.WriteString(c, text[:cut])
				_, _ = io.WriteString(c, text[cut:])
				switch random.IntN(4) {
				case 0:
					reset(c.(*net.TCPConn))
				case 1:
					_ = c.(*net.TCPConn).CloseWrite()
					defer func() { _ = c.Close() }()
				case 2:
					_ = c.Close()
				default: // it stays
					defer func() { _ = c.Close() }()
				}
			}
			w.eventually("all were seen, and those that stay hold nothing", func() bool {
				s := w.stats()
				return s.Accepted == count && s.Buffers == 0 && s.Active == 0 && s.TunnelsOpen == 0 && s.HandshakesOpen == 0
			})
		})
	}
}
