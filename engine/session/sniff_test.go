package session

import (
	"bytes"
	"strings"
	"testing"

	"weir/configs"
	"weir/engine/observe"
	"weir/engine/transport/transporttest"
)

// One port for TLS, HTTP and anything else, whatever the segments.
func TestAutoTellsProtocolsAtEverySplit(t *testing.T) {
	everySplit(t, get, func(t *testing.T, pieces []string) {
		f := newFixture(t, protocol("auto", "c"))
		f.client().Send(pieces...)
		if got := f.up().Take(); !strings.HasPrefix(got, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ") {
			t.Fatalf("%q: the endpoint got %q", pieces, got)
		}
	})
	everySplit(t, "SSH-2.0-x\r\n", func(t *testing.T, pieces []string) {
		f := newFixture(t, protocol("auto", "c"))
		f.client().Send(pieces...)
		if got := f.up().Take(); got != "SSH-2.0-x\r\n" {
			t.Fatalf("%q: the endpoint got %q", pieces, got)
		}
	})
	text := hello(newFixture(t), "a.example")
	for i := range len(text) {
		f := newFixture(t, protocol("auto", "c"))
		client := f.client()
		client.Send(text[:i], text[i:])
		if got := f.up().Take(); got != text {
			t.Fatalf("cut at %d: the endpoint got %q", i, got)
		}
	}
}

// With a certificate, TLS ends here and what is inside is told apart again; TLS inside
// TLS is opaque.
func TestAutoInsideTLS(t *testing.T) {
	for _, tt := range []struct{ first, want string }{
		{get, "GET / HTTP/1.1\r\nHost: a.example\r\n"},
		{"SSH-2.0-x\r\n", "SSH-2.0-x\r\n"},
		{"\x16\x03\x01\x00\x05hello", "\x16\x03\x01\x00\x05hello"},
	} {
		f := newFixture(t, overTLS, protocol("auto", "c"))
		client := f.secureClient("a.example")
		for _, b := range strings.Split(strings.Replace(tt.first, "Host: a", "Host: a.example", 1), "") {
			client.say(b)
		}
		if got := f.up().Take(); !strings.HasPrefix(got, tt.want) {
			t.Errorf("the endpoint got %q, want %q", got, tt.want)
		}
	}
}

// Behind the sniff deadline a connection is opaque, unless a ClientHello has begun.
func TestSniffDeadline(t *testing.T) {
	for _, tt := range []struct {
		name, sent string
		secure     bool
	}{
		{"nothing", "", false}, {"a word", "USER", false}, {"nothing inside TLS", "", true}, {"a word inside TLS", "USER", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var f *fixture
			var client *transporttest.Link
			if tt.secure {
				f = newFixture(t, overTLS, protocol("auto", "c"))
				c := clientTLS(f.client(), newPKI(t).client("a.example"))
				first := c.drop()
				c.Send(first[:20], first[20:])
				c.flow()
				client = c.Link
				if tt.sent != "" {
					c.say(tt.sent)
				}
			} else {
				f = newFixture(t, protocol("auto", "c"))
				client = f.client()
				client.Send(tt.sent)
			}
			f.until(5 * second)
			if f.n.Dials() != 0 || client.Closed() {
				t.Fatal("led on early")
			}
			f.past()
			if got := f.up().Take(); got != tt.sent {
				t.Errorf("the endpoint got %q", got)
			}
		})
	}
	f := newFixture(t, protocol("auto", "c"), logged)
	client := f.client()
	client.Send(hello(f, "a.example")[:20])
	f.until(10 * second)
	if client.Closed() {
		t.Fatal("closed early")
	}
	f.past()
	if !client.GotFIN() || f.n.Dials() != 0 {
		t.Errorf("closed %v, %d dials", client.Closed(), f.n.Dials())
	}
	wantRecords(t, f, record{Kind: "refused", Fault: "handshake_timeout", ClosedBy: "weir"})
}

// Each end of the sniff phase.
func TestSniffPhase(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*setup)
		do   func(f *fixture, c *transporttest.Link)
		want record
	}{
		{"FIN at once", protocol("auto", "c"), func(_ *fixture, c *transporttest.Link) { c.Shut() }, record{}},
		{"reset", protocol("auto", "c"), func(_ *fixture, c *transporttest.Link) { c.ResetByPeer() }, record{}},
		{"reset behind a word", protocol("auto", "c"), func(_ *fixture, c *transporttest.Link) { c.Send("USER"); c.ResetByPeer() }, record{}},
		{"FIN in the hello", protocol("auto", "c"), func(_ *fixture, c *transporttest.Link) { c.SendShut("\x16\x03\x01") },
			record{Kind: "refused", Fault: "client_closed", ClosedBy: "client", Detail: "the connection ended inside the ClientHello", In: 3}},
		{"drain", protocol("auto", "c"), func(f *fixture, _ *transporttest.Link) { f.worker.Drain() }, record{}},
		{"cut", protocol("auto", "c"), func(f *fixture, _ *transporttest.Link) { f.worker.Cut() }, record{}},
		{"leads nowhere", protocol("auto", ""), func(_ *fixture, c *transporttest.Link) { c.Send("SSH-2.0-x\r\n") },
			record{Kind: "refused", Fault: "unknown_protocol", ClosedBy: "weir", In: 11}},
		{"silent, and leads nowhere", protocol("auto", ""), func(f *fixture, _ *transporttest.Link) { f.n.Advance(5*second + tick) }, record{}},
		{"tcp leads nowhere", protocol("tcp", ""), func(*fixture, *transporttest.Link) {},
			record{Kind: "refused", Fault: "unknown_protocol", ClosedBy: "weir"}},
		{"passthrough of no TLS", protocol("tls-passthrough", "c"), func(_ *fixture, c *transporttest.Link) {
			c.Send(get)
			c.Shut()
		}, record{Kind: "refused", Fault: "not_tls", ClosedBy: "weir", Out: 7}},
		{"passthrough to an unknown name", protocol("tls-passthrough", ""), func(f *fixture, c *transporttest.Link) {
			c.Send(hello(f, "x.example"))
			if got := c.Take(); got != "\x15\x03\x03\x00\x02\x02\x70" {
				f.Errorf("got %q", got)
			}
			c.Shut()
		}, record{Kind: "refused", Fault: "unknown_server_name", Detail: "x.example", ClosedBy: "weir", Out: 7}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.edit, logged)
			client := f.client()
			tt.do(f, client)
			if !client.Closed() || f.n.Dials() != 0 {
				t.Fatalf("closed %v, %d dials", client.Closed(), f.n.Dials())
			}
			wantRecords(t, f, tt.want)
		})
	}
}

func TestDrainInsideSniff(t *testing.T) {
	f := newFixture(t, protocol("auto", "c"))
	client := f.client()
	client.Send("GE")
	f.worker.Drain()
	client.Send(get[2:])
	f.up().Send(ok)
	wantHead(t, client.Take(), "HTTP/1.1 200 ", "Connection: close")
}

// A word and FIN is opaque: it will not grow.
func TestShortAndEnded(t *testing.T) {
	f := newFixture(t, protocol("auto", "c"))
	client := f.client()
	client.SendShut("QUIT")
	up := f.up()
	if got := up.Take(); got != "QUIT" || !up.GotFIN() || up.Closed() {
		t.Errorf("the endpoint got %q, FIN %v, closed %v", got, up.GotFIN(), up.Closed())
	}
	up.SendShut("bye")
	if got := client.Take(); got != "bye" || !client.GotFIN() {
		t.Errorf("got %q, FIN %v", got, client.GotFIN())
	}
}

// Where connections go by name, protocol and port; TLS that ended is as good as a
// ClientHello that passes through, in any case.
func TestForwards(t *testing.T) {
	for _, tt := range []struct {
		name     string
		protocol string
		forward  configs.Forward
		sni      string
		alpn     []string
		taken    bool
	}{
		{"name", "tls-passthrough", configs.Forward{ServerNames: []string{"a.example"}}, "A.Example", nil, true},
		{"another name", "tls-passthrough", configs.Forward{ServerNames: []string{"a.example"}}, "b.example", nil, false},
		{"protocol", "tls-passthrough", configs.Forward{ALPN: []string{"x/1"}}, "a.example", []string{"y/1", "x/1"}, true},
		{"another protocol", "tls-passthrough", configs.Forward{ALPN: []string{"x/1"}}, "a.example", []string{"y/1"}, false},
		{"ended, name", "tcp", configs.Forward{ServerNames: []string{"a.example"}}, "A.Example", nil, true},
		{"ended, wildcard", "tcp", configs.Forward{ServerNames: []string{"*.b.example"}}, "X.B.example", nil, true},
		{"ended, another name", "tcp", configs.Forward{ServerNames: []string{"a.example"}}, "b.example", nil, false},
		{"ended, protocol", "tcp", configs.Forward{ALPN: []string{"x/1"}}, "a.example", []string{"x/1"}, true},
		{"ended, other protocol", "tcp", configs.Forward{ALPN: []string{"x/1"}}, "a.example", []string{"y/1"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, func(s *setup) {
				tt.forward.Cluster = "d"
				s.others = map[string]*configs.Cluster{"d": configs.NewCluster("10.1.0.9:80")}
				s.listener.Protocol, s.listener.Cluster, s.listener.Forward = tt.protocol, "c", []*configs.Forward{&tt.forward}
				if tt.protocol == "tcp" {
					overTLS(s)
					s.listener.TLS.ALPN = []string{"x/1", "y/1"}
				}
			})
			cfg := newPKI(t).client(tt.sni)
			cfg.NextProtos = tt.alpn
			client := clientTLS(f.client(), cfg)
			client.flow()
			if got := f.dialled().To.Addr().String() == "10.1.0.9"; got != tt.taken {
				t.Errorf("taken %v", got)
			}
			client.tls.Abort()
		})
	}
	// By port: the one a PROXY header tells.
	f := newFixture(t, proxied, func(s *setup) {
		s.others = map[string]*configs.Cluster{"d": configs.NewCluster("10.1.0.9:80")}
		s.listener.Protocol, s.listener.Cluster = "tcp", "c"
		s.listener.Forward = []*configs.Forward{{Ports: "443", Cluster: "d"}}
	})
	f.client().Send(proxyLine)
	if to := f.dialled().To.Addr().String(); to != "10.1.0.9" {
		t.Errorf("led to %s", to)
	}
}

// A reader of the debug log can follow a connection.
func TestStoryOfTLS(t *testing.T) {
	var text bytes.Buffer
	log, err := observe.NewLogger(&text, "debug", "json")
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, overTLS, toTLS, proxied, protocol("auto", "c"), func(s *setup) { s.log = log.Logger })
	client := clientTLS(f.client(), newPKI(t).client("a.example"))
	client.Send(proxyLine)
	client.flow()
	client.say("SSH-2.0-x\r\n")
	f.secureUp()
	client.Send(client.notify())
	refused := f.client()
	refused.Send("no header")
	f.quiet()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	story := text.String()
	for _, want := range []string{
		`"new connection"`, `"PROXY header believed"`, `"event":"sniff","from":"proxy","to":"sniff"`,
		`"ClientHello complete"`, `"server_name":"a.example"`, `"event":"hello","from":"sniff","to":"handshake"`,
		`"TLS handshake complete"`, `"event":"sniff","from":"handshake","to":"sniff"`,
		`"forwarded unread"`, `"event":"opaque","from":"sniff","to":"dial"`, `"connecting"`, `"connected"`,
		`"event":"piped","from":"dial","to":"tunnel"`, `"tunnel half closed"`, `"connection refused"`, `"event":"cut","from":"proxy","to":"closed"`,
	} {
		i := strings.Index(story, want)
		if i < 0 {
			t.Fatalf("no %s, in this order, in %s", want, text.String())
		}
		story = story[i:]
	}
}
