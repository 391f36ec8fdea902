package session

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/configs"
	"weir/engine/transport/transporttest"
)

// opaques is how many random ones a run tries.
const opaques = 1500

// TestRandomOpaque lets both ends of an opaque connection do random things: TLS on
// either side or not, PROXY headers or not, whatever the listener's protocol. In polite
// runs all that either end sends arrives, and the end of each direction in order behind
// it. In the others anybody may break anything; what has arrived is then a prefix of
// what was sent, an end in order is behind all of it, and all comes back by itself.
func TestRandomOpaque(t *testing.T) { tryRandom(t, opaques, runTunnel) }

// party is one end.
type party struct {
	*wire
	name  string
	left  string // not sent yet
	all   string // what is sent in the end
	ended bool   // in order, or not
	order bool
}

type tunnelRun struct {
	f        *fixture
	rnd      *rand.Rand
	polite   bool
	near     *party
	far      *party // nil: not dialled yet
	farParty party
	trace    func(string, ...any)
}

func runTunnel(t *testing.T, seed uint64, trace func(string, ...any)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	r := &tunnelRun{rnd: rand.New(rand.NewPCG(seed, 1)), polite: seed%2 == 0, trace: trace}
	r.f = newFixture(discard{t}, func(s *setup) {
		s.pauseAbove = 1 << (8 + r.rnd.IntN(10))
		s.cluster = configs.NewCluster("10.1.0.1:80", "10.1.0.2:80")
		s.randomSecurity(r.rnd, 3)
		s.listener.Cluster = "c"
		s.listener.Protocol = "tcp"
		if r.polite && r.rnd.IntN(2) == 0 {
			s.listener.Protocol = "auto" // which takes a client that is late for an opaque one
		}
		if seed%16 < 2 {
			s.log = debugLog(t)
		}
	})
	link, _ := r.f.randomClient(1 + int(seed%2))
	r.near = &party{wire: link, name: "client"}
	// What no sniffer takes for TLS or HTTP, at the first byte.
	r.near.left = "\x00" + letters(r.rnd, size(r.rnd))
	r.near.all = r.near.left
	r.farParty = party{name: "endpoint", left: letters(r.rnd, size(r.rnd))}
	r.farParty.all = r.farParty.left
	for range 10 + r.rnd.IntN(80) {
		r.step()
	}
	if r.polite {
		r.finish()
	}
	if err := r.check(); err != nil {
		return err
	}
	for range 20 {
		r.f.n.Advance(10 * time.Minute)
	}
	if r.f.worker.list != nil {
		return fmt.Errorf("a session is still in phase %v", r.f.worker.list.phase)
	}
	return r.f.leftover()
}

func letters(rnd *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "%x;", rnd.Uint32())
	}
	return b.String()
}

func (r *tunnelRun) tell(format string, args ...any) {
	if r.trace != nil {
		r.trace(format, args...)
	}
}

func (r *tunnelRun) dialled() {
	for l := r.f.n.Dialled(); l != nil; l = r.f.n.Dialled() {
		r.farParty.wire = r.f.randomEndpoint(l)
		r.far = &r.farParty
	}
}

func (r *tunnelRun) step() {
	r.dialled()
	p := r.near
	if r.far != nil && r.rnd.IntN(2) == 0 {
		p = r.far
	}
	if p.Closed() {
		return
	}
	if p.Pending() {
		if !r.polite && r.rnd.IntN(4) == 0 {
			r.tell("refused")
			p.Refuse(syscall.ECONNREFUSED)
			return
		}
		p.Connect()
		return
	}
	switch k := r.rnd.IntN(30); {
	case k < 5:
		p.SetWindow(r.rnd.IntN(3) * size(r.rnd))
	case k < 8:
		p.SetWindow(transporttest.Unlimited)
	case k == 8:
		p.Spurious()
	case k == 9 && !r.polite && !p.ended:
		r.tell("%s FIN", p.name)
		p.ended, p.order = true, r.rnd.IntN(2) == 0 || p.tls == nil
		p.all = p.all[:len(p.all)-len(p.left)]
		p.bye(p.order)
	case k == 10 && !r.polite && r.rnd.IntN(3) == 0:
		r.tell("%s RST", p.name)
		p.ended, p.left = true, ""
		p.ResetByPeer()
	case k == 11:
		d := time.Duration(r.rnd.IntN(20)) * time.Millisecond
		if !r.polite {
			d = time.Duration(r.rnd.IntN(8)) * time.Second
		}
		r.tell("clock +%v", d)
		r.f.n.Advance(d)
	case k == 12 && !r.polite && r.rnd.IntN(8) == 0:
		r.f.worker.Drain()
		r.f.n.Settle()
	default:
		r.send(p, 1+size(r.rnd))
	}
}

// send sends a little, and FIN in order behind the last.
func (r *tunnelRun) send(p *party, n int) (busy bool) {
	p.take()
	n = min(n, len(p.left))
	if !p.ended && n > 0 && p.queue(p.left[:n]) {
		r.tell("%s sends %d bytes", p.name, n)
		p.left = p.left[n:]
		busy = true
	}
	busy = p.push(len(p.raw)) || busy
	if p.left == "" && p.raw == "" && !p.ended && !p.Closed() && (p.tls == nil || p.queue("")) {
		r.tell("%s ends", p.name)
		p.ended, p.order = true, true
		p.bye(true)
		busy = true
	}
	return busy
}

func (r *tunnelRun) finish() {
	for idle := 0; idle < 3; idle++ {
		r.dialled()
		for _, p := range []*party{r.near, r.far} {
			if p == nil || p.Closed() {
				continue
			}
			p.SetWindow(transporttest.Unlimited)
			if p.Pending() {
				p.Connect()
				idle = 0
			}
			if r.send(p, len(p.left)) {
				idle = 0
			}
		}
	}
}

func (r *tunnelRun) check() error {
	if r.far == nil {
		if r.polite {
			return fmt.Errorf("no endpoint was dialled")
		}
		return nil
	}
	if err := r.arrived(r.near, r.far); err != nil {
		return err
	}
	return r.arrived(r.far, r.near)
}

func (r *tunnelRun) arrived(from, to *party) error {
	ended := to.wire.ended()
	if !strings.HasPrefix(from.all, to.got) {
		return fmt.Errorf("the %s got %d bytes that are no prefix of what was sent", to.name, len(to.got))
	}
	whole := len(to.got) == len(from.all)
	switch {
	case r.polite && (!whole || !ended || !to.Closed()):
		return fmt.Errorf("the %s got %d of %d bytes, ended %v, closed %v", to.name, len(to.got), len(from.all), ended, to.Closed())
	case from.ended && !from.order && ended && !to.GotRST():
		return fmt.Errorf("the %s got an end in order, the other side was cut off", to.name)
	}
	return nil
}
