package session

import (
	"crypto/tls"
	"strings"
	"testing"

	"weir/engine/certs"
	"weir/engine/fault"
)

// A client's handshake, its Finished and its request arrive however TCP cut them.
func TestExchangeOverTLSAtEverySplit(t *testing.T) {
	for _, size := range []int{1, 2, 3, 5, 7, 64, 300, 1 << 20} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			f := newFixture(t, overTLS)
			cfg := newPKI(t).client("a.example")
			cfg.MaxVersion = version
			client := clientTLS(f.client(), cfg)
			pieces := func(s string) {
				for len(s) > 0 {
					n := min(size, len(s))
					client.Send(s[:n])
					s = s[n:]
				}
			}
			for client.out != nil {
				pieces(client.drop())
				client.take()
			}
			pieces(client.seal(get))
			up := f.up()
			if got := up.Take(); !strings.Contains(got, "X-Forwarded-Proto: https\r\n") {
				t.Fatalf("size %d: the endpoint got %q", size, got)
			}
			up.Send(ok)
			wantHead(t, client.hear(), "HTTP/1.1 200 ")
		}
	}
}

// Finished and the request in one segment, cut at each byte.
func TestFinishedWithRequestAtEverySplit(t *testing.T) {
	last := func(f *fixture) (client *spoken, flight string) {
		client = clientTLS(f.client(), newPKI(t).client("a.example"))
		client.Send(client.drop())
		client.take()
		return client, client.seal(get) // behind Finished
	}
	_, flight := last(newFixture(t, overTLS))
	for i := range len(flight) {
		f := newFixture(t, overTLS)
		client, flight := last(f)
		client.Send(flight[:i])
		client.Send(flight[i:])
		f.up().Send(ok)
		wantHead(t, client.hear(), "HTTP/1.1 200 ")
	}
}

func TestHelloAtEverySplit(t *testing.T) {
	hello := clientTLS(newFixture(t).client(), newPKI(t).client("a.example")).drop()
	for i := 1; i < len(hello); i++ {
		f := newFixture(t, overTLS)
		client := clientTLS(f.client(), newPKI(t).client("a.example"))
		out := client.drop()
		client.Send(out[:i])
		client.Send(out[i:])
		client.flow()
		client.say(get)
		f.up()
		f.n.Settle()
	}
}

// Keep-alive, pipelining and the idle phase are those of plain HTTP.
func TestKeepAliveOverTLS(t *testing.T) {
	f := newFixture(t, overTLS)
	client := f.secureClient("a.example")
	client.say(get + get)
	up := f.up()
	for range 2 {
		up.Send(ok)
	}
	if got := client.hear(); strings.Count(got, "HTTP/1.1 200 OK") != 2 {
		t.Fatalf("got %q", got)
	}
	if stats := f.n.Loop.Pool.Stats(); stats.Buffers != 0 || f.worker.list.phase != phaseIdle {
		t.Errorf("phase %v holds %+v", f.worker.list.phase, stats)
	}
	f.until(75 * second)
	if client.Closed() {
		t.Fatal("closed early")
	}
	record := client.seal(get)
	client.Send(record[:9]) // half a record is no request
	f.past()
	if !client.GotFIN() || !client.ended() {
		t.Errorf("closed %v, close_notify %v", client.Closed(), client.ended())
	}
}

// What ends a handshake, and how it is told.
func TestHandshakesThatFail(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*setup)
		do   func(f *fixture)
		want record
	}{
		{"FIN in the hello", nil, func(f *fixture) { f.client().SendShut(hello(f, "a.example")[:50]) },
			record{Kind: "refused", Fault: "client_closed", ClosedBy: "client", Detail: "the connection ended inside the ClientHello"}},
		{"FIN behind the hello", nil, func(f *fixture) { f.client().SendShut(hello(f, "a.example")) },
			record{Kind: "refused", Fault: "handshake_failed", ClosedBy: "client", Detail: "unexpected EOF"}},
		{"reset", nil, func(f *fixture) {
			c := f.client()
			c.Send(hello(f, "a.example"))
			c.ResetByPeer()
		}, record{Kind: "refused", Fault: "client_reset", ClosedBy: "client", Detail: "connection reset by peer"}},
		{"client does not trust", nil, func(f *fixture) {
			cfg := newPKI(f).client("a.example")
			cfg.RootCAs = nil
			clientTLS(f.client(), cfg).flow()
		}, record{Kind: "refused", Fault: "handshake_failed", ClosedBy: "client", Detail: "remote error: tls: bad certificate"}},
		{"no version in common", nil, func(f *fixture) {
			cfg := newPKI(f).client("a.example")
			cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			c := clientTLS(f.client(), cfg)
			if c.flow(); !c.gotAlert("protocol version not supported") {
				f.Errorf("the client got %v", c.err)
			}
		}, record{Kind: "refused", Fault: "handshake_failed", ClosedBy: "weir", Detail: "tls: client offered only unsupported versions: [302 301]"}},
		{"strict_sni", func(s *setup) { s.listener.TLS.StrictSNI = true }, func(f *fixture) {
			c := clientTLS(f.client(), newPKI(f).client("c.example"))
			if c.flow(); !c.gotAlert("unrecognized name") {
				f.Errorf("the client got %v", c.err)
			}
		}, record{Kind: "refused", Fault: "unknown_server_name", ClosedBy: "weir", Detail: "tls: no certificates configured"}},
		{"no client certificate", func(s *setup) {
			s.listener.TLS.ClientAuth, s.listener.TLS.ClientCA = "require", shared.authority.PEM
		}, func(f *fixture) {
			c := clientTLS(f.client(), newPKI(f).client("a.example"))
			if c.flow(); !c.gotAlert("certificate required") {
				f.Errorf("the client got %v", c.err)
			}
		}, record{Kind: "refused", Fault: "client_cert_missing", ClosedBy: "weir", Detail: "tls: client didn't provide a certificate"}},
		{"no hello", nil, func(f *fixture) {
			c := f.client()
			c.Send("\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00") // a ServerHello
			if got := c.Take(); got != "\x15\x03\x03\x00\x02\x02\x32" || !c.GotFIN() || c.Closed() {
				f.Errorf("got %q, FIN %v, lingers %v", got, c.GotFIN(), !c.Closed())
			}
		}, record{Kind: "refused", Fault: "malformed_hello", ClosedBy: "weir"}},
		{"neither TLS nor HTTP", nil, func(f *fixture) {
			c := f.client()
			c.Send("\x00\x00")
			if got := c.Take(); got != "\x15\x03\x03\x00\x02\x02\x0a" || !c.GotFIN() {
				f.Errorf("got %q, FIN %v", got, c.GotFIN())
			}
		}, record{Kind: "refused", Fault: "not_tls", ClosedBy: "weir"}},
		{"slow handshake", nil, func(f *fixture) {
			c := f.client()
			f.n.Advance(4 * second) // the hello has its time of the same deadline
			c.Send(hello(f, "a.example"))
			f.until(6 * second)
			if c.Closed() {
				f.Error("closed early")
			}
			f.past()
			if !c.GotFIN() {
				f.Error("not closed")
			}
		}, record{Kind: "refused", Fault: "handshake_timeout", ClosedBy: "weir"}},
		{"slow hello", nil, func(f *fixture) {
			c := f.client()
			f.n.Advance(5 * second)
			c.Send(hello(f, "a.example")[:9])
			f.until(5 * second)
			if c.Closed() {
				f.Error("closed early")
			}
			f.past()
			if !c.GotFIN() || c.Received() != "" {
				f.Errorf("closed %v, got %q", c.Closed(), c.Received())
			}
		}, record{Kind: "refused", Fault: "handshake_timeout", ClosedBy: "weir"}},
		{"nothing", nil, func(f *fixture) {
			c := f.client()
			f.n.Advance(10*second + tick)
			if !c.GotFIN() {
				f.Error("not closed")
			}
		}, record{}},
		{"FIN at once", nil, func(f *fixture) { f.client().Shut() }, record{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			edit := []func(*setup){overTLS, logged}
			if tt.edit != nil {
				edit = append(edit, tt.edit)
			}
			f := newFixture(t, edit...)
			tt.do(f)
			f.n.Advance(3 * second) // lingering
			if len(f.clients) != 1 || !f.clients[0].Closed() {
				t.Fatal("not closed")
			}
			wantRecords(t, f, tt.want)
		})
	}
}

// hello is a ClientHello.
func hello(f *fixture, name string) string {
	f.Helper()
	p := clientTLS(f.n.Client(), newPKI(f).client(name))
	defer p.tls.Abort()
	return p.drop()
}

// wantRecords compares all lines; a zero record stands for none. Bytes, and a detail
// where none is wanted, are not compared.
func wantRecords(t *testing.T, f *fixture, want ...record) {
	t.Helper()
	got := f.records()
	if len(want) == 1 && want[0] == (record{}) {
		want = nil
	}
	if len(got) != len(want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	for i, r := range got {
		if want[i].In == 0 {
			r.In = 0
		}
		if want[i].Out == 0 {
			r.Out = 0
		}
		if want[i].Detail == "" {
			r.Detail = ""
		}
		if r != want[i] {
			t.Errorf("line %d is\n%+v, want\n%+v", i, r, want[i])
		}
	}
}

// The 400 comes whole however the request was cut, and nothing else is read into it.
func TestHTTPOnTLSPortIsAnswered400(t *testing.T) {
	everySplit(t, get, func(t *testing.T, pieces []string) {
		f := newFixture(t, overTLS)
		client := f.client()
		client.Send(pieces...)
		got := client.Take()
		wantHead(t, got, "HTTP/1.1 400 ", "Weir-Error: not_tls", "Connection: close")
		if !client.GotFIN() || client.Closed() || f.faults(fault.NotTLS) != 1 {
			t.Errorf("%q: FIN %v, closed %v", pieces, client.GotFIN(), client.Closed())
		}
	})
	f := newFixture(t, overTLS) // a method that ends too soon gets an alert
	client := f.client()
	client.SendShut("GET")
	if got := client.Take(); got != "\x15\x03\x03\x00\x02\x02\x0a" {
		t.Errorf("got %q", got)
	}
}

func TestTLSOnPlainPortIsAnswered400(t *testing.T) {
	f := newFixture(t)
	client := f.client()
	client.Send(hello(f, "a.example"))
	wantHead(t, client.Take(), "HTTP/1.1 400 ", "Weir-Error: tls_on_plain_port")
}

// Draining does not cut handshakes short, and the request behind is the last.
func TestDrainInHandshake(t *testing.T) {
	f := newFixture(t, overTLS)
	spare, idle := f.client(), f.secureClient("a.example")
	client := clientTLS(f.client(), newPKI(t).client("a.example"))
	client.Send(client.drop())
	part := f.client()
	part.Send(hello(f, "a.example")[:9])
	f.worker.Drain()
	if !spare.GotFIN() || !idle.ended() || client.Closed() || part.Closed() {
		t.Fatalf("closed %v %v %v %v", spare.Closed(), idle.Closed(), client.Closed(), part.Closed())
	}
	client.flow()
	client.say(get)
	f.up().Send(ok)
	wantHead(t, client.hear(), "HTTP/1.1 200 ", "Connection: close")
	if !client.ended() {
		t.Error("no close_notify")
	}
}

func TestBrokenRecordIsTold(t *testing.T) {
	for _, stage := range []string{"idle", "exchange"} {
		f := newFixture(t, overTLS)
		client := f.secureClient("a.example")
		if stage == "exchange" {
			client.say(get)
			f.up()
		}
		record := client.seal(get)
		client.Send(spoiled(record))
		if !client.gotAlert("bad record MAC") || !client.Closed() || f.faults(fault.TLSRecord) != 1 {
			t.Errorf("%s: the client got %v, closed %v", stage, client.err, client.Closed())
		}
	}
}

// A certificate of an ACME challenge is all that such a connection is for.
func TestChallengeEndsWithItsHandshake(t *testing.T) {
	for _, name := range []string{"http", "tcp", "auto"} {
		f := newFixture(t, overTLS, func(s *setup) {
			s.listener.Protocol, s.listener.Cluster = name, "c"
			s.listener.TLS.ALPN = []string{certs.ChallengeProtocol}
		})
		cfg := newPKI(t).client("a.example")
		cfg.NextProtos = []string{certs.ChallengeProtocol}
		client := clientTLS(f.client(), cfg)
		if client.flow(); !client.ended() || client.Closed() || f.n.Dials() != 0 {
			t.Errorf("%s: %v, closed %v, %d dials", name, client.err, client.Closed(), f.n.Dials())
		}
	}
}

// Sessions resume, and are counted.
func TestResumption(t *testing.T) {
	f := newFixture(t, overTLS, func(s *setup) { s.listener.TLS.SessionTickets = true })
	cfg := newPKI(t).client("a.example")
	cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for range 2 {
		client := clientTLS(f.client(), cfg)
		client.flow()
		client.hear() // the ticket
	}
	if h, r := f.counters.Handshakes.Load(), f.counters.Resumed.Load(); h != 2 || r != 1 {
		t.Errorf("%d handshakes, %d resumed", h, r)
	}
}
