package session

import (
	"strings"
	"testing"

	"weir/configs"
	"weir/engine/fault"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
)

const (
	post    = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
	postAny = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
)

// closedWith demands an answer of weir's own that names kind, and the end.
func closedWith(t *testing.T, client *transporttest.Link, kind fault.Kind) {
	t.Helper()
	got := client.Take()
	if !strings.Contains(got, "\r\nWeir-Error: "+kind.String()+"\r\n") || !strings.Contains(got, "Connection: close\r\n") || !client.GotFIN() {
		t.Fatalf("want %v and FIN, got FIN %v and %q", kind, client.GotFIN(), got)
	}
}

func TestSlowHeadIsAnswered408(t *testing.T) {
	f := newFixture(t)
	client := f.client()
	for _, b := range []string{"G", "ET / HTTP/1.1\r\n", "A: b\r\n"} {
		client.Send(b)
		f.n.Advance(3 * second) // each byte is progress, and counts for nothing
	}
	f.until(second)
	if client.Take() != "" || client.Closed() {
		t.Fatal("answered early")
	}
	f.past()
	closedWith(t, client, fault.HeadTimeout)
	f.n.Advance(3 * second)
	if !client.Closed() {
		t.Error("it lingers for ever")
	}
}

func TestSlowSecondHeadCountsFromItsFirstByte(t *testing.T) {
	f := newFixture(t)
	client, up := f.exchanging(get)
	up.Send(ok)
	client.Take()
	f.n.Advance(60 * second)
	client.Send("G")
	f.until(10 * second)
	if client.Take() != "" {
		t.Fatal("answered early")
	}
	f.past()
	closedWith(t, client, fault.HeadTimeout)
}

func TestConnectionWithoutAByteIsClosedSilently(t *testing.T) {
	f := newFixture(t)
	client := f.client()
	f.until(10 * second)
	if client.Closed() {
		t.Fatal("closed early")
	}
	f.past()
	if !client.GotFIN() || client.Received() != "" {
		t.Errorf("closed %v, received %q", client.GotFIN(), client.Received())
	}
}

func TestBodyThatStopsIsAnswered408(t *testing.T) {
	f := newFixture(t, func(s *setup) { s.listener.MinBodyRate = 0 })
	client, up := f.exchanging(post)
	f.n.Advance(20 * second)
	client.Send("abc")
	f.until(30 * second)
	if client.Take() != "" {
		t.Fatal("answered early")
	}
	f.past()
	closedWith(t, client, fault.BodyTimeout)
	if !up.GotRST() {
		t.Error("the endpoint was not told")
	}
}

func TestMinimumBodyRate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rate  configs.Size
		piece int // bytes sent each 5 s
		ended bool
	}{
		{"drip", 256, 5, true},
		{"just below", 256, 1279, true},
		{"at the rate", 256, 1280, false},
		{"above", 256, 5000, false},
		{"drip where any rate will do", 0, 5, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, func(s *setup) { s.listener.MinBodyRate = tt.rate })
			client, _ := f.exchanging(post)
			piece := strings.Repeat("x", tt.piece)
			client.Send(piece)
			f.n.Advance(5 * second)
			client.Send(piece)
			f.until(5 * second)
			if client.Take() != "" {
				t.Fatal("judged before the window has ended")
			}
			f.past()
			if tt.ended {
				closedWith(t, client, fault.BodyTooSlow)
				return
			}
			for range 20 {
				client.Send(piece)
				f.n.Advance(5 * second)
			}
			if client.Take() != "" || client.Closed() {
				t.Error("ended")
			}
		})
	}
}

// A window that begins well does not pay for the next one.
func TestBodyRateIsJudgedWindowByWindow(t *testing.T) {
	f := newFixture(t)
	client, _ := f.exchanging(post)
	client.Send(strings.Repeat("x", 100_000))
	f.n.Advance(10*second + tick)
	if client.Take() != "" {
		t.Fatal("a fast window was ended")
	}
	client.Send("x")
	f.n.Advance(10*second + tick)
	closedWith(t, client, fault.BodyTooSlow)
}

// While weir itself does not read, the client cannot send, and is not slow.
func TestPausedUploadIsNotSlow(t *testing.T) {
	f := newFixture(t, func(s *setup) { s.pauseAbove = 4096 })
	client, up := f.exchanging(post)
	up.SetWindow(0)
	client.Send(strings.Repeat("x", 10_000), "y") // y stays unread
	if client.Unread() != 1 {
		t.Fatalf("%d bytes unread, want the upload paused", client.Unread())
	}
	f.n.Advance(50 * second)
	if client.Take() != "" {
		t.Fatal("ended while paused")
	}
	up.SetWindow(transporttest.Unlimited)
	if client.Unread() != 0 {
		t.Fatal("still paused")
	}
	f.until(10 * second)
	if client.Take() != "" {
		t.Fatal("the pause was counted")
	}
	f.past()
	closedWith(t, client, fault.BodyTooSlow)
}

// An endpoint that reads slowly delays its own response; it is not late with it.
func TestSlowlyReadUploadOutlivesTheResponseTimeout(t *testing.T) {
	f := newFixture(t)
	client, up := f.exchanging(post)
	up.SetWindow(0)
	client.Send(strings.Repeat("x", 1_000_000))
	for range 900 { // fifteen minutes at 1 KiB/s; the timeout is one minute
		up.SetWindow(1024)
		f.n.Advance(second)
	}
	if client.Take() != "" || client.Closed() {
		t.Fatal("ended although it moves")
	}
	f.until(59 * second)
	if client.Take() != "" {
		t.Fatal("ended early")
	}
	f.n.Advance(tick + second)
	wantHead(t, client.Take(), "HTTP/1.1 504 ", "Weir-Error: response_timeout")
}

// The endpoint has kept up for minutes, and then makes one pause.
func TestLongUploadMayPause(t *testing.T) {
	f := newFixture(t, func(s *setup) { s.pauseAbove = 4096 })
	client, up := f.exchanging(post)
	for range 100 {
		client.Send(strings.Repeat("x", 5000))
		f.n.Advance(second)
	}
	up.SetWindow(0)
	client.Send(strings.Repeat("x", 5000))
	f.n.Advance(30 * second)
	if got := client.Take(); got != "" {
		t.Fatalf("ended after 30 s of silence with %q", got)
	}
	f.n.Advance(31 * second)
	wantHead(t, client.Take(), "HTTP/1.1 504 ")
}

func TestLateResponseIsAnswered504(t *testing.T) {
	f := newFixture(t)
	client, up := f.exchanging(get)
	f.until(60 * second)
	if client.Take() != "" {
		t.Fatal("answered early")
	}
	f.past()
	wantHead(t, client.Take(), "HTTP/1.1 504 ", "Weir-Error: response_timeout")
	if client.Closed() || !up.GotRST() {
		t.Errorf("client kept %v, endpoint reset %v", !client.Closed(), up.GotRST())
	}
}

// Interim responses, and half a head, are no response.
func TestEndpointCannotDelayItsResponseByInterimOnes(t *testing.T) {
	f := newFixture(t)
	client, up := f.exchanging(get)
	for range 12 {
		up.Send("HTTP/1.1 102 Processing\r\n\r\n")
		f.n.Advance(5*second + tick)
	}
	if got := client.Take(); !strings.Contains(got, "HTTP/1.1 504 ") {
		t.Errorf("got %q", got)
	}
}

func TestSilentResponseIsCut(t *testing.T) {
	f := newFixture(t)
	client, up := f.exchanging(get)
	up.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	f.n.Advance(200 * second)
	up.Send("1\r\nx\r\n")
	client.Take()
	f.until(300 * second)
	if client.Closed() {
		t.Fatal("cut early")
	}
	f.past()
	if !client.GotRST() || client.Take() != "" || !up.GotRST() || f.faults(fault.ResponseIdle) != 1 {
		t.Errorf("client reset %v, endpoint reset %v", client.GotRST(), up.GotRST())
	}
}

func TestClientThatTakesNothingIsCut(t *testing.T) {
	f := newFixture(t)
	client, up := f.exchanging(get)
	client.SetWindow(100)
	up.Send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("x", 1000))
	f.n.Advance(20 * second)
	client.SetWindow(1)
	f.until(30 * second)
	if client.Closed() {
		t.Fatal("cut early")
	}
	f.past()
	if !client.GotRST() || f.faults(fault.SendTimeout) != 1 {
		t.Error("not cut")
	}
}

// An hour of a client that takes 1 KiB a second from an endpoint that sends as fast
// as it is let: nobody is cut, and no more is held than the high mark and one read.
func TestSlowReaderIsHeldWithinTheMarks(t *testing.T) {
	f := newFixture(t)
	client, up := f.exchanging(get)
	client.SetWindow(0)
	up.Send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
	const high, oneRead = 256 << 10, int64(transport.BufferBytes)
	block := strings.Repeat("x", 1<<20)
	most := int64(0)
	for range 3600 {
		if up.Unread() < len(block) {
			up.Send(block)
		}
		most = max(most, f.n.Loop.Pool.Stats().Bytes)
		client.SetWindow(1024)
		f.n.Advance(second)
	}
	if client.Closed() || len(client.Received()) != 3600*1024 {
		t.Fatalf("closed %v after %d bytes", client.Closed(), len(client.Received()))
	}
	if slack := int64(32 << 10); most > high+oneRead+slack {
		t.Errorf("%d bytes held, want at most %d", most, high+oneRead+slack)
	}
	if up.Unread() < len(block)/2 {
		t.Errorf("only %d bytes left unread", up.Unread())
	}
}
