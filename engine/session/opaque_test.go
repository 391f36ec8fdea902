package session

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/configs"
	"weir/engine/fault"
	"weir/engine/transport/transporttest"
)

// end is one end of an opaque tunnel, in TLS or not.
type end struct {
	*transporttest.Link
	tls *spoken // nil: plain
}

func (e end) say(text string) {
	if e.tls != nil {
		e.tls.say(text)
		return
	}
	e.Send(text)
}

func (e end) hear() string {
	if e.tls != nil {
		return e.tls.hear()
	}
	return e.Take()
}

// last is what an end in order sends: close_notify, if there is TLS, for FIN to follow.
func (e end) last(text string) string {
	if e.tls != nil {
		return e.tls.seal(text) + e.tls.notify()
	}
	return text
}

// ended reports whether the other side has ended in order.
func (e end) ended() bool {
	return e.GotFIN() && (e.tls == nil || e.tls.ended())
}

// opaque makes a tunnel of an opaque listener, TLS on either side.
func opaque(t *testing.T, down, up bool, edit ...func(*setup)) (f *fixture, client, far end) {
	edit = append(edit, opaqueTCP)
	if down {
		edit = append(edit, overTLS)
	}
	if up {
		edit = append(edit, toTLS)
	}
	f = newFixture(t, edit...)
	if down {
		client.tls = f.secureClient("a.example")
		client.Link = client.tls.Link
	} else {
		client.Link = f.client()
	}
	if up {
		far.tls = f.secureUp()
		far.Link = far.tls.Link
	} else {
		far.Link = f.up()
	}
	return f, client, far
}

// everyPair runs check with each of plain and TLS on either side, and from either end.
func everyPair(t *testing.T, check func(t *testing.T, f *fixture, near, far end)) {
	somePairs(t, func(_, _ bool) bool { return true }, check)
}

func nearHasTLS(near, _ bool) bool { return near }
func farHasTLS(_, far bool) bool   { return far }

// somePairs is everyPair of those that want takes: near and far say which end has TLS.
func somePairs(t *testing.T, want func(near, far bool) bool, check func(t *testing.T, f *fixture, near, far end)) {
	for i := range 8 {
		down, up, swap := i&1 != 0, i&2 != 0, i&4 != 0
		if !swap && !want(down, up) || swap && !want(up, down) {
			continue
		}
		t.Run(fmt.Sprintf("TLS down %v, up %v, from endpoint %v", down, up, swap), func(t *testing.T) {
			f, near, far := opaque(t, down, up, logged)
			if swap {
				near, far = far, near
			}
			check(t, f, near, far)
		})
	}
}

func TestOpaqueHalfClose(t *testing.T) {
	everyPair(t, func(t *testing.T, f *fixture, near, far end) {
		near.say("hello")
		if got := far.hear(); got != "hello" {
			t.Fatalf("got %q", got)
		}
		far.SetWindow(2)
		near.SendShut(near.last("last"))
		if far.GotFIN() {
			t.Fatal("FIN overtook bytes")
		}
		far.SetWindow(transporttest.Unlimited)
		if got := far.hear(); got != "last" || !far.ended() || far.Closed() || near.GotFIN() {
			t.Fatalf("got %q, ended %v, closed %v", got, far.ended(), far.Closed())
		}
		far.say("answer")
		if got := near.hear(); got != "answer" {
			t.Fatalf("the other direction gave %q", got)
		}
		far.SendShut(far.last("bye"))
		if got := near.hear(); got != "bye" || !near.ended() || near.GotRST() || far.GotRST() || !near.Closed() || !far.Closed() {
			t.Fatalf("got %q, ended %v, closed %v and %v", got, near.ended(), near.Closed(), far.Closed())
		}
		for _, r := range f.records() {
			if r.Kind != "tunnel" || r.Fault != "" || r.Status != 0 {
				t.Errorf("line %+v", r)
			}
		}
	})
}

// close_notify ends a direction before FIN comes, and without it.
func TestCloseNotifyIsHalfClose(t *testing.T) {
	somePairs(t, nearHasTLS, func(t *testing.T, _ *fixture, near, far end) {
		near.Send(near.last("last"))
		if got := far.hear(); got != "last" || !far.ended() || far.Closed() {
			t.Fatalf("got %q, ended %v", got, far.ended())
		}
		far.say("answer")
		if got := near.hear(); got != "answer" {
			t.Fatalf("the other direction gave %q", got)
		}
		far.SendShut(far.last(""))
		if !near.ended() || !near.Closed() || !far.Closed() {
			t.Error("not closed in order")
		}
	})
}

// FIN without close_notify may be anybody's: a plain peer is reset, one of TLS gets FIN
// without close_notify.
func TestOpaqueTruncation(t *testing.T) {
	somePairs(t, nearHasTLS, func(t *testing.T, f *fixture, near, far end) {
		fromClient := near.Link == f.clients[0]
		kind, by := "upstream_tls_truncated", "endpoint"
		if fromClient {
			kind, by = "tls_truncated", "client"
		}
		near.SendShut(near.tls.seal("last"))
		if far.tls == nil {
			if !far.GotRST() || !near.Closed() {
				t.Errorf("reset %v, closed %v", far.GotRST(), near.Closed())
			}
		} else {
			if got := far.hear(); got != "last" || !far.GotFIN() || far.tls.ended() || far.Closed() {
				t.Fatalf("got %q, FIN %v, close_notify %v, closed %v", got, far.GotFIN(), far.tls.ended(), far.Closed())
			}
			far.SendShut(far.last("bye"))
			if got := near.hear(); got != "bye" || !near.ended() || !far.Closed() {
				t.Errorf("the other direction gave %q, ended %v", got, near.ended())
			}
			if far.tls.ended() {
				t.Error("close_notify at the close")
			}
		}
		list := f.records()
		if len(list) != 1 || list[0].Fault != kind || list[0].ClosedBy != by {
			t.Errorf("lines %+v", list)
		}
	})
}

func TestOpaqueReset(t *testing.T) {
	everyPair(t, func(t *testing.T, f *fixture, near, far end) {
		by := "endpoint"
		if near.Link == f.clients[0] {
			by = "client"
		}
		near.ResetByPeer()
		if !far.GotRST() || !near.Closed() || far.tls != nil && far.tls.ended() {
			t.Errorf("reset %v, closed %v", far.GotRST(), near.Closed())
		}
		list := f.records()
		if len(list) != 1 || list[0].Fault != "tunnel_reset" || list[0].ClosedBy != by {
			t.Errorf("lines %+v", list)
		}
	})
}

func TestOpaqueBrokenRecord(t *testing.T) {
	somePairs(t, nearHasTLS, func(t *testing.T, f *fixture, near, far end) {
		kind, by := "upstream_tls_record", "endpoint"
		if near.Link == f.clients[0] {
			kind, by = "tls_record", "client"
		}
		record := near.tls.seal("x")
		near.Send(spoiled(record))
		if !near.tls.gotAlert("bad record MAC") || !far.GotRST() {
			t.Errorf("%v, reset %v", near.tls.err, far.GotRST())
		}
		list := f.records()
		if len(list) != 1 || list[0].Fault != kind || list[0].ClosedBy != by {
			t.Errorf("lines %+v", list)
		}
	})
}

func TestOpaqueIdle(t *testing.T) {
	everyPair(t, func(t *testing.T, f *fixture, near, far end) {
		near.say("x")
		far.hear()
		f.until(time.Hour)
		if near.Closed() {
			t.Fatal("ended early")
		}
		f.past()
		if !near.ended() || !far.ended() {
			t.Errorf("ended %v and %v", near.ended(), far.ended())
		}
		list := f.records()
		if len(list) != 1 || list[0].Fault != "tunnel_idle" || list[0].ClosedBy != "weir" {
			t.Errorf("lines %+v", list)
		}
	})
}

// A tunnel outlives a drain; a cut ends it.
func TestOpaqueDrainAndCut(t *testing.T) {
	everyPair(t, func(t *testing.T, f *fixture, near, far end) {
		f.worker.Drain()
		near.say("x")
		if got := far.hear(); got != "x" {
			t.Fatalf("got %q", got)
		}
		f.worker.Cut()
		if !near.GotRST() || !far.GotRST() {
			t.Error("not cut")
		}
	})
}

// What comes before there is an endpoint is held; FIN behind it, or alone, is passed on.
func TestOpaqueBeforeTheConnect(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(c *transporttest.Link)
		want string
		fin  bool
	}{
		{"nothing", func(*transporttest.Link) {}, "", false},
		{"bytes", func(c *transporttest.Link) { c.Send("ab", "c") }, "abc", false},
		{"bytes and FIN", func(c *transporttest.Link) { c.SendShut("abc") }, "abc", true},
		{"FIN behind bytes", func(c *transporttest.Link) { c.Send("abc"); c.Shut() }, "abc", true},
		{"FIN alone", func(c *transporttest.Link) { c.Shut() }, "", true},
		{"more than is held", func(c *transporttest.Link) {
			c.Send(strings.Repeat("x", 300_000))
			c.Shut()
		}, strings.Repeat("x", 300_000), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, opaqueTCP, logged)
			client := f.client()
			up := f.dialled()
			tt.do(client)
			f.n.Advance(second)
			up.Connect()
			if got := up.Take(); got != tt.want || up.GotFIN() != tt.fin || up.Closed() {
				t.Fatalf("the endpoint got %d bytes, FIN %v, closed %v", len(got), up.GotFIN(), up.Closed())
			}
			up.SendShut("bye")
			client.Shut()
			if got := client.Take(); got != "bye" || !client.GotFIN() {
				t.Errorf("got %q, FIN %v", got, client.GotFIN())
			}
			by := "endpoint"
			if tt.fin {
				by = "client"
			}
			wantRecords(t, f, record{Kind: "tunnel", In: int64(len(tt.want)), Out: 3, ClosedBy: by})
		})
	}
}

// The end of a connect that is not a tunnel.
func TestOpaqueDials(t *testing.T) {
	two := func(s *setup) { s.cluster.Endpoints = configs.NewCluster("10.1.0.1:80", "10.1.0.2:80").Endpoints }
	for _, tt := range []struct {
		name string
		do   func(f *fixture, c *transporttest.Link)
		want record
	}{
		{"refused by all", func(f *fixture, _ *transporttest.Link) {
			f.dialled().Refuse(syscall.ECONNREFUSED)
			f.dialled().Refuse(syscall.ECONNREFUSED)
		}, record{Kind: "tunnel", Fault: "no_endpoint", ClosedBy: "weir"}},
		{"no answer", func(f *fixture, _ *transporttest.Link) {
			f.n.Advance(5*second + tick)
			f.n.Advance(5*second + tick)
		}, record{Kind: "tunnel", Fault: "connect_timeout", ClosedBy: "weir"}},
		{"client resets", func(_ *fixture, c *transporttest.Link) { c.ResetByPeer() },
			record{Kind: "tunnel", Fault: "client_reset", ClosedBy: "client"}},
		{"client resets behind bytes", func(_ *fixture, c *transporttest.Link) { c.Send("x"); c.ResetByPeer() },
			record{Kind: "tunnel", Fault: "client_reset", ClosedBy: "client"}},
		{"cut", func(f *fixture, _ *transporttest.Link) { f.worker.Cut() },
			record{Kind: "tunnel", Fault: "draining", ClosedBy: "weir"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, opaqueTCP, two, logged)
			client := f.client()
			tt.do(f, client)
			if !client.GotRST() {
				t.Fatalf("closed %v, reset %v", client.Closed(), client.GotRST())
			}
			wantRecords(t, f, tt.want)
		})
	}
	f := newFixture(t, opaqueTCP)
	f.n.RefuseDial = syscall.EMFILE
	if client := f.client(); !client.GotRST() || f.faults(fault.Exhausted) != 1 {
		t.Error("not cut for want of descriptors")
	}
	// The next endpoint is tried, and gets what was held.
	f = newFixture(t, opaqueTCP, two)
	client := f.client()
	client.Send("abc")
	f.dialled().Refuse(syscall.ECONNREFUSED)
	if got := f.up().Take(); got != "abc" || f.counters.Retries.Load() != 1 {
		t.Errorf("got %q after %d retries", got, f.counters.Retries.Load())
	}
}

// A client that has no room for close_notify gets it later, and FIN behind it.
func TestCloseNotifyWaitsForRoom(t *testing.T) {
	somePairs(t, farHasTLS, func(t *testing.T, f *fixture, near, far end) {
		far.SendShut(far.last(""))
		far.SetWindow(0)
		near.SendShut(near.last(""))
		if far.Closed() {
			t.Fatal("closed before close_notify was sent")
		}
		far.SetWindow(1)
		far.SetWindow(transporttest.Unlimited)
		if !far.ended() || !far.Closed() || !near.Closed() {
			t.Errorf("ended %v, closed %v", far.ended(), far.Closed())
		}
	})
	f := newFixture(t, overTLS)
	client := f.secureClient("a.example")
	client.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	up := f.up()
	f.n.Settle()
	// Room for the response to the byte.
	client.SetWindow(0)
	up.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	for client.Closed() || len(client.plain) == 0 {
		if client.Closed() {
			t.Fatal("closed before close_notify was sent")
		}
		client.SetWindow(1)
		client.take()
	}
	for range 100 { // it takes none of what follows, and says something now and then
		client.Spurious()
		f.n.Advance(second)
	}
	if !client.GotRST() && !client.GotFIN() {
		t.Error("it is waited for for ever")
	}
}

// A connection that a write finds broken ends the tunnel at once, and does not spin; what
// the endpoint said before is passed on.
func TestLastWordsBehindAFailedWrite(t *testing.T) {
	everyPair(t, func(t *testing.T, f *fixture, near, far end) {
		words := "last words"
		if near.tls != nil {
			words = near.tls.seal(words)
		}
		near.SendQuietly(words)
		near.BreakQuietly(syscall.ECONNRESET)
		far.say("x")
		got := far.hear()
		if !far.GotRST() || !near.Closed() {
			t.Errorf("reset %v, closed %v", far.GotRST(), near.Closed())
		}
		if near.Link != f.clients[0] && got != "last words" {
			t.Errorf("got %q", got)
		}
	})
}

// A PROXY header is no part of what the line counts, with TLS or without; the name that
// TLS asked for is in it.
func TestOpaqueLines(t *testing.T) {
	for _, secure := range []bool{false, true} {
		f := newFixture(t, proxied, opaqueTCP, logged)
		var client end
		if secure {
			f = newFixture(t, proxied, opaqueTCP, logged, overTLS)
			client.tls = clientTLS(f.client(), newPKI(t).client("a.example"))
			client.Link = client.tls.Link
			client.Send(proxyLine)
			client.tls.flow()
		} else {
			client.Link = f.client()
			client.Send(proxyLine)
		}
		client.say("hello")
		far := f.up()
		far.Send("hi")
		client.SendShut(client.last(""))
		far.Shut()
		wantRecords(t, f, record{Kind: "tunnel", In: 5, Out: 2, ClosedBy: "client"})
		line := f.lines.String()
		for _, want := range []string{`"client":"192.0.2.7:4711"`, `"listener":"edge"`, `"cluster":"c"`, `"endpoint":"10.1.0.1:80"`} {
			if !strings.Contains(line, want) {
				t.Errorf("no %s in %s", want, line)
			}
		}
		if got := strings.Contains(line, `"tls":"1.3","server_name":"a.example"`); got != secure || strings.Contains(line, `"method"`) {
			t.Errorf("secure %v: %s", secure, line)
		}
	}
	// TLS that ended, for a name that leads nowhere.
	f := newFixture(t, overTLS, protocol("tcp", ""), logged)
	if client := f.secureClient("a.example"); !client.ended() {
		t.Error("not closed in order")
	}
	wantRecords(t, f, record{Kind: "refused", Fault: "unknown_server_name", Detail: "a.example", ClosedBy: "weir"})
	f = newFixture(t, overTLS, protocol("auto", ""), logged)
	f.secureClient("a.example").say("SSH-2.0-x\r\n")
	wantRecords(t, f, record{Kind: "refused", Fault: "unknown_protocol", ClosedBy: "weir"})
}

// An idle connection of HTTP is not taken for opaque bytes, nor the other way round.
func TestOpaqueDialsAnew(t *testing.T) {
	f := newFixture(t, protocol("auto", "c"))
	http := f.client()
	http.Send(get)
	f.up().Send(ok)
	if f.counters.Idle.Load() != 1 {
		t.Fatal("no idle connection")
	}
	other := f.client()
	other.Send("SSH-2.0-x\r\n")
	up := f.up()
	if got := up.Take(); got != "SSH-2.0-x\r\n" {
		t.Errorf("got %q", got)
	}
	up.Shut()
	other.Shut()
	if f.counters.Idle.Load() != 1 || !up.Closed() {
		t.Errorf("%d idle, closed %v", f.counters.Idle.Load(), up.Closed())
	}
}

// WebSocket says in its own frames whether a direction was complete: a plain endpoint
// gets FIN from a client that TLS cut short, and the line tells.
func TestWebSocketTruncation(t *testing.T) {
	f := newFixture(t, overTLS, logged)
	client := f.secureClient("a.example")
	client.say(handshake)
	up := f.up()
	up.Send(switched)
	up.Take()
	client.SendShut(client.seal("last"))
	if got := up.Take(); got != "last" || !up.GotFIN() || up.Closed() {
		t.Fatalf("got %q, FIN %v, closed %v", got, up.GotFIN(), up.Closed())
	}
	up.SendShut("bye")
	if got := client.hear(); !strings.HasSuffix(got, "bye") || !client.ended() || !up.GotFIN() {
		t.Errorf("got %q, ended %v", got, client.ended())
	}
	wantRecords(t, f, record{Kind: "tunnel", Target: "/ws", Status: 101, Fault: "tls_truncated", ClosedBy: "client"})
}
