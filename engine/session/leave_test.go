package session

import (
	"strings"
	"syscall"
	"testing"

	"weir/engine/fault"
	"weir/engine/transport/transporttest"
)

// stage brings a session to a phase; up is nil where there is no endpoint yet.
type stage struct {
	name  string
	reach func(f *fixture) (client, up *transporttest.Link)
}

var stages = []stage{
	{"no byte", func(f *fixture) (client, up *transporttest.Link) { return f.client(), nil }},
	{"part of a head", func(f *fixture) (client, up *transporttest.Link) {
		client = f.client()
		client.Send(get[:20])
		return client, nil
	}},
	{"dialling", func(f *fixture) (client, up *transporttest.Link) {
		client = f.client()
		client.Send(get)
		return client, f.dialled()
	}},
	{"uploading", func(f *fixture) (client, up *transporttest.Link) { return f.exchanging(post + "abc") }},
	{"uploading, paused", func(f *fixture) (client, up *transporttest.Link) {
		client, up = f.exchanging(post)
		up.SetWindow(0)
		client.Send(strings.Repeat("x", 400_000))
		return client, up
	}},
	{"waiting", func(f *fixture) (client, up *transporttest.Link) { return f.exchanging(get) }},
	{"part of a response head", func(f *fixture) (client, up *transporttest.Link) {
		client, up = f.exchanging(get)
		up.Send("HTTP/1.1 200")
		return client, up
	}},
	{"responding", func(f *fixture) (client, up *transporttest.Link) {
		client, up = f.exchanging(get)
		up.Send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
		return client, up
	}},
	{"responding, paused", func(f *fixture) (client, up *transporttest.Link) {
		client, up = f.exchanging(get)
		client.SetWindow(0)
		up.Send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 600_000))
		return client, up
	}},
	{"idle", func(f *fixture) (client, up *transporttest.Link) {
		client, up = f.exchanging(get)
		up.Send(ok)
		return client, up
	}},
	{"handshaking", func(f *fixture) (client, up *transporttest.Link) { return f.exchanging(handshake + "early") }},
	{"tunnel", func(f *fixture) (client, up *transporttest.Link) { return f.tunnel() }},
	{"tunnel, paused", func(f *fixture) (client, up *transporttest.Link) {
		client, up = f.tunnel()
		up.SetWindow(0)
		client.Send(strings.Repeat("x", 400_000))
		return client, up
	}},
	{"refused", func(f *fixture) (client, up *transporttest.Link) {
		client = f.client()
		client.Send("nonsense\r\n\r\n")
		return client, nil
	}},
}

// inIt are the stages whose endpoint is at work for the client.
func inIt(name string) bool {
	switch name {
	case "no byte", "part of a head", "idle", "refused":
		return false
	}
	return true
}

// A client that leaves is gone at once, and so is what was done for it.
func TestClientLeaves(t *testing.T) {
	for _, s := range stages {
		t.Run(s.name+" FIN", func(t *testing.T) {
			f := newFixture(t)
			client, up := s.reach(f)
			client.Shut()
			switch s.name {
			case "tunnel":
				if client.Closed() || !up.GotFIN() {
					t.Error("a half-close ended the tunnel")
				}
				return
			case "tunnel, paused", "uploading, paused", "handshaking":
				// Its FIN lies behind bytes that are not read yet.
				return
			}
			if !client.Closed() || inIt(s.name) && !up.GotRST() {
				t.Errorf("client closed %v", client.Closed())
			}
		})
		t.Run(s.name+" RST", func(t *testing.T) {
			f := newFixture(t)
			client, up := s.reach(f)
			client.ResetByPeer()
			switch s.name {
			case "tunnel, paused", "uploading, paused":
				return
			}
			if !client.Closed() || inIt(s.name) && !up.GotRST() {
				t.Errorf("client closed %v", client.Closed())
			}
		})
	}
}

// An endpoint that leaves before it has answered is answered for; one that leaves
// in its answer is seen to.
func TestEndpointLeaves(t *testing.T) {
	for _, s := range stages {
		for name, leave := range map[string]func(*transporttest.Link){"FIN": (*transporttest.Link).Shut, "RST": (*transporttest.Link).ResetByPeer} {
			t.Run(s.name+" "+name, func(t *testing.T) {
				f := newFixture(t)
				client, up := s.reach(f)
				if up == nil || s.name == "dialling" {
					return
				}
				leave(up)
				client.SetWindow(transporttest.Unlimited)
				got := client.Take()
				switch s.name {
				case "idle":
					if client.Closed() || !up.Closed() {
						t.Errorf("client closed %v, endpoint closed %v", client.Closed(), up.Closed())
					}
				case "tunnel", "tunnel, paused":
					if name == "FIN" && (!client.GotFIN() || client.Closed()) || name == "RST" && !client.GotRST() {
						t.Errorf("FIN %v, RST %v, closed %v", client.GotFIN(), client.GotRST(), client.Closed())
					}
				case "responding", "responding, paused":
					if !client.Closed() || f.faults(fault.ResponseTruncated) != 1 {
						t.Errorf("closed %v after %q", client.Closed(), got)
					}
				default:
					if !strings.Contains(got, "HTTP/1.1 502 ") || !up.Closed() {
						t.Errorf("got %q", got)
					}
				}
			})
		}
	}
}

// Drain ends what is idle, lets the rest finish, and leaves tunnels to their peers.
func TestDrainInEachPhase(t *testing.T) {
	for _, s := range stages {
		t.Run(s.name, func(t *testing.T) {
			f := newFixture(t)
			client, up := s.reach(f)
			client.Take()
			f.worker.Drain()
			f.n.Settle()
			switch s.name {
			case "no byte", "idle":
				if !client.GotFIN() {
					t.Error("left open")
				}
			case "part of a head":
				client.Send(get[20:])
				f.up().Send(ok)
				wantHead(t, client.Take(), "HTTP/1.1 200 ", "Connection: close")
			case "dialling", "waiting", "handshaking", "part of a response head":
				if up.Pending() {
					up.Connect()
				}
				if s.name == "part of a response head" {
					up.Send(ok[len("HTTP/1.1 200"):])
				} else {
					up.Send(ok)
				}
				wantHead(t, client.Take(), "HTTP/1.1 200 ", "Connection: close")
			case "uploading":
				client.Send(strings.Repeat("x", 1_000_000))
				up.Send(ok)
				wantHead(t, client.Take(), "HTTP/1.1 200 ", "Connection: close")
			case "responding":
				up.Send("defghi")
				if got := client.Take(); got != "defghi" {
					t.Errorf("got %q", got)
				}
			case "tunnel":
				f.n.Advance(60 * second)
				client.Send("x")
				if up.Take(); client.Closed() || up.Closed() {
					t.Error("the tunnel was ended")
				}
				client.Shut()
				up.Shut()
			default:
				return
			}
			if !client.Closed() {
				if client.Shut(); !client.Closed() {
					t.Error("not closed in the end")
				}
			}
			if f.counters.Idle.Load() != 0 {
				t.Error("an upstream connection was kept")
			}
		})
	}
}

// A request that lies in the socket when the drain begins is still answered.
func TestDrainAnswersWhatHasArrived(t *testing.T) {
	f := newFixture(t)
	hook := f.hooked()
	client := hook.Link
	client.Send(get)
	up := f.up()
	up.Send(ok)
	client.Take()
	hook.read = func(p []byte) (int, syscall.Errno) {
		hook.read = nil
		return copy(p, get), 0
	}
	f.worker.Drain()
	f.n.Settle()
	up.Send(ok)
	wantHead(t, client.Take(), "HTTP/1.1 200 ", "Connection: close")
	if !client.GotFIN() {
		t.Error("kept")
	}
}

// Cut ends everything now.
func TestCutInEachPhase(t *testing.T) {
	for _, s := range stages {
		t.Run(s.name, func(t *testing.T) {
			f := newFixture(t)
			client, up := s.reach(f)
			f.worker.Cut()
			f.n.Settle()
			if !client.Closed() || up != nil && !up.Closed() {
				t.Errorf("client closed %v", client.Closed())
			}
		})
	}
}
