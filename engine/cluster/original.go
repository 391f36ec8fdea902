package cluster

import (
	"strings"
	"sync/atomic"

	"weir/configs"
	"weir/engine/transport"
)

// Original makes endpoints of original destinations. It is shared by all loops.
type Original struct {
	// Header is a request field in which trusted peers name the destination, in lower
	// case; "": none.
	Header string
	// StaleAfter is how long an endpoint that nobody uses is kept, in nanoseconds.
	StaleAfter int64

	ports map[uint16]uint16 // of the destination: of the endpoint
	most  int64
	have  atomic.Int64 // endpoints of all loops
}

func newOriginal(cfg *configs.Cluster) *Original {
	o := &Original{Header: strings.ToLower(cfg.DestinationHeader), StaleAfter: cfg.StaleAfter.Nanoseconds(), most: int64(cfg.MaxEndpoints)}
	if len(cfg.DestinationPorts) > 0 {
		o.ports = map[uint16]uint16{}
	}
	for _, m := range cfg.PortMap() {
		o.ports[m.From] = m.To
	}
	return o
}

// Map is the address to connect to for a client that meant to connect to dst.
func (o *Original) Map(dst transport.Addr) transport.Addr {
	if to, ok := o.ports[dst.Port()]; ok {
		return dst.WithPort(to)
	}
	return dst
}

// originals are the endpoints that one loop has made: in a map, and in a list, those that
// were looked at longest ago first.
type originals struct {
	local       *Local
	byAddr      map[transport.Addr]*original
	first, last *original
	timer       transport.Timer
}

// original is one of them.
type original struct {
	Endpoint
	prev, next  *original
	seen        int64 // when it was last picked, or found in use
	connections int   // idle ones too
}

// Change is what became of an endpoint.
type Change uint8

const (
	// Added: a client has a destination that nobody had.
	Added Change = iota
	// Kept: nobody has picked it for a while, but connections are in use.
	Kept
	// Removed: it is stale.
	Removed
)

// String is the line of the debug log.
func (c Change) String() string {
	return [...]string{"endpoint added", "endpoint kept, connections are in use", "stale endpoint removed"}[c]
}

// sweepBudget is how many endpoints are looked at in a turn.
const sweepBudget = 256

func newOriginals(l *Local) *originals {
	s := &originals{local: l, byAddr: map[transport.Addr]*original{}}
	s.timer.Handler = s
	return s
}

// Destination gives the endpoint at dst, as Map gives it, and makes it if it is new. Where
// there are as many as may be, the one of this loop that nobody uses, and was looked at
// longest ago, has to go; nil: there is none. The caller uses the endpoint in the same
// turn, or it may be gone. It allocates for a new one; else it costs a look-up.
func (l *Local) Destination(dst transport.Addr) *Endpoint {
	s := l.originals
	now := l.loop.Now()
	if o := s.byAddr[dst]; o != nil {
		s.touch(o, now)
		return &o.Endpoint
	}
	for l.Original.have.Add(1) > l.Original.most {
		l.Original.have.Add(-1)
		if !s.makeRoom() {
			return nil
		}
	}
	o := &original{}
	o.Endpoint = Endpoint{Address: dst.String(), Addr: dst, Weight: 1, local: l, original: o}
	s.byAddr[dst] = o
	s.append(o, now)
	l.counters.EndpointsAdded.Add(1)
	l.counters.Endpoints.Add(1)
	s.tell(Added, o)
	if !s.timer.Armed() {
		s.arm()
	}
	return &o.Endpoint
}

// OnTimer removes what is stale.
func (s *originals) OnTimer(now int64) {
	for range sweepBudget {
		o := s.first
		if o == nil || now < o.seen+s.local.Original.StaleAfter {
			break
		}
		if o.connections > o.idle.n {
			s.tell(Kept, o)
			s.touch(o, now)
			continue
		}
		s.remove(o)
	}
	s.arm()
}

// makeRoom removes an endpoint that nobody uses, and reports whether there was one.
func (s *originals) makeRoom() bool {
	o := s.first
	for range sweepBudget {
		if o == nil {
			return false
		}
		if o.connections == o.idle.n {
			s.remove(o)
			return true
		}
		o = o.next
	}
	return false
}

// arm sets the timer for the endpoint that is next to be looked at: at once, that is in
// another turn, if the budget of this one was used up.
func (s *originals) arm() {
	if s.first != nil {
		s.local.loop.Arm(&s.timer, s.first.seen+s.local.Original.StaleAfter)
	}
}

func (s *originals) remove(o *original) {
	l := s.local
	o.closeIdle()
	s.unlink(o)
	delete(s.byAddr, o.Addr)
	l.Original.have.Add(-1)
	l.counters.EndpointsRemoved.Add(1)
	l.counters.Endpoints.Add(-1)
	s.tell(Removed, o)
}

// closeIdle removes what nobody uses.
func (s *originals) closeIdle() {
	var next *original
	for o := s.first; o != nil; o = next {
		next = o.next
		o.closeIdle()
		if o.connections == 0 {
			s.remove(o)
		}
	}
	if s.first == nil {
		s.local.loop.Cancel(&s.timer)
	}
}

// touch makes o the last to be looked at.
func (s *originals) touch(o *original, now int64) {
	s.unlink(o)
	s.append(o, now)
}

func (s *originals) append(o *original, now int64) {
	o.seen, o.prev, o.next = now, s.last, nil
	if s.last != nil {
		s.last.next = o
	} else {
		s.first = o
	}
	s.last = o
}

func (s *originals) unlink(o *original) {
	if o.prev != nil {
		o.prev.next = o.next
	} else {
		s.first = o.next
	}
	if o.next != nil {
		o.next.prev = o.prev
	} else {
		s.last = o.prev
	}
}

func (s *originals) tell(c Change, o *original) {
	if tell := s.local.Told; tell != nil {
		tell(c, &o.Endpoint)
	}
}
