package session

import (
	"strings"
	"syscall"
	"testing"

	"weir/configs"
	"weir/engine/fault"
	"weir/engine/transport/transporttest"
)

func twoEndpoints(s *setup) { s.cluster = configs.NewCluster("10.1.0.1:80", "10.1.0.2:80") }

func TestConnectThatHangsGoesToTheNextEndpoint(t *testing.T) {
	f := newFixture(t, twoEndpoints)
	client := f.client()
	client.Send(get)
	first := f.dialled()
	f.until(5 * second)
	if first.Closed() {
		t.Fatal("given up early")
	}
	f.past()
	next := f.dialled()
	if !first.Closed() || next.To == first.To {
		t.Fatalf("given up %v, next %v after %v", first.Closed(), next.To, first.To)
	}
	f.n.Advance(5*second + tick)
	wantHead(t, client.Take(), "HTTP/1.1 504 ", "Weir-Error: connect_timeout")
	if client.Closed() || f.n.Dials() != 2 {
		t.Errorf("closed %v, %d dials", client.Closed(), f.n.Dials())
	}
}

func TestRefusedConnectGoesToTheNextEndpoint(t *testing.T) {
	f := newFixture(t, twoEndpoints)
	client := f.client()
	client.Send(get)
	f.dialled().Refuse(syscall.ECONNREFUSED)
	up := f.up()
	up.Send(ok)
	wantHead(t, client.Take(), "HTTP/1.1 200 ")
	f.worker.Clusters[0].CloseIdle()
	client.Send(get)
	f.dialled().Refuse(syscall.ECONNREFUSED)
	f.dialled().Refuse(syscall.EHOSTUNREACH)
	wantHead(t, client.Take(), "HTTP/1.1 503 ", "Weir-Error: no_endpoint")
	if client.Closed() || f.counters.Retries.Load() != 2 {
		t.Errorf("closed %v, %d retries", client.Closed(), f.counters.Retries.Load())
	}
}

// What cannot even be begun: for want of descriptors it is weir's own trouble, and
// another endpoint would not help; else the next one is tried.
func TestDialThatCannotBegin(t *testing.T) {
	for _, tt := range []struct {
		errno syscall.Errno
		kind  fault.Kind
		dials int
	}{
		{syscall.EMFILE, fault.Exhausted, 1},
		{syscall.ENFILE, fault.Exhausted, 1},
		{syscall.EADDRNOTAVAIL, fault.Exhausted, 1},
		{syscall.ENETUNREACH, fault.NoEndpoint, 2},
	} {
		t.Run(tt.errno.Error(), func(t *testing.T) {
			f := newFixture(t, twoEndpoints)
			f.n.RefuseDial = tt.errno
			client := f.client()
			client.Send(get)
			wantHead(t, client.Take(), "HTTP/1.1 503 ", "Weir-Error: "+tt.kind.String())
			if f.n.Dials() != tt.dials || client.Closed() {
				t.Errorf("%d dials, client closed %v", f.n.Dials(), client.Closed())
			}
		})
	}
}

// Only a connection that was idle before may die of old age, only before the first
// byte of a response is nothing known to have been done, and only what is
// idempotent and held whole can be sent twice.
func TestRetryRule(t *testing.T) {
	const (
		noBody   = " / HTTP/1.1\r\nHost: a\r\n\r\n"
		held     = " / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
		partial  = " / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc"
		chunked  = " / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
		shake    = " / HTTP/1.1\r\nHost: a\r\n" + upgradeFields + "\r\n"
		interim  = "HTTP/1.1 103 Early Hints\r\n\r\n"
		halfHead = "HTTP/1.1 2"
	)
	large := " / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("x", 20000)
	for _, tt := range []struct {
		name, request string
		fresh         bool
		seen          string // of the response
		retried       bool
	}{
		{"GET", "GET" + noBody, false, "", true},
		{"HEAD", "HEAD" + noBody, false, "", true},
		{"DELETE", "DELETE" + noBody, false, "", true},
		{"OPTIONS", "OPTIONS" + noBody, false, "", true},
		{"POST", "POST" + noBody, false, "", false},
		{"PATCH", "PATCH" + noBody, false, "", false},
		{"a method of its own", "BREW" + noBody, false, "", false},
		{"PUT, body held", "PUT" + held, false, "", true},
		{"POST, body held", "POST" + held, false, "", false},
		{"PUT, body to come", "PUT" + partial, false, "", false},
		{"PUT, body chunked", "PUT" + chunked, false, "", false},
		{"PUT, body large", "PUT" + large, false, "", false},
		{"on a fresh connection", "GET" + noBody, true, "", false},
		{"a byte seen", "GET" + noBody, false, "H", false},
		{"half a head seen", "GET" + noBody, false, halfHead, false},
		{"an interim response seen", "GET" + noBody, false, interim, false},
	} {
		for name, die := range map[string]func(*transporttest.Link){"FIN": (*transporttest.Link).Shut, "RST": (*transporttest.Link).ResetByPeer} {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				f := newFixture(t)
				var client, up *transporttest.Link
				if tt.fresh {
					client, up = f.exchanging(tt.request)
				} else {
					client, up = f.exchanging(get)
					up.Send(ok)
					client.Take()
					up.Take()
					client.Send(tt.request)
				}
				first := up.Take()
				if tt.seen != "" {
					up.Send(tt.seen)
				}
				die(up)
				if again := f.n.Dialled(); (again != nil) != tt.retried {
					t.Fatalf("retried %v, want %v", again != nil, tt.retried)
				} else if again == nil {
					if got := client.Take(); !strings.Contains(got, "HTTP/1.1 502 ") {
						t.Errorf("got %q", got)
					}
				} else {
					again.Connect()
					if got := again.Take(); got != first {
						t.Errorf("sent %q, then %q", first, got)
					}
					again.Shut() // once is enough
					wantHead(t, client.Take(), "HTTP/1.1 502 ")
				}
			})
		}
	}
}
