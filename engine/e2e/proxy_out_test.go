package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"

	"weir/codec/proxyproto"
	"weir/engine/tlstest"
)

// readProxyHeader reads a PROXY header off c, byte by byte, so that what follows stays
// unread. Its TLVs are its own.
func readProxyHeader(c net.Conn) (h proxyproto.Header, err error) {
	var data []byte
	for {
		b := make([]byte, 1)
		if _, err := io.ReadFull(c, b); err != nil {
			return h, err
		}
		data = append(data, b...)
		n, code := proxyproto.Parse(data, &h)
		if code != proxyproto.CodeOK {
			return h, fmt.Errorf("%w: %q", code, data)
		}
		if n > 0 {
			return h, nil
		}
	}
}

// told is a backend that wants a PROXY header, hands it over, and then serves.
func told(t *testing.T, serve func(c *net.TCPConn)) (addr string, headers chan proxyproto.Header) {
	t.Helper()
	headers = make(chan proxyproto.Header, 64)
	return rawBackend(t, func(c *net.TCPConn) {
		h, err := readProxyHeader(c)
		if err != nil {
			t.Errorf("no PROXY header: %v", err)
			return
		}
		headers <- h
		serve(c)
	}), headers
}

// requireAddresses demands that h tells of the client's end of c.
func requireAddresses(t *testing.T, h *proxyproto.Header, version uint8, c net.Conn) {
	t.Helper()
	if h.Version != version || h.Local || h.Source.String() != c.LocalAddr().String() || h.Destination.String() != c.RemoteAddr().String() {
		t.Errorf("header %+v; want version %d, %s to %s", h, version, c.LocalAddr(), c.RemoteAddr())
	}
}

var proxyVersions = map[string]uint8{"v1": 1, "v2": 2}

// tlvsOf lists the TLVs of a header, in order, as "type value"; of one of TLS, the
// version and what the client did.
func tlvsOf(h *proxyproto.Header) (list []string) {
	for kind, value := range proxyproto.All(h.TLVs) {
		var s proxyproto.SSL
		if kind == proxyproto.TypeSSL && proxyproto.ParseSSL(value, &s) {
			version, _ := proxyproto.Find(s.TLVs, proxyproto.SubtypeVersion)
			name, _ := proxyproto.Find(s.TLVs, proxyproto.SubtypeCN)
			list = append(list, fmt.Sprintf("20 %s client %x verify %d %s", version, byte(s.Client), s.Verify, name))
			continue
		}
		list = append(list, fmt.Sprintf("%02x %s", byte(kind), value))
	}
	return list
}

// The endpoint is told the addresses of the client's connection before all else: of a
// tunnel, a request, and TLS in either direction.
func TestProxyHeaderToTheEndpoint(t *testing.T) {
	for _, form := range tcpForms {
		for word, version := range proxyVersions {
			t.Run(form.name+", "+word, func(t *testing.T) {
				ca := tlstest.New(t)
				leaf := ca.Issue([]string{"a.test"})
				backend, headers := told(t, func(tcp *net.TCPConn) {
					var c opaqueConn = tcp
					if form.back {
						c = tls.Server(tcp, &tls.Config{Certificates: []tls.Certificate{leaf.Pair(t)}})
					}
					greet(c, "welcome")
				})
				text := mainCluster(backend, "proxy_protocol = \""+word+"\"")
				if form.front {
					text = endingTLS(leaf) + text
				}
				if form.back {
					text += originatingTLS("main", ca, "a.test")
				}
				w := start(t, text, opaqueEdge)
				raw := w.dial()
				var c opaqueConn = raw
				if form.front {
					c = tls.Client(raw, &tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"})
				}
				requireGreeting(t, c, "welcome")
				h := receive(t, headers)
				if h.Version != version || h.Source.String() != raw.LocalAddr().String() || h.Destination.String() != w.addr {
					t.Errorf("header %+v", h)
				}
				line := w.opaqueLines(1)[0]
				if line.BytesIn != int64(len("there and back")) || line.BytesOut != int64(len("welcome\nthere and back")) {
					t.Errorf("log line %+v: the header is not the client's", line)
				}
			})
		}
	}
}

// TLS that ended at the listener is told of in TLVs: name, protocol, version, and the
// client's certificate.
func TestProxyHeaderTellsOfTLS(t *testing.T) {
	ca := tlstest.New(t)
	leaf, own := ca.Issue([]string{"a.test"}), ca.Issue([]string{"who.test"}, tlstest.Named("alice"))
	backend, headers := told(t, func(c *net.TCPConn) { greet(c, "main") })
	auth := fmt.Sprintf("alpn = [\"mail\", \"news\"]\nclient_auth = \"request\"\nclient_ca = '''%s'''", ca.PEM)
	w := start(t, endingTLS(leaf, auth)+mainCluster(backend, `proxy_protocol = "v2"`), opaqueEdge)
	tests := []struct {
		name string
		cfg  *tls.Config
		want []string
	}{
		{"TLS 1.3", &tls.Config{ServerName: "a.test"}, []string{"20 TLSv1.3 client 1 verify 1 ", "02 a.test"}},
		{"TLS 1.2 and ALPN", &tls.Config{ServerName: "a.test", MaxVersion: tls.VersionTLS12, NextProtos: []string{"news", "x"}}, []string{"01 news", "20 TLSv1.2 client 1 verify 1 ", "02 a.test"}},
		{"a certificate", &tls.Config{ServerName: "a.test", Certificates: []tls.Certificate{own.Pair(t)}}, []string{"20 TLSv1.3 client 7 verify 0 alice", "02 a.test"}},
		{"no name", &tls.Config{}, []string{"20 TLSv1.3 client 1 verify 1 "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.InsecureSkipVerify = true
			c := w.secured(tt.cfg)
			requireGreeting(t, c, "main")
			h := receive(t, headers)
			if got := tlvsOf(&h); !slices.Equal(got, tt.want) {
				t.Errorf("TLVs %q, want %q", got, tt.want)
			}
		})
	}
}

// Of TLS that passes through, the name alone is known; the ClientHello follows the
// header.
func TestProxyHeaderBeforePassthrough(t *testing.T) {
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{"a.test"})
	for word, version := range proxyVersions {
		t.Run(word, func(t *testing.T) {
			backend, headers := told(t, func(tcp *net.TCPConn) {
				greet(tls.Server(tcp, &tls.Config{Certificates: []tls.Certificate{leaf.Pair(t)}}), "main")
			})
			w := start(t, mainCluster(backend, "proxy_protocol = \""+word+"\""), passthroughEdge)
			c := w.secured(&tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"})
			h := receive(t, headers)
			requireAddresses(t, &h, version, c)
			requireGreeting(t, c, "main")
			var want []string
			if version == 2 {
				want = []string{"02 a.test"}
			}
			if got := tlvsOf(&h); !slices.Equal(got, want) {
				t.Errorf("TLVs %q, want %q", got, want)
			}
		})
	}
}

// The header of a proxy in front is passed on: addresses, and TLVs but for those that
// are about that header alone. What weir knows better, it says itself.
func TestProxyHeaderIsPassedOn(t *testing.T) {
	ca := tlstest.New(t)
	front := proxyproto.AppendTLV(nil, proxyproto.TypeALPN, "h2")
	front = proxyproto.AppendTLV(front, proxyproto.TypeNoop, "padding")
	front = proxyproto.AppendSSL(front, &proxyproto.TLS{Client: proxyproto.ClientSSL, Version: "TLSv1.2"})
	front = proxyproto.AppendTLV(front, proxyproto.TypeAuthority, "front.test")
	front = proxyproto.AppendTLV(front, proxyproto.TypeUniqueID, "id 7")
	front = proxyproto.AppendTLV(front, proxyproto.Type(0xea), "vpce-1")
	kept := []string{"05 id 7", "ea vpce-1"}
	tests := []struct {
		name   string
		header string
		ended  bool
		source string
		want   []string
	}{
		{"v2", v2Summed(v2of(announced4, front...)), false, announced4, append([]string{"01 h2", "20 TLSv1.2 client 1 verify 1 ", "02 front.test"}, kept...)},
		{"v2 IPv6", v2of(announced6, front...), false, announced6, append([]string{"01 h2", "20 TLSv1.2 client 1 verify 1 ", "02 front.test"}, kept...)},
		{"v2, TLS ended here", v2of(announced4, front...), true, announced4, append([]string{"20 TLSv1.3 client 1 verify 1 ", "02 a.test"}, kept...)},
		{"v1", v1of6, false, announced6, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			backend, headers := told(t, func(c *net.TCPConn) { greet(c, "main") })
			text := proxyFrom("required", `"127.0.0.1"`) + mainCluster(backend, `proxy_protocol = "v2"`)
			if tt.ended {
				text = endingTLS(ca.Issue([]string{"a.test"})) + text
			}
			w := start(t, text, opaqueEdge)
			raw := w.dial()
			if _, err := io.WriteString(raw, tt.header); err != nil {
				t.Fatal(err)
			}
			var c opaqueConn = raw
			if tt.ended {
				c = tls.Client(raw, &tls.Config{RootCAs: ca.Pool(), ServerName: "a.test"})
			}
			requireGreeting(t, c, "main")
			h := receive(t, headers)
			if h.Source.String() != tt.source || h.Destination.Port() != 443 || !slices.Equal(tlvsOf(&h), tt.want) {
				t.Errorf("header %v to %v, TLVs %q; want %v, %q", h.Source, h.Destination, tlvsOf(&h), tt.source, tt.want)
			}
		})
	}
}

// v2Summed puts the checksum of the header in front of its other TLVs.
func v2Summed(header string) string {
	h := []byte(header[:28])
	h = append(h, 3, 0, 4, 0, 0, 0, 0)
	h = append(h, header[28:]...)
	n := len(h) - 16
	h[14], h[15] = byte(n>>8), byte(n)
	sum := castagnoli(h)
	copy(h[31:], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	return string(h)
}

// An HTTP connection that began with a header serves the client it names and nobody
// after: the next request has a connection of its own.
func TestProxyHeaderConnectionsAreNotReused(t *testing.T) {
	var connections atomic.Int64
	backend, headers := told(t, func(c *net.TCPConn) {
		connections.Add(1)
		for r := bufio.NewReader(c); readRequest(r) == nil; {
			_, _ = io.WriteString(c, ok("page"))
		}
	})
	w := start(t, oneLoop+mainCluster(backend, `proxy_protocol = "v2"`)+"[[routes]]\ncluster = \"main\"\n")
	for i := range 3 {
		c := w.dial()
		for range 2 {
			requireHTTP(t, c, "/", "page")
			h := receive(t, headers)
			requireAddresses(t, &h, 2, c)
		}
		_ = c.Close()
		if n := connections.Load(); n != int64(2*(i+1)) {
			t.Errorf("%d connections to the endpoint after %d requests", n, 2*(i+1))
		}
	}
	if s := w.stats(); s.Reused != 0 || s.Idle != 0 {
		t.Errorf("%d reused, %d idle", s.Reused, s.Idle)
	}
}

// A WebSocket behind a header, and each endpoint that is tried gets one of its own.
func TestProxyHeaderOnTheNextEndpoint(t *testing.T) {
	backend, headers := told(t, func(c *net.TCPConn) {
		if _, err := readHeadOnly(c); err != nil {
			return
		}
		_, _ = io.WriteString(c, switching)
		echoTunnel(c, "")
	})
	w := start(t, oneLoop+clusterOf("main", []string{deadAddr(t), backend}, `proxy_protocol = "v1"`)+"[[routes]]\ncluster = \"main\"\n")
	c, _ := w.openTunnel("/")
	h := receive(t, headers)
	requireAddresses(t, &h, 1, c)
	requireEcho(t, c)
}
