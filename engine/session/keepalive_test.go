package session

import (
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/transport/transporttest"
)

func TestConnectionsOfBothSidesAreReused(t *testing.T) {
	f := newFixture(t)
	client, up := f.exchanging(get)
	for range 3 {
		up.Send(ok)
		wantHead(t, client.Take(), "HTTP/1.1 200 OK\r\n", "Content-Length: 2", "Via: 1.1 weir")
		client.Send(get)
		wantHead(t, up.Take(), "GET / HTTP/1.1\r\n", "Host: a", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: http")
	}
	up.Send(ok)
	if f.n.Dials() != 1 || f.counters.Reused.Load() != 3 {
		t.Errorf("%d dials, %d reused", f.n.Dials(), f.counters.Reused.Load())
	}
}

func TestWhoKeepsTheConnection(t *testing.T) {
	for _, tt := range []struct {
		name, request, response string
		line                    string // in the response to the client
		down, up                bool   // kept
	}{
		{"both", get, ok, "", true, true},
		{"client closes", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", ok, "Connection: close", false, true},
		{"endpoint closes", get, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "", true, false},
		{"old client", "GET / HTTP/1.0\r\n\r\n", ok, "Connection: close", false, true},
		{"old client that keeps", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", ok, "Connection: keep-alive", true, true},
		{"old endpoint", get, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "", true, false},
		{"old endpoint that keeps", get, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			client, up := f.exchanging(tt.request)
			up.Send(tt.response)
			got := client.Take()
			wantHead(t, got, "HTTP/1.1 200 OK\r\n")
			if tt.line != "" {
				wantHead(t, got, "", tt.line)
			} else if strings.Contains(got, "Connection:") {
				t.Errorf("a Connection field in %q", got)
			}
			if client.Closed() == tt.down || up.Closed() == tt.up {
				t.Errorf("client kept %v, endpoint kept %v", !client.Closed(), !up.Closed())
			}
		})
	}
}

// Three requests in any segments are answered in order, one at a time upstream.
func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	in := "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: a\r\n\r\n"
	everySplit(t, in, func(t *testing.T, pieces []string) {
		f := newFixture(t)
		f.n.AutoConnect = true
		client := f.client()
		client.Send(pieces...)
		up := f.dialled()
		for i := range 3 {
			target := []string{"GET /1 ", "POST /2 ", "GET /3 "}[i]
			request := up.Take()
			wantHead(t, request, target)
			if want := []string{"", "abc", ""}[i]; body(request) != want {
				t.Fatalf("%q: the body of request %d is %q", pieces, i, body(request))
			}
			if client.Take() != "" {
				t.Fatal("an answer out of turn")
			}
			up.Send(strings.Replace(ok, "ok", "r"+string(rune('1'+i)), 1))
			if got := body(client.Take()); got != "r"+string(rune('1'+i)) {
				t.Fatalf("%q: answer %d is %q", pieces, i, got)
			}
		}
		f.quiet()
	})
}

func TestIdleClientIsClosedSilentlyInTime(t *testing.T) {
	f := newFixture(t)
	client, up := f.exchanging(get)
	up.Send(ok)
	client.Take()
	f.until(75 * second)
	if client.Closed() {
		t.Fatal("closed early")
	}
	f.past()
	if !client.GotFIN() || client.Take() != "" {
		t.Errorf("closed %v, received %q", client.GotFIN(), client.Received())
	}
}

func TestByteOnAnIdleUpstreamConnectionEndsIt(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(up *transporttest.Link)
		bad  int64
	}{
		{"byte", func(up *transporttest.Link) { up.Send("H") }, 1},
		{"response", func(up *transporttest.Link) { up.Send(ok) }, 1},
		{"FIN", func(up *transporttest.Link) { up.Shut() }, 0},
		{"response and FIN", func(up *transporttest.Link) { up.SendShut(ok) }, 1},
		{"RST", func(up *transporttest.Link) { up.ResetByPeer() }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			client, up := f.exchanging(get)
			up.Send(ok)
			tt.do(up)
			if !up.Closed() || f.faults(fault.SurplusResponse) != tt.bad {
				t.Errorf("closed %v, %d counted", up.Closed(), f.faults(fault.SurplusResponse))
			}
			client.Take()
			client.Send(get)
			up = f.up()
			up.Send("HTTP/1.1 204 No Content\r\n\r\n")
			wantHead(t, client.Take(), "HTTP/1.1 204 ")
		})
	}
}

// Bytes behind a response are nobody's answer, and cost the upstream connection.
func TestSurplusBehindAResponseReachesNobody(t *testing.T) {
	for _, response := range []string{
		ok + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
		ok + "\r\n",
		"HTTP/1.1 204 No Content\r\n\r\nx",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nevil",
	} {
		f := newFixture(t)
		client, up := f.exchanging(get + get)
		up.Send(response)
		if !up.Closed() || f.faults(fault.SurplusResponse) != 1 {
			t.Errorf("%q: closed %v, %d counted", response, up.Closed(), f.faults(fault.SurplusResponse))
		}
		f.up().Send("HTTP/1.1 204 No Content\r\n\r\n")
		if got := client.Take(); strings.Contains(got, "evil") || !strings.Contains(got, "HTTP/1.1 204 ") {
			t.Errorf("%q: the client got %q", response, got)
		}
		f.quiet()
	}
}
