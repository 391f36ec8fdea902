package session

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"net/netip"
	"time"

	"go.uber.org/zap"

	"weir/codec/http1"
	"weir/codec/proxyproto"
	"weir/codec/tlshello"
	"weir/engine/certs"
	"weir/engine/cluster"
	"weir/engine/fault"
	"weir/engine/observe"
	"weir/engine/route"
	"weir/engine/transport"
	"weir/pool"
)

// Listener is what a session needs to know of the listener that accepted it.
// Times are nanoseconds, sizes bytes. Immutable.
type Listener struct {
	Name             string
	Limits           http1.Limits
	MaxBody          int64 // 0: any
	MinBodyRate      int64 // bytes a second; 0: any
	KeepEncodedSlash bool
	Trusted          []netip.Prefix
	RequestHead      int64
	BodyIdle         int64
	KeepAliveIdle    int64

	Protocol   Protocol
	TLS        *certs.Server   // nil: no TLS ends here
	Forwards   *route.Forwards // nil: HTTP only
	Proxy      ProxyMode
	ProxyFrom  []netip.Prefix
	Sniff      int64
	Handshake  int64
	TunnelIdle int64 // of what is no HTTP

	Transparent Transparency
}

// Config is what a Worker is made of. The Worker owns none of it.
type Config struct {
	Loop     *transport.Loop
	Table    *route.Table
	Clusters []*cluster.Local // by route.Route.Cluster
	Counters *observe.Counters
	Log      *zap.Logger
	Access   *observe.AccessLog // nil: off
	// PauseAbove is the high mark; the low mark is half of it.
	PauseAbove int
	// IDs numbers connections: the loop's first, and the step to its next.
	FirstID, IDStep uint64
	// Closed is told, on the loop, that a session has ended.
	Closed func()
	// HTTPToken answers ACME's HTTP-01 challenge (RFC 8555 8.3) of a host, without
	// blocking; nil: there is no ACME.
	HTTPToken func(host, token []byte) (keyAuthorization []byte, ok bool)
	// Owns reports whether weir itself listens on an address: what is meant for it would
	// come back. nil: on none.
	Owns func(a transport.Addr) bool
}

// Worker is one loop's sessions, and what they share: scratch memory that lives
// for one call, the slabs, the counters. It belongs to the loop.
type Worker struct {
	Config
	debug     bool
	high, low int
	splice    int64 // what may be queued at once: the high mark and one read
	stamp     *observe.Stamp
	lines     *observe.Lines
	flush     transport.Timer
	nextID    uint64
	draining  bool
	random    *mathrand.ChaCha8

	sessions  pool.Slab[Session]
	exchanges pool.Slab[exchange]
	tunnels   pool.Slab[tunnel]
	list      *Session // every open session

	warnedPlain int64 // when the log last warned of TLS on a plain listener

	hello   tlshello.Hello
	proxy   proxyproto.Header
	req     http1.RequestHead
	resp    http1.ResponseHead
	match   route.Request
	vars    route.Vars
	record  observe.Record
	head    []byte // the bytes req was parsed from
	out     []byte // a head or body being built
	path    []byte // a canonical path
	rewrite []byte // a path after rewriting
	small   []byte // addresses in text
}

// NewWorker makes the worker of cfg.Loop.
func NewWorker(cfg Config) *Worker {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails: crypto/rand ends the process instead
	w := &Worker{
		Config: cfg,
		debug:  cfg.Log.Core().Enabled(zap.DebugLevel),
		high:   cfg.PauseAbove,
		low:    cfg.PauseAbove / 2,
		splice: int64(cfg.PauseAbove) + transport.BufferBytes,
		stamp:  observe.NewStamp(wallClock, cfg.Loop.Now()),
		nextID: cfg.FirstID,
		random: mathrand.NewChaCha8(seed),
	}
	w.flush.Handler = (*flusher)(w)
	if w.debug {
		for _, c := range w.Clusters {
			c.Told = w.tellEndpoint(c.Name)
		}
	}
	if cfg.Access != nil {
		w.lines = cfg.Access.Lines(w.stamp, &cfg.Counters.AccessDropped)
	}
	return w
}

func wallClock(int64) time.Time { return time.Now() }

func (w *Worker) now() int64 { return w.Loop.Now() }

// Held is how many sessions, exchanges and tunnels are out of the slabs, for tests
// that demand all of them back. Any goroutine may ask.
func (w *Worker) Held() int64 {
	return w.sessions.Live() + w.exchanges.Live() + w.tunnels.Live()
}

// Accept begins a session on an accepted descriptor, which it owns.
func (w *Worker) Accept(fd int, peer transport.Addr, ln *Listener) {
	s := w.newSession(peer, ln)
	if errno := s.down.Accept(w.Loop, fd, s); errno != 0 {
		w.Counters.AcceptErrors.Add(1)
		s.on(evCut)
		return
	}
	s.begun()
}

// begun goes on with what need not wait for bytes: opaque ones are led on at once, and
// who may not send a PROXY header is refused.
func (s *Session) begun() {
	if s.ln.Transparent != TransparentOff && !s.learnDestination() {
		s.refuseDirect()
		return
	}
	if s.phase == phaseProxy || s.phase == phaseSniff && s.ln.Protocol == ProtocolTCP && s.ln.TLS == nil {
		s.drive()
		return
	}
	s.settle()
}

// AcceptLink begins a session on a link instead of a descriptor.
func (w *Worker) AcceptLink(link transport.Link, peer transport.Addr, ln *Listener) {
	s := w.newSession(peer, ln)
	s.down.AttachLink(w.Loop, link, s, true)
	s.begun()
}

func (w *Worker) newSession(peer transport.Addr, ln *Listener) *Session {
	s := w.sessions.Get()
	*s = Session{w: w, ln: ln, peer: peer, id: w.nextID, phase: phaseHead, since: w.now(), next: w.list}
	switch {
	case s.awaitsProxy():
		s.phase = phaseProxy
	case ln.sniffs():
		s.phase = phaseSniff
	}
	w.nextID += w.IDStep
	if s.next != nil {
		s.next.prev = s
	}
	w.list = s
	s.timer.Handler = s
	w.Counters.Accepted.Add(1)
	w.Counters.Sessions.Add(1)
	if w.debug {
		s.tellAccepted()
	}
	return s
}

// Drain ends what is idle, and lets the rest know that it is the last.
func (w *Worker) Drain() {
	w.draining = true
	for s := w.list; s != nil; {
		next := s.next
		// A request may already lie in the socket, its event yet to come.
		s.down.Poke()
		s.drive()
		switch {
		case s.phase <= phaseHead && s.phase != phaseHandshake && s.down.Held() == 0:
			s.on(evGone)
		case s.phase != phaseClosed:
			s.on(evDrain)
		}
		s = next
	}
	for _, c := range w.Clusters {
		c.CloseIdle()
	}
}

// Cut ends every session now.
func (w *Worker) Cut() {
	for w.list != nil {
		w.list.cut(fault.Draining, byWeir)
	}
	for _, c := range w.Clusters {
		c.CloseIdle()
	}
}

// FlushAccess hands over the access log lines that wait.
func (w *Worker) FlushAccess() {
	if w.lines != nil {
		w.lines.Flush()
	}
}

// flusher sends off access log lines that have waited for company long enough.
type flusher Worker

const flushAfter = int64(100e6)

func (f *flusher) OnTimer(int64) { f.lines.Flush() }

// Field gives a request field to the route's conditions, while a head is routed.
func (w *Worker) Field(name string) ([]byte, bool) {
	if i := http1.FindName(w.head, w.req.Fields, name); i >= 0 {
		return w.req.Fields[i].Value.Of(w.head), true
	}
	return nil, false
}

// appendRequestID appends 128 random bits in hex.
func (w *Worker) appendRequestID(dst []byte) []byte {
	const hex = "0123456789abcdef"
	for range 2 {
		v := w.random.Uint64()
		for range 16 {
			dst = append(dst, hex[v&15])
			v >>= 4
		}
	}
	return dst
}

// trusts reports whether the forwarding fields of a peer are believed.
func (ln *Listener) trusts(ip netip.Addr) bool { return within(ln.Trusted, ip) }
