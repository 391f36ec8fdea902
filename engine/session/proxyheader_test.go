package session

import (
	"bytes"
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"

	"weir/codec/proxyproto"
	"weir/engine/fault"
	"weir/engine/transport/transporttest"
)

const proxyLine = "PROXY TCP4 192.0.2.7 198.51.100.9 4711 443\r\n"

func proxyBlock() string {
	tlvs := proxyproto.AppendTLV(nil, proxyproto.TypeAuthority, "told.example")
	tlvs = proxyproto.AppendTLV(tlvs, proxyproto.TypeNoop, "xx")
	tlvs = proxyproto.AppendTLV(tlvs, proxyproto.Type(0xE5), "custom")
	return string(proxyproto.AppendV2(nil, netip.MustParseAddrPort("192.0.2.7:4711"), netip.MustParseAddrPort("198.51.100.9:443"), tlvs))
}

func TestProxyHeaderWithRequestAtEverySplit(t *testing.T) {
	for _, header := range []string{proxyLine, proxyBlock()} {
		everySplit(t, header+get, func(t *testing.T, pieces []string) {
			f := newFixture(t, proxied)
			client := f.client()
			client.Send(pieces...)
			up := f.up()
			if got := up.Take(); !strings.Contains(got, "X-Forwarded-For: 192.0.2.7\r\n") || strings.Contains(got, "PROXY") {
				t.Fatalf("the endpoint got %q", got)
			}
			up.Send(ok)
			wantHead(t, client.Take(), "HTTP/1.1 200 ")
		})
	}
}

// PROXY header, ClientHello and what follows, cut at each byte: TLS is untouched by
// what stands before it.
func TestProxyHeaderWithHelloAtEverySplit(t *testing.T) {
	try := func(cut int) (size int) {
		f := newFixture(t, proxied, overTLS)
		client := clientTLS(f.client(), newPKI(t).client("a.example"))
		first := proxyBlock() + client.drop()
		if cut > 0 {
			client.Send(first[:cut], first[cut:])
		} else {
			client.SendBytewise(first)
		}
		client.flow()
		client.say(get)
		up := f.up()
		if got := up.Take(); !strings.Contains(got, "X-Forwarded-For: 192.0.2.7\r\n") || !strings.Contains(got, "X-Forwarded-Proto: https\r\n") {
			t.Fatalf("cut at %d: the endpoint got %q", cut, got)
		}
		up.Send(ok)
		wantHead(t, client.hear(), "HTTP/1.1 200 ")
		return len(first)
	}
	for i := range try(0) {
		try(i)
	}
}

// Each end of the phase, and how it is told.
func TestProxyPhase(t *testing.T) {
	refused := func(fault, detail, by string) record {
		return record{Kind: "refused", Fault: fault, Detail: detail, ClosedBy: by}
	}
	for _, tt := range []struct {
		name  string
		edit  func(*setup)
		do    func(f *fixture, c *transporttest.Link)
		reset bool
		want  record
	}{
		{"no header", proxied, func(_ *fixture, c *transporttest.Link) { c.Send(get) }, true, refused("proxy_header", "", "weir")},
		{"bad header", optional, func(_ *fixture, c *transporttest.Link) { c.Send("PROXY TCP4 x\r\n") }, true, refused("proxy_header", "", "weir")},
		{"FIN at once", proxied, func(_ *fixture, c *transporttest.Link) { c.Shut() }, false, record{}},
		{"FIN inside", proxied, func(_ *fixture, c *transporttest.Link) { c.Send("PRO"); c.Shut() }, false, refused("proxy_header", "", "client")},
		{"reset", proxied, func(_ *fixture, c *transporttest.Link) { c.ResetByPeer() }, false, record{}},
		{"reset inside", proxied, func(_ *fixture, c *transporttest.Link) { c.Send("PRO"); c.ResetByPeer() }, false, refused("proxy_header", "", "client")},
		{"header and FIN", proxied, func(_ *fixture, c *transporttest.Link) { c.SendShut(proxyLine) }, false, record{}},
		{"late", proxied, func(f *fixture, c *transporttest.Link) {
			c.Send("PROXY")
			f.until(5 * second)
			if c.Closed() {
				f.Error("closed early")
			}
			f.past()
		}, false, refused("proxy_header", "it did not come in time", "weir")},
		{"optional, and half of it in time", optional, func(f *fixture, c *transporttest.Link) {
			c.Send("PROXY TCP4 ")
			f.n.Advance(5*second + tick)
		}, false, refused("proxy_header", "it did not come in time", "weir")},
		{"drain", proxied, func(f *fixture, _ *transporttest.Link) { f.worker.Drain() }, false, record{}},
		{"cut", proxied, func(f *fixture, _ *transporttest.Link) { f.worker.Cut() }, true, record{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.edit, logged)
			client := f.client()
			tt.do(f, client)
			if !client.Closed() || client.GotRST() != tt.reset || client.Received() != "" {
				t.Fatalf("closed %v, reset %v, got %q", client.Closed(), client.GotRST(), client.Received())
			}
			wantRecords(t, f, tt.want)
		})
	}
}

// FIN behind a ClientHello is met by the handshake, also where it was read before TLS
// began.
func TestFINBehindProxyHeaderAndHello(t *testing.T) {
	f := newFixture(t, proxied, overTLS, logged)
	client := f.client()
	client.SendShut(proxyLine + hello(f, "a.example"))
	if !client.GotFIN() {
		t.Fatal("the handshake waits for a client that has ended")
	}
	wantRecords(t, f, record{Kind: "refused", Fault: "handshake_failed", Detail: "unexpected EOF", ClosedBy: "client"})
}

// Draining lets a header that has begun come to its end.
func TestDrainInsideProxyHeader(t *testing.T) {
	f := newFixture(t, proxied)
	client := f.client()
	client.Send(proxyLine[:9])
	f.worker.Drain()
	client.Send(proxyLine[9:] + get)
	f.up().Send(ok)
	wantHead(t, client.Take(), "HTTP/1.1 200 ", "Connection: close")
}

// Who is not listed may not even connect where a header is required, and is no
// different from anyone else where it is optional.
func TestProxyHeaderOfStrangers(t *testing.T) {
	outside := func(s *setup) { s.listener.ProxyProtocol.From = []string{"10.9.0.0/16"} }
	f := newFixture(t, proxied, outside, logged)
	client := f.client()
	if !client.GotRST() {
		t.Fatal("not refused at accept")
	}
	wantRecords(t, f, record{Kind: "refused", Fault: "proxy_untrusted", ClosedBy: "weir"})

	f = newFixture(t, optional, outside)
	client = f.client()
	client.Send(proxyLine)
	client.Send(get)
	wantHead(t, client.Take(), "HTTP/1.1 400 ")
}

func TestOptionalProxyHeaderMayStayAway(t *testing.T) {
	everySplit(t, "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", func(t *testing.T, pieces []string) {
		f := newFixture(t, optional)
		f.client().Send(pieces...)
		if got := f.up().Take(); !strings.Contains(got, "X-Forwarded-For: 10.0.0.1\r\n") {
			t.Fatalf("the endpoint got %q", got)
		}
	})
	// Not in time, either: then the request is on its own.
	for _, first := range []string{"", "PR"} {
		f := newFixture(t, optional)
		client := f.client()
		client.Send(first)
		f.n.Advance(5*second + tick)
		client.Send("PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n"[len(first):])
		f.up()
	}
	// The server speaks first.
	f := newFixture(t, optional, opaqueTCP)
	client := f.client()
	f.n.Advance(5*second + tick)
	f.up().Send("220 hello\r\n")
	if got := client.Take(); got != "220 hello\r\n" {
		t.Errorf("got %q", got)
	}
}

// LOCAL and UNKNOWN leave the peer as it is.
func TestProxyHeaderWithoutAddresses(t *testing.T) {
	for _, header := range []string{"PROXY UNKNOWN\r\n", string(proxyproto.AppendV2Local(nil))} {
		f := newFixture(t, proxied)
		f.client().Send(header + get)
		if got := f.up().Take(); !strings.Contains(got, "X-Forwarded-For: 10.0.0.1\r\n") {
			t.Errorf("%q: the endpoint got %q", header, got)
		}
	}
}

// Whose forwarding fields are believed is decided by the client in the header, not by
// the proxy that sent it.
func TestTrustBehindProxyHeader(t *testing.T) {
	for _, tt := range []struct {
		trusted, want string
	}{
		{"10.0.0.0/8", "X-Forwarded-For: 192.0.2.7\r\n"},
		{"192.0.2.0/24", "X-Forwarded-For: 203.0.113.5, 192.0.2.7\r\n"},
	} {
		f := newFixture(t, proxied, func(s *setup) { s.listener.TrustedProxies = []string{tt.trusted} })
		f.client().Send(proxyLine + "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.5\r\n\r\n")
		if got := f.up().Take(); !strings.Contains(got, tt.want) {
			t.Errorf("%s: the endpoint got %q", tt.trusted, got)
		}
	}
}

// A spare connection behind a proxy gets no 408, and bytes of the header are no bytes
// of the request.
func TestSpareConnectionBehindProxyHeader(t *testing.T) {
	f := newFixture(t, proxied, logged)
	client := f.client()
	client.Send(proxyLine)
	f.n.Advance(10*second + tick)
	if !client.GotFIN() || client.Received() != "" {
		t.Errorf("closed %v, got %q", client.Closed(), client.Received())
	}
	second := f.client()
	second.Send(proxyLine + get)
	f.up().Send(ok)
	wantRecords(t, f, record{Kind: "exchange", Target: "/", Status: 200, In: int64(len(get))})
}

// What endpoints are told, in either version; each connection serves its client only.
func TestProxyHeaderToEndpoints(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		f := newFixture(t, proxied, func(s *setup) { s.cluster.ProxyProtocol = version })
		client := f.client()
		client.Send(proxyBlock() + get + get)
		for range 2 {
			up := f.up()
			got := up.Take()
			var h proxyproto.Header
			n, code := proxyproto.Parse([]byte(got), &h)
			if code != proxyproto.CodeOK || n == 0 || !strings.HasPrefix(got[n:], "GET / ") {
				t.Fatalf("%s: %v, %q", version, code, got)
			}
			if h.Source.String() != "192.0.2.7:4711" || h.Destination.String() != "198.51.100.9:443" {
				t.Errorf("%s: %v to %v", version, h.Source, h.Destination)
			}
			if version == "v2" {
				tlvs := proxyproto.AppendTLV(nil, proxyproto.TypeAuthority, "told.example")
				if want := proxyproto.AppendTLV(tlvs, proxyproto.Type(0xE5), "custom"); !bytes.Equal(h.TLVs, want) {
					t.Errorf("TLVs %q, want %q", h.TLVs, want)
				}
			}
			up.Send(ok)
			if !up.Closed() {
				t.Error("the connection is kept")
			}
		}
	}
}

// TLS that ended here is told in place of what a header told of TLS elsewhere; it goes
// before the TLS of weir's own.
func TestProxyHeaderTellsOfTLS(t *testing.T) {
	f := newFixture(t, proxied, overTLS, toTLS, func(s *setup) { s.cluster.ProxyProtocol = "v2" })
	client := clientTLS(f.client(), newPKI(t).client("a.example"))
	client.Send(proxyBlock())
	client.flow()
	client.say(get)
	link := f.up()
	var h proxyproto.Header
	raw := link.Take()
	n, code := proxyproto.Parse([]byte(raw), &h)
	if code != proxyproto.CodeOK || n == 0 {
		t.Fatalf("%v, %q", code, raw)
	}
	authority, count := "", 0
	var ssl []byte
	for kind, value := range proxyproto.All(h.TLVs) {
		switch kind {
		case proxyproto.TypeAuthority:
			authority = string(value)
			count++
		case proxyproto.TypeSSL:
			ssl = value
		}
	}
	if authority != "a.example" || count != 1 || !bytes.Contains(ssl, []byte("TLSv1.3")) {
		t.Errorf("authority %q (%d), ssl %q", authority, count, ssl)
	}
	up := endpointTLS(link, newPKI(t).server(t))
	up.in = []byte(raw[n:])
	up.flow()
	if got := up.hear(); !strings.HasPrefix(got, "GET / ") {
		t.Errorf("inside TLS came %q, %v", got, up.err)
	}
	if f.faults(fault.NoEndpoint) != 0 {
		t.Error("a fault was counted")
	}
}

// A client's verified certificate is told; what a header in front said of other TLS is
// not told besides.
func TestProxyHeaderTellsOfClientCertificates(t *testing.T) {
	f := newFixture(t, proxied, overTLS, func(s *setup) {
		s.cluster.ProxyProtocol = "v2"
		s.listener.TLS.ALPN = []string{"http/1.1"}
		s.listener.TLS.ClientAuth, s.listener.TLS.ClientCA = "require", shared.authority.PEM
	})
	cfg := newPKI(t).client("a.example")
	cfg.Certificates = []tls.Certificate{shared.endpoint.Pair(t)}
	cfg.NextProtos = []string{"http/1.1"}
	client := clientTLS(f.client(), cfg)
	told := proxyproto.AppendTLV(nil, proxyproto.TypeALPN, "told/1")
	told = proxyproto.AppendSSL(told, &proxyproto.TLS{Client: proxyproto.ClientSSL, Version: "TLSv1.0"})
	client.Send(string(proxyproto.AppendV2(nil, netip.MustParseAddrPort("192.0.2.7:4711"), netip.MustParseAddrPort("198.51.100.9:443"), told)))
	client.flow()
	client.say(get)
	var h proxyproto.Header
	if n, code := proxyproto.Parse([]byte(f.up().Take()), &h); n == 0 || code != proxyproto.CodeOK {
		t.Fatal(code)
	}
	tls := proxyproto.TLS{
		Client:  proxyproto.ClientSSL | proxyproto.ClientCertConn | proxyproto.ClientCertSess,
		Version: "TLSv1.3", Cipher: "TLS_AES_128_GCM_SHA256", CommonName: "leaf", Verified: true,
	}
	want := proxyproto.AppendTLV(nil, proxyproto.TypeALPN, "http/1.1")
	want = proxyproto.AppendTLV(proxyproto.AppendSSL(want, &tls), proxyproto.TypeAuthority, "a.example")
	if !bytes.Equal(h.TLVs, want) {
		t.Errorf("TLVs\n%q, want\n%q", h.TLVs, want)
	}
}
