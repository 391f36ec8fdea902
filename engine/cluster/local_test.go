package cluster

import (
	"strconv"
	"syscall"
	"testing"
	"time"

	"weir/configs"
	"weir/engine/fault"
	"weir/engine/observe"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
	"weir/pool"
)

const (
	testIdle     = time.Minute
	testLifetime = 3 * time.Minute
	aTick        = 10 * time.Millisecond // deadlines are rounded up to less than this
)

// session stands for what uses upstream connections.
type session struct{ calls int }

func (s *session) OnConn(*transport.Conn)      { s.calls++ }
func (s *session) OnConnPanic(*transport.Conn) {}

type bench struct {
	t        *testing.T
	net      *transporttest.Net
	local    *Local
	counters *observe.Counters
	slab     *pool.Slab[Upstream]
}

func newBench(t *testing.T, maxIdle int, weights ...int) *bench {
	t.Helper()
	cfg := &configs.Cluster{
		MaxIdle:  maxIdle,
		Timeouts: configs.ClusterTimeouts{Idle: configs.Duration(testIdle), Lifetime: configs.Duration(testLifetime)},
	}
	for i, w := range weights {
		cfg.Endpoints = append(cfg.Endpoints, configs.Endpoint{Address: "192.0.2.1:" + strconv.Itoa(1000+i), Weight: w})
	}
	c, err := Compile(t.Context(), "test", cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, net: transporttest.New(), counters: &observe.Counters{}, slab: &pool.Slab[Upstream]{}}
	b.local = c.Local(b.net.Loop, b.counters, b.slab, 0)
	t.Cleanup(func() {
		b.local.CloseIdle()
		b.require("at the end", 0, 0)
		if err := b.net.Quiet(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// dial gives a connection to e that is up.
func (b *bench) dial(e *Endpoint, owner transport.Owner) (*Upstream, *transporttest.Link) {
	b.t.Helper()
	u, errno := b.local.Dial(e, transport.Addr{}, owner, nil)
	if errno != 0 {
		b.t.Fatal(errno)
	}
	link := b.net.Dialled()
	link.Connect()
	return u, link
}

func (b *bench) require(when string, idle, live int64) {
	b.t.Helper()
	b.net.Settle()
	if b.counters.Idle.Load() != idle || b.slab.Live() != live {
		b.t.Errorf("%s: %d idle, %d alive; want %d, %d", when, b.counters.Idle.Load(), b.slab.Live(), idle, live)
	}
}

func TestPickGoesRound(t *testing.T) {
	b := newBench(t, 1, 2, 1, 1)
	for start, want := range []string{"abacabac", "bacabaca", "acabacab", "cabacaba", "abacabac"} {
		l := b.local.Cluster.Local(b.net.Loop, b.counters, b.slab, start)
		got := ""
		for range len(want) {
			got += string(rune('a' + l.Pick().index))
		}
		if got != want {
			t.Errorf("start %d: %s, want %s", start, got, want)
		}
	}
}

func TestNextVisitsEveryEndpoint(t *testing.T) {
	b := newBench(t, 1, 1, 5, 1)
	e := b.local.Endpoints[1]
	seen := map[*Endpoint]bool{}
	for range 3 {
		seen[e] = true
		e = b.local.Next(e)
	}
	if len(seen) != 3 || e != b.local.Endpoints[1] {
		t.Errorf("visited %d of 3", len(seen))
	}
	one := newBench(t, 1, 1)
	if only := one.local.Endpoints[0]; one.local.Next(only) != only {
		t.Error("the only endpoint is not its own next")
	}
}

func TestReuseTakesTheLatestKept(t *testing.T) {
	b := newBench(t, 8, 1, 1)
	first, other := b.local.Endpoints[0], b.local.Endpoints[1]
	var kept []*Upstream
	for range 3 {
		u, _ := b.dial(first, &session{})
		if u.Reused() {
			t.Error("a new connection says that it was reused")
		}
		kept = append(kept, u)
	}
	for _, u := range kept {
		u.Keep()
	}
	b.require("kept", 3, 3)
	if b.local.Reuse(other, transport.Addr{}, &session{}) != nil {
		t.Error("a connection to another endpoint was given")
	}
	for i := 2; i >= 0; i-- {
		s := &session{}
		u := b.local.Reuse(first, transport.Addr{}, s)
		if u != kept[i] || !u.Reused() || u.Endpoint != first {
			t.Fatalf("reuse %d: %p, want %p", i, u, kept[i])
		}
		u.OnReady(0)
		if s.calls != 1 {
			t.Error("the session does not own what it reuses")
		}
	}
	if b.local.Reuse(first, transport.Addr{}, &session{}) != nil {
		t.Error("a connection in use was given")
	}
	b.require("in use", 0, 3)
	if b.counters.Reused.Load() != 3 || b.counters.Dialled.Load() != 3 || b.net.Loop.Timers() != 0 {
		t.Errorf("%d reused, %d dialled, %d timers", b.counters.Reused.Load(), b.counters.Dialled.Load(), b.net.Loop.Timers())
	}
	for _, u := range kept {
		u.Discard(false)
	}
}

func TestKeepIsCappedPerEndpoint(t *testing.T) {
	b := newBench(t, 2, 1, 1)
	for _, e := range b.local.Endpoints {
		var us []*Upstream
		var links []*transporttest.Link
		for range 4 {
			u, link := b.dial(e, &session{})
			us, links = append(us, u), append(links, link)
		}
		for _, u := range us {
			u.Keep()
		}
		for i, link := range links {
			if link.Closed() != (i >= 2) || link.GotRST() {
				t.Errorf("connection %d: closed %v, RST %v", i, link.Closed(), link.GotRST())
			}
		}
	}
	b.require("two for each of two", 4, 4)

	none := newBench(t, 0, 1)
	u, link := none.dial(none.local.Endpoints[0], &session{})
	u.Keep()
	if !link.GotFIN() {
		t.Error("kept although none is to be kept")
	}
}

func TestIdleConnectionsTimeOut(t *testing.T) {
	b := newBench(t, 8, 1)
	e := b.local.Endpoints[0]
	u, link := b.dial(e, &session{})
	u.Keep()
	b.net.Advance(testIdle - aTick)
	if link.Closed() {
		t.Fatal("closed early")
	}
	u = b.local.Reuse(e, transport.Addr{}, &session{})
	b.net.Advance(2 * aTick)
	if link.Closed() {
		t.Fatal("closed in use")
	}
	u.Keep()
	b.net.Advance(testIdle + aTick)
	if !link.GotFIN() {
		t.Error("not closed after its time")
	}
	b.require("timed out", 0, 0)
}

// The lifetime ends in use (at Keep) and while idle (at its minute, not at the end
// of the idle timeout).
func TestOldConnectionsAreNotReused(t *testing.T) {
	b := newBench(t, 8, 1)
	e := b.local.Endpoints[0]
	busy, busyLink := b.dial(e, &session{})
	idle, idleLink := b.dial(e, &session{})
	b.net.Advance(testLifetime - testIdle/2)
	idle.Keep()
	b.net.Advance(testIdle/2 - aTick)
	if idleLink.Closed() || busyLink.Closed() {
		t.Fatal("closed early")
	}
	b.net.Advance(2 * aTick)
	if !idleLink.GotFIN() || b.local.Reuse(e, transport.Addr{}, &session{}) != nil {
		t.Error("an idle connection outlived its lifetime")
	}
	if busyLink.Closed() {
		t.Fatal("cut in use")
	}
	busy.Keep()
	if !busyLink.GotFIN() {
		t.Error("kept beyond its lifetime")
	}
}

// What an idle connection meets, and what becomes of it.
func TestIdleConnectionIsWatched(t *testing.T) {
	for _, tt := range []struct {
		name    string
		happens func(l *transporttest.Link)
		kept    bool
		surplus int64
	}{
		{"nothing but an event", (*transporttest.Link).Spurious, true, 0},
		{"a response nobody asked for", func(l *transporttest.Link) { l.Send("HTTP/1.1 200 OK\r\n") }, false, 1},
		{"one byte", func(l *transporttest.Link) { l.Send("\n") }, false, 1},
		{"FIN", (*transporttest.Link).Shut, false, 0},
		{"bytes and FIN", func(l *transporttest.Link) { l.SendShut("x") }, false, 1},
		{"RST", (*transporttest.Link).ResetByPeer, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, 8, 1)
			e := b.local.Endpoints[0]
			below, _ := b.dial(e, &session{})
			u, link := b.dial(e, &session{})
			above, _ := b.dial(e, &session{})
			below.Keep()
			u.Keep()
			above.Keep()
			tt.happens(link)
			if link.Closed() == tt.kept || b.counters.Faults[fault.SurplusResponse].Load() != tt.surplus {
				t.Errorf("closed %v, surplus %d", link.Closed(), b.counters.Faults[fault.SurplusResponse].Load())
			}
			if tt.kept {
				b.require("kept", 3, 3)
				return
			}
			b.require("dropped", 2, 2)
			if b.local.Reuse(e, transport.Addr{}, &session{}) != above || b.local.Reuse(e, transport.Addr{}, &session{}) != below || b.local.Reuse(e, transport.Addr{}, &session{}) != nil {
				t.Error("the list is broken")
			}
			above.Discard(false)
			below.Discard(false)
		})
	}
}

// What is wrong with a connection when its exchange ends must end it then.
func TestKeepRefusesWhatIsNotClean(t *testing.T) {
	for _, tt := range []struct {
		name    string
		before  func(u *Upstream, l *transporttest.Link)
		surplus int64
	}{
		{"bytes wait in the socket", func(_ *Upstream, l *transporttest.Link) { l.Send("x") }, 1},
		{"bytes were handed back", func(u *Upstream, l *transporttest.Link) {
			l.Send("surplus")
			data, _, _ := u.Read()
			u.Unread(data)
		}, 1},
		{"FIN waits in the socket", func(_ *Upstream, l *transporttest.Link) { l.Shut() }, 0},
		{"FIN was read", func(u *Upstream, l *transporttest.Link) { l.Shut(); _, _, _ = u.Read() }, 0},
		{"FIN was sent", func(u *Upstream, _ *transporttest.Link) { u.CloseWrite() }, 0},
		{"a request is half sent", func(u *Upstream, l *transporttest.Link) { l.SetWindow(3); u.Write([]byte("POST /")) }, 0},
		{"a write failed", func(u *Upstream, l *transporttest.Link) { l.BreakQuietly(syscall.EPIPE); u.Write([]byte("x")) }, 0},
		{"RST was read", func(u *Upstream, l *transporttest.Link) { l.ResetByPeer(); _, _, _ = u.Read() }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, 8, 1)
			u, link := b.dial(b.local.Endpoints[0], &session{})
			tt.before(u, link)
			u.Keep()
			if !link.Closed() || b.counters.Faults[fault.SurplusResponse].Load() != tt.surplus {
				t.Errorf("closed %v, surplus %d, want %d", link.Closed(), b.counters.Faults[fault.SurplusResponse].Load(), tt.surplus)
			}
			b.require("dropped", 0, 0)
		})
	}
}

// The event of surplus bytes, or of an end, may be behind the request that is about
// to take the connection.
func TestReuseAsksTheKernel(t *testing.T) {
	for _, tt := range []struct {
		name    string
		happens func(*transporttest.Link)
		surplus int64
	}{
		{"surplus bytes", func(l *transporttest.Link) { l.SendQuietly("HTTP/1.1 200 OK\r\n") }, 1},
		{"reset", func(l *transporttest.Link) { l.BreakQuietly(syscall.ECONNRESET) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, 4, 1)
			e := b.local.Pick()
			var owner session
			good, _ := b.dial(e, &owner)
			bad, link := b.dial(e, &owner)
			good.Keep()
			bad.Keep()
			tt.happens(link)
			if u := b.local.Reuse(e, transport.Addr{}, &owner); u != good {
				t.Errorf("Reuse gave %p, want the good one, %p", u, good)
			}
			if got := b.counters.Faults[fault.SurplusResponse].Load(); got != tt.surplus {
				t.Errorf("%d surplus responses counted, want %d", got, tt.surplus)
			}
			good.Discard(false)
			b.net.Settle()
		})
	}
}

func TestDiscardOfListed(t *testing.T) {
	b := newBench(t, 8, 1)
	e := b.local.Endpoints[0]
	var us []*Upstream
	var links []*transporttest.Link
	for range 3 {
		u, link := b.dial(e, &session{})
		us, links = append(us, u), append(links, link)
		u.Keep()
	}
	us[1].Discard(true)
	if !links[1].GotRST() {
		t.Error("no RST")
	}
	b.require("one discarded", 2, 2)
	us[0].OnPanic() // the loop's call: the owner of an idle connection is itself
	if !links[0].GotRST() {
		t.Error("no RST after a panic")
	}
	b.require("two discarded", 1, 1)
	b.local.CloseIdle()
	if !links[2].GotFIN() {
		t.Error("not closed")
	}
	b.require("all closed", 0, 0)
	if b.local.Reuse(e, transport.Addr{}, &session{}) != nil {
		t.Error("a closed connection was given")
	}
}

func TestDialThatFails(t *testing.T) {
	b := newBench(t, 8, 1)
	b.net.RefuseDial = syscall.EMFILE
	if u, errno := b.local.Dial(b.local.Endpoints[0], transport.Addr{}, &session{}, nil); u != nil || errno != syscall.EMFILE {
		t.Errorf("%p, %v", u, errno)
	}
	if b.counters.Dialled.Load() != 0 {
		t.Error("counted as begun")
	}
	b.require("failed", 0, 0)

	b.net.RefuseDial = 0
	s := &session{}
	u, _ := b.local.Dial(b.local.Endpoints[0], transport.Addr{}, s, nil)
	b.net.Dialled().Refuse(syscall.ECONNREFUSED)
	if s.calls != 1 || u.Err() != syscall.ECONNREFUSED {
		t.Errorf("owner called %d times, %v", s.calls, u.Err())
	}
	u.Discard(true)
	b.require("refused", 0, 0)
}

// A value goes back to the slab only when its handler has returned.
func TestDiscardedUpstreamIsNotReusedBelowItsHandler(t *testing.T) {
	b := newBench(t, 8, 1)
	u, _ := b.dial(b.local.Endpoints[0], &session{})
	u.Discard(false)
	if b.slab.Live() != 1 || !u.Closed() || u.Endpoint == nil {
		t.Error("recycled under its user")
	}
	b.require("after the turn", 0, 0)
}

func TestKeepAndReuseDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := newBench(t, 8, 3, 1, 1)
	s := &session{}
	for _, e := range b.local.Endpoints {
		u, _ := b.dial(e, s)
		u.Keep()
	}
	if n := testing.AllocsPerRun(1000, func() {
		u := b.local.Reuse(b.local.Pick(), transport.Addr{}, s)
		u.Keep()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
