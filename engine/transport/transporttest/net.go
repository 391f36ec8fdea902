// Package transporttest is a network in memory for tests of what runs on
// transport: links instead of sockets, and a clock that is moved by hand. Nothing
// sleeps, and the same script always gives the same run.
//
//	n := transporttest.New()
//	client := n.Client()
//	worker.AcceptLink(client, addr, listener)
//	client.Send("GET / HTTP/1.1\r\n", "Host: a\r\n\r\n")
//	up := n.Dialled()
//	up.Connect()
//	up.Send("HTTP/1.1 204 No Content\r\n\r\n")
//	got := client.Take()
//	n.Advance(time.Minute)
package transporttest

import (
	"fmt"
	"syscall"
	"time"

	"weir/engine/reactor"
	"weir/engine/transport"
	"weir/pool"
)

// Net is a loop with no sockets.
type Net struct {
	Loop *transport.Loop
	// AutoConnect completes each connect in the turn after the dial. Otherwise
	// they hang until Link.Connect or Link.Refuse.
	AutoConnect bool
	// RefuseDial, if not 0, is what each dial fails with at once, as EMFILE.
	RefuseDial syscall.Errno
	// PortsTaken fails each dial that is to come from a port of its own.
	PortsTaken bool
	// HoldYields leaves yielded work to RunYielded, for tests of budgets.
	HoldYields bool

	dialled  []*Link // not yet claimed by Dialled
	dials    int
	settling bool
	connects []*Link // to be completed
}

// New makes a Net whose clock starts at 1 s.
func New() *Net {
	n := &Net{Loop: transport.NewLoop(reactor.NewManual())}
	n.Loop.SetDialer(n.dial)
	n.Loop.AdvanceTo(int64(time.Second))
	return n
}

// Room is the event of a socket that takes bytes again.
const Room = reactor.Writable

// NewWithSockets makes a Net whose loop takes descriptors too. None of their events
// is delivered: Conn.Poke stands for them, and Conn.OnReady with Room. The caller
// closes the loop.
func NewWithSockets() (*Net, error) {
	r, err := reactor.New(nil)
	if err != nil {
		return nil, err
	}
	n := &Net{Loop: transport.NewLoop(r)}
	n.Loop.SetDialer(n.dial)
	return n, nil
}

// Client makes the link of a client that has connected. It goes to
// Conn.AttachLink, or to what calls that.
func (n *Net) Client() *Link { return &Link{net: n, window: Unlimited} }

func (n *Net) dial(c *transport.Conn, to transport.Outgoing) syscall.Errno {
	n.dials++
	if n.PortsTaken && to.From.Port() != 0 {
		return syscall.EADDRINUSE
	}
	if n.RefuseDial != 0 {
		return n.RefuseDial
	}
	l := &Link{Outgoing: to, net: n, window: Unlimited, connect: syscall.EINPROGRESS}
	c.AttachLink(n.Loop, l, nil, false)
	n.dialled = append(n.dialled, l)
	if n.AutoConnect {
		n.connects = append(n.connects, l)
	}
	return 0
}

// Dialled gives the oldest dialled link that it has not given yet; nil: none.
func (n *Net) Dialled() *Link {
	if len(n.dialled) == 0 {
		return nil
	}
	l := n.dialled[0]
	n.dialled = n.dialled[1:]
	return l
}

// Dials counts the dials, refused ones too.
func (n *Net) Dials() int { return n.dials }

// Now is the loop's clock.
func (n *Net) Now() int64 { return n.Loop.Now() }

// Advance moves the clock, fires what is due, and settles. Deadlines are rounded
// up to a tick of 8.4 ms: advance a little further than the timeout under test.
func (n *Net) Advance(d time.Duration) {
	n.Loop.AdvanceTo(n.Loop.Now() + int64(d))
	n.Settle()
}

// maxRounds is where Settle gives up: work that goes on by itself is a spin.
const maxRounds = 100_000

// Settle ends the turn: released values are recycled, connects complete, and what
// yielded runs until nothing yields any more. The methods of links call it.
func (n *Net) Settle() {
	if n.settling {
		return
	}
	n.settling = true
	defer func() { n.settling = false }()
	for range maxRounds {
		n.Loop.AdvanceTo(n.Loop.Now())
		if len(n.connects) > 0 {
			l := n.connects[0]
			n.connects = n.connects[1:]
			if l.Pending() {
				l.Connect()
			}
			continue
		}
		if n.HoldYields || !n.Loop.RunYielded() {
			return
		}
	}
	panic("transporttest: the loop does not come to rest")
}

// Quiet is nil if every connection, timer and buffer of the loop has come back.
func (n *Net) Quiet() error {
	n.Settle()
	open, timers, stats := n.Loop.Open.Load(), n.Loop.Timers(), n.Loop.Pool.Stats()
	if open != 0 || timers != 0 || stats != (pool.Stats{}) {
		return fmt.Errorf("left over: %d connections, %d timers, %+v", open, timers, stats)
	}
	return nil
}
