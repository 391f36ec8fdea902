package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"weir/configs"
	"weir/engine/fault"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
)

// sides gives a tunnel as seen from either end.
func sides(t *testing.T, check func(t *testing.T, f *fixture, near, far *transporttest.Link)) {
	t.Run("client", func(t *testing.T) {
		f := newFixture(t)
		client, up := f.tunnel()
		check(t, f, client, up)
	})
	t.Run("endpoint", func(t *testing.T) {
		f := newFixture(t)
		client, up := f.tunnel()
		check(t, f, up, client)
	})
}

func TestTunnelHalfClose(t *testing.T) {
	sides(t, func(t *testing.T, f *fixture, near, far *transporttest.Link) {
		far.Take()
		far.SetWindow(2)
		near.SendShut("last")
		if far.GotFIN() {
			t.Fatal("FIN overtook bytes")
		}
		far.SetWindow(transporttest.Unlimited)
		if got := far.Take(); got != "last" || !far.GotFIN() || far.Closed() || near.GotFIN() {
			t.Fatalf("got %q, FIN %v, closed %v, FIN back %v", got, far.GotFIN(), far.Closed(), near.GotFIN())
		}
		near.Take()
		far.Send("answer")
		if got := near.Take(); got != "answer" {
			t.Fatalf("the other direction gave %q", got)
		}
		far.Shut()
		if !near.GotFIN() || near.GotRST() || far.GotRST() || !near.Closed() || f.counters.TunnelsOpen.Load() != 0 {
			t.Error("the tunnel did not end in order")
		}
	})
}

func TestTunnelReset(t *testing.T) {
	sides(t, func(t *testing.T, f *fixture, near, far *transporttest.Link) {
		near.ResetByPeer()
		if !far.GotRST() || !near.Closed() || f.faults(fault.TunnelReset) != 1 {
			t.Errorf("reset %v, closed %v", far.GotRST(), near.Closed())
		}
	})
}

func TestTunnelResetAfterHalfClose(t *testing.T) {
	sides(t, func(t *testing.T, f *fixture, near, far *transporttest.Link) {
		near.Shut()
		far.ResetByPeer()
		if !near.GotRST() || !far.Closed() {
			t.Errorf("reset %v, closed %v", near.GotRST(), far.Closed())
		}
	})
}

// Silence is counted from the last byte in either direction, and no other timeout
// has a say.
func TestTunnelIdle(t *testing.T) {
	short := configs.Duration(time.Second)
	f := newFixture(t, func(s *setup) {
		s.listener.Timeouts = configs.ListenerTimeouts{RequestHead: short, BodyIdle: short, KeepAliveIdle: short}
		s.route.Timeouts.Response, s.route.Timeouts.ResponseIdle = short, short
		s.cluster.Timeouts = configs.ClusterTimeouts{Connect: short, Idle: short, Lifetime: short}
	})
	client, up := f.tunnel()
	for _, from := range []*transporttest.Link{client, up} {
		f.until(3600 * second)
		from.Send("x")
		if client.Closed() || up.Closed() {
			t.Fatal("ended early")
		}
	}
	f.until(3600 * second)
	if client.Closed() {
		t.Fatal("ended early")
	}
	f.past()
	if !client.GotFIN() || !up.GotFIN() || f.faults(fault.TunnelIdle) != 1 {
		t.Errorf("client FIN %v, endpoint FIN %v", client.GotFIN(), up.GotFIN())
	}
}

// A slow reader that drains what is queued is not silent; one that stops is.
func TestTunnelThatDrainsIsNotIdle(t *testing.T) {
	f := newFixture(t, func(s *setup) { s.route.Timeouts.TunnelIdle = configs.Duration(time.Minute) })
	client, up := f.tunnel()
	client.SetWindow(0)
	up.Send(strings.Repeat("x", 1<<20))
	for range 600 {
		client.SetWindow(1024)
		f.n.Advance(second)
	}
	if client.Closed() {
		t.Fatalf("ended after %d KiB", len(client.Received())/1024)
	}
	f.n.Advance(60*second + tick)
	if !client.Closed() {
		t.Error("a client that takes nothing is not idle")
	}
}

// Events without bytes are no life sign, also after a half-close.
func TestEventsDoNotKeepATunnel(t *testing.T) {
	f := newFixture(t)
	client, up := f.tunnel()
	client.Shut()
	for range 61 {
		f.n.Advance(60 * second)
		client.Spurious()
		up.Spurious()
	}
	if !client.Closed() {
		t.Error("kept alive by events")
	}
}

// TestRandomTunnels sends random bytes both ways, ahead of the switch too, through
// random windows: each side gets exactly what the other sent, then its FIN.
func TestRandomTunnels(t *testing.T) {
	for seed := range uint64(1000) {
		if err := randomTunnel(t, rand.New(rand.NewPCG(seed, 1))); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func randomTunnel(t *testing.T, rnd *rand.Rand) error {
	f := newFixture(discard{t}, func(s *setup) {
		s.pauseAbove = 1 << (8 + rnd.IntN(10))
		if rnd.IntN(16) == 0 {
			s.log = debugLog(t)
		}
	})
	client := f.client()
	ends := [2]struct {
		link *transporttest.Link
		left string // to be sent
		want string // to be received
	}{}
	for i, head := range []string{handshake, switched} {
		var b strings.Builder
		for k := range rnd.IntN(3) * size(rnd) / 4 {
			fmt.Fprintf(&b, "%c%d ", 'a'+i, k)
		}
		ends[i].left = head + b.String()
		ends[1-i].want = b.String()
	}
	ends[0].link = client
	for step := 0; ; step++ {
		if ends[1].link == nil {
			if ends[1].link = f.n.Dialled(); ends[1].link != nil {
				ends[1].link.Connect()
			}
		}
		hurry := step > 100
		for i := range ends {
			e := &ends[i]
			if e.link == nil || e.link.Closed() || i == 1 && !strings.Contains(e.link.Received(), "\r\n\r\n") {
				continue
			}
			switch n := min(len(e.left), 1+size(rnd)); {
			case hurry:
				e.link.SetWindow(transporttest.Unlimited)
			case rnd.IntN(3) == 0:
				e.link.SetWindow(rnd.IntN(3) * size(rnd))
				continue
			case e.left != "":
				e.link.Send(e.left[:n])
				e.left = e.left[n:]
				continue
			}
			if hurry && e.left != "" {
				e.link.SendShut(e.left)
				e.left = ""
			} else if hurry {
				e.link.Shut()
			}
		}
		if step > 110 {
			break
		}
	}
	for i := range ends {
		if got := body(ends[i].link.Received()); got != ends[i].want || !ends[i].link.GotFIN() {
			return fmt.Errorf("side %d got %d bytes of %d, FIN %v", i, len(got), len(ends[i].want), ends[i].link.GotFIN())
		}
	}
	f.n.Advance(time.Second)
	return f.leftover()
}

// A side that takes nothing leaves the other unread, above the high mark.
func TestTunnelIsHeldWithinTheMarks(t *testing.T) {
	sides(t, func(t *testing.T, f *fixture, near, far *transporttest.Link) {
		far.SetWindow(0)
		near.Send(strings.Repeat("x", 1<<20))
		const most = 256<<10 + transport.BufferBytes + 32<<10 // the high mark, one read, what buffers waste
		if held := f.n.Loop.Pool.Stats().Bytes; held > most || near.Unread() < 1<<20-most {
			t.Errorf("%d bytes held, %d left unread", held, near.Unread())
		}
		far.Take()
		far.SetWindow(transporttest.Unlimited)
		if got := len(far.Take()); got != 1<<20 {
			t.Errorf("%d bytes arrived", got)
		}
	})
}
