package session

import (
	"strings"
	"syscall"
	"testing"

	"weir/engine/fault"
	"weir/engine/transport/transporttest"
)

// buggy lets fn panic and then does what the loop does about it.
func buggy(t *testing.T, owner interface{ OnPanic() }, fn func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
		owner.OnPanic()
	}()
	fn()
}

// A bug costs the session it is met in, in whatever phase, and no other.
func TestPanicCostsOneSession(t *testing.T) {
	for _, s := range stages {
		t.Run(s.name, func(t *testing.T) {
			f := newFixture(t)
			other, otherUp := f.tunnel()
			client, up := s.reach(f)
			victim := f.worker.list // the latest
			f.hooks[len(f.hooks)-1].read = func([]byte) (int, syscall.Errno) { panic("a bug") }
			buggy(t, victim, func() {
				victim.down.Poke()
				victim.down.Read()
			})
			f.n.Settle()
			if !client.GotRST() || inIt(s.name) && !up.Closed() {
				t.Errorf("client reset %v", client.GotRST())
			}
			other.Take()
			otherUp.Send("fine")
			if got := other.Take(); got != "fine" {
				t.Errorf("the other session got %q", got)
			}
		})
	}
}

// The bug is met below an event, with an exchange half done.
func TestPanicInsideAnExchange(t *testing.T) {
	f := newFixture(t)
	h := f.hooked()
	h.Send(get)
	up := f.up()
	h.read = func([]byte) (int, syscall.Errno) { panic("a bug") }
	buggy(t, f.worker.list, func() { h.Spurious() })
	f.n.Settle()
	if !h.GotRST() || !up.GotRST() || f.faults(fault.Bug) != 1 {
		t.Errorf("client reset %v, endpoint reset %v, %d counted", h.GotRST(), up.GotRST(), f.faults(fault.Bug))
	}
}

// A second panic on the way out, and events of the dead, change nothing.
func TestDeadSessionBearsAnything(t *testing.T) {
	f := newFixture(t)
	client := f.client()
	s := f.worker.list
	f.n.HoldYields = true
	s.yield()
	client.ResetByPeer()
	s.OnPanic()
	s.OnYield()
	if f.counters.Sessions.Load() != 0 {
		t.Error("still counted")
	}
	f.n.HoldYields = false
}

// One session may not keep the loop: with a sender that is never read dry it yields,
// and another session gets its turn.
func TestFastSenderYields(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	for _, tt := range []struct {
		name string
		fill func(f *fixture) *transporttest.Link // gives the end that receives
	}{
		{"request body", func(f *fixture) *transporttest.Link {
			client, up := f.exchanging("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
			client.Send(big)
			return up
		}},
		{"response body", func(f *fixture) *transporttest.Link {
			client, up := f.exchanging(get)
			up.Send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + big)
			return client
		}},
		{"tunnel", func(f *fixture) *transporttest.Link {
			client, up := f.tunnel()
			client.Send(big)
			return up
		}},
		{"pipelined requests", func(f *fixture) *transporttest.Link {
			client := f.client()
			client.Send(strings.Repeat("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 1000))
			return client
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			f.n.HoldYields = true
			to := tt.fill(f)
			got := len(to.Received())
			if got == 0 || got > 300<<10 {
				t.Fatalf("%d bytes in one turn", got)
			}
			other := f.client()
			other.Send("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n")
			wantHead(t, other.Take(), "HTTP/1.1 501 ")
			f.n.Loop.RunYielded()
			if len(to.Received()) <= got {
				t.Error("it does not go on")
			}
			f.n.HoldYields = false
			f.n.Settle()
			if len(to.Received()) < 140*1000 {
				t.Errorf("%d bytes in all", len(to.Received()))
			}
		})
	}
}
