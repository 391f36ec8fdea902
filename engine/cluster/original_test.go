package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/configs"
	"weir/engine/observe"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
	"weir/pool"
)

const testStale = 5 * time.Second

func addr(s string) transport.Addr { return transport.AddrFrom(netip.MustParseAddrPort(s)) }

// newOriginalBench is a bench of a cluster of original destinations, which notes what
// becomes of its endpoints.
func newOriginalBench(t *testing.T, edit func(*configs.Cluster)) (b *bench, told func() string) {
	t.Helper()
	cfg := configs.NewCluster()
	cfg.Discovery, cfg.StaleAfter = "original_dst", configs.Duration(testStale)
	cfg.Timeouts = configs.ClusterTimeouts{Idle: configs.Duration(testIdle), Lifetime: configs.Duration(testLifetime)}
	if edit != nil {
		edit(cfg)
	}
	c, err := Compile(t.Context(), "test", cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	b = &bench{t: t, net: transporttest.New(), counters: &observe.Counters{}, slab: &pool.Slab[Upstream]{}}
	b.local = c.Local(b.net.Loop, b.counters, b.slab, 0)
	var log []string
	b.local.Told = func(c Change, e *Endpoint) {
		log = append(log, strings.Fields(c.String())[0]+" "+strings.Fields(c.String())[1]+" "+e.Address)
	}
	t.Cleanup(func() {
		b.local.CloseIdle()
		b.require("at the end", 0, 0)
		if n := c.Original.have.Load(); n != 0 || b.counters.Endpoints.Load() != 0 || b.counters.EndpointsAdded.Load() != b.counters.EndpointsRemoved.Load() {
			t.Errorf("%d endpoints are left, %d counted", n, b.counters.Endpoints.Load())
		}
		if err := b.net.Quiet(); err != nil {
			t.Error(err)
		}
	})
	return b, func() string {
		all := strings.Join(log, "; ")
		log = nil
		return all
	}
}

func requireTold(t *testing.T, told func() string, when, want string) {
	t.Helper()
	if got := told(); got != want {
		t.Errorf("%s: told %q, want %q", when, got, want)
	}
}

// An endpoint is made once, lives while it is used, and goes with its idle connections
// when it is not.
func TestOriginalEndpointsComeAndGo(t *testing.T) {
	b, told := newOriginalBench(t, nil)
	e := b.local.Destination(addr("192.0.2.1:80"))
	if e == nil || e.Address != "192.0.2.1:80" || b.local.Destination(addr("192.0.2.1:80")) != e {
		t.Fatalf("%+v", e)
	}
	requireTold(t, told, "at first", "endpoint added 192.0.2.1:80")
	u, _ := b.dial(e, &session{})
	b.net.Advance(testStale + aTick)
	requireTold(t, told, "while a connection is in use", "endpoint kept, 192.0.2.1:80")
	u.Keep()
	b.net.Advance(testStale - 2*aTick)
	requireTold(t, told, "not yet stale", "")
	if b.local.Destination(addr("192.0.2.1:80")) != e {
		t.Error("made anew")
	}
	b.net.Advance(testStale - 2*aTick)
	requireTold(t, told, "used again meanwhile", "")
	b.require("kept", 1, 1)
	b.net.Advance(3 * aTick)
	requireTold(t, told, "stale", "stale endpoint 192.0.2.1:80")
	b.require("its idle connection", 0, 0)
	if again := b.local.Destination(addr("192.0.2.1:80")); again == e {
		t.Error("a removed endpoint came back")
	}
	requireTold(t, told, "after it was removed", "endpoint added 192.0.2.1:80")
}

// Each endpoint has a deadline of its own, and many are looked at over several turns.
func TestOriginalEndpointsAreManyAtOnce(t *testing.T) {
	b, told := newOriginalBench(t, nil)
	const n = 3*sweepBudget + 1
	dst := func(i int) transport.Addr { return addr(fmt.Sprintf("10.0.%d.%d:80", i/256, i%256)) }
	for i := range n {
		b.local.Destination(dst(i))
	}
	told()
	used, _ := b.dial(b.local.Destination(dst(7)), &session{})
	b.net.Advance(testStale / 2)
	b.local.Destination(dst(9))
	b.net.Advance(testStale/2 + aTick)
	b.net.Advance(20 * aTick)
	removed := strings.Split(told(), "; ")
	kept := slices.IndexFunc(removed, func(s string) bool { return s == "endpoint kept, 10.0.0.7:80" })
	if len(removed) != n-1 || kept < 0 || b.local.Original.have.Load() != 2 {
		t.Errorf("%d lines, kept at %d, %d are left", len(removed), kept, b.local.Original.have.Load())
	}
	used.Discard(false)
	b.net.Advance(testStale + 2*aTick)
	if b.local.Original.have.Load() != 0 || b.net.Loop.Timers() != 0 {
		t.Errorf("%d are left, %d timers", b.local.Original.have.Load(), b.net.Loop.Timers())
	}
}

// The bound holds for all loops together.
func TestOriginalEndpointsAreBounded(t *testing.T) {
	b, _ := newOriginalBench(t, func(c *configs.Cluster) { c.MaxEndpoints = 2 })
	other := b.local.Cluster.Local(b.net.Loop, b.counters, b.slab, 1)
	one, two, three := addr("192.0.2.1:80"), addr("192.0.2.2:80"), addr("[2001:db8::1]:80")
	u, _ := b.dial(b.local.Destination(one), &session{})
	v, errno := other.Dial(other.Destination(two), transport.Addr{}, &session{}, nil)
	if errno != 0 {
		t.Fatal(errno)
	}
	if b.local.Destination(three) != nil || other.Destination(one) != nil {
		t.Error("more than may be")
	}
	if b.local.Destination(one) == nil || b.local.Original.have.Load() != 2 {
		t.Error("one that is there was refused")
	}
	v.Discard(false)
	if b.local.Destination(three) != nil {
		t.Error("an endpoint of another loop had to go")
	}
	// What nobody uses goes for what somebody wants, with its idle connections.
	u.Keep()
	if e := b.local.Destination(three); e == nil || b.local.Original.have.Load() != 2 {
		t.Error("refused though one of the loop is not used")
	}
	b.require("in place of one that was kept idle", 0, 0)
	other.CloseIdle()
}

func TestOriginalPortsAreReplaced(t *testing.T) {
	b, _ := newOriginalBench(t, func(c *configs.Cluster) { c.DestinationPorts = map[string]int{"80": 8080, "443": 8443} })
	for from, to := range map[string]string{"192.0.2.1:80": "192.0.2.1:8080", "192.0.2.1:443": "192.0.2.1:8443", "192.0.2.1:81": "192.0.2.1:81", "192.0.2.1:8080": "192.0.2.1:8080"} {
		if e := b.local.Destination(b.local.Original.Map(addr(from))); e.Address != to || e.Addr != addr(to) {
			t.Errorf("%s leads to %s", from, e.Address)
		}
	}
	if n := b.local.Original.have.Load(); n != 3 {
		t.Errorf("%d endpoints", n)
	}
}

// A connection made in the name of a client is for that client only, and waits for it
// longer than for one that has not come for the longest time.
func TestConnectionsInTheNameOfClients(t *testing.T) {
	for _, tt := range []struct {
		source string
		same   bool // another port of the client will do
	}{{"client_ip", true}, {"client_ip_port", false}} {
		b, _ := newOriginalBench(t, func(c *configs.Cluster) { c.Source, c.MaxIdle = tt.source, 2 })
		e := b.local.Destination(addr("192.0.2.1:80"))
		alice, alice2, bob := addr("10.0.0.1:1000"), addr("10.0.0.1:2000"), addr("10.0.0.2:1000")
		keep := func(client transport.Addr) {
			u, errno := b.local.Dial(e, b.local.From(client), &session{}, nil)
			if errno != 0 {
				t.Fatal(errno)
			}
			link := b.net.Dialled()
			if link.From.Addr() != client.Addr() || (link.From.Port() == 0) != tt.same {
				t.Errorf("%s: comes from %s", tt.source, link.From)
			}
			link.Connect()
			u.Keep()
		}
		reuse := func(client transport.Addr, want bool) {
			t.Helper()
			u := b.local.Reuse(e, b.local.From(client), &session{})
			if (u != nil) != want {
				t.Errorf("%s: %s reuses: %v", tt.source, client, u != nil)
			}
			if u != nil {
				u.Keep()
			}
		}
		keep(alice)
		reuse(alice, true)
		reuse(bob, false)
		reuse(alice2, tt.same)
		reuse(transport.Addr{}, false)
		keep(bob)
		keep(bob) // alice's goes
		reuse(alice, false)
		reuse(bob, true)
		b.require(tt.source, 2, 2)
	}
}

func TestPortThatCannotBeHad(t *testing.T) {
	b, _ := newOriginalBench(t, func(c *configs.Cluster) { c.Source, c.Mark = "client_ip_port", 7 })
	b.net.PortsTaken = true
	e, client := b.local.Destination(addr("192.0.2.1:80")), addr("10.0.0.1:1000")
	u, errno := b.local.Dial(e, b.local.From(client), &session{}, nil)
	if errno != 0 || b.counters.PortFallbacks.Load() != 1 {
		t.Fatalf("%v, %d fallbacks", errno, b.counters.PortFallbacks.Load())
	}
	link := b.net.Dialled()
	if link.From != client.WithPort(0) || link.Mark != 7 || link.To != e.Addr {
		t.Errorf("%+v", link.Outgoing)
	}
	link.Connect()
	u.Keep()
	if u := b.local.Reuse(e, b.local.From(client), &session{}); u == nil {
		t.Error("it is not the client's any more")
	} else {
		u.Discard(false)
	}
}

// Look-ups of destinations that are known cost no allocation.
func TestKnownDestinationDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b, _ := newOriginalBench(t, func(c *configs.Cluster) { c.DestinationPorts = map[string]int{"80": 8080} })
	a, z := addr("192.0.2.1:80"), addr("[2001:db8::1]:443")
	if n := testing.AllocsPerRun(1000, func() {
		b.local.Destination(b.local.Original.Map(a))
		b.local.Destination(b.local.Original.Map(z))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
