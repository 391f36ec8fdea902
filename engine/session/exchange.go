package session

import (
	"weir/codec/http1"
	"weir/engine/cluster"
	"weir/engine/fault"
	"weir/engine/observe"
	"weir/engine/route"
	"weir/engine/tlsconn"
	"weir/pool"
)

// closer is who ended an exchange or a tunnel.
type closer uint8

const (
	byNobody closer = iota
	byClient
	byEndpoint
	byWeir
)

var closerNames = [...]string{"", "client", "endpoint", "weir"}

// exchange is one request and its response. It exists from the request head to
// the last byte of the response, and is thrown away with its phase.
type exchange struct {
	route    *route.Route // nil: none matched
	local    *cluster.Local
	endpoint *cluster.Endpoint
	// wire is the request as it goes upstream, as long as it may have to be sent:
	// until connected, and after that if it could be sent again.
	wire *pool.Buffer
	note note

	reqBody, respBody http1.BodyDecoder
	reqBytes          int64 // of the request body so far

	// Times of the loop's clock.
	began     int64 // the first byte of the head, or of a connection without HTTP
	dialAt    int64 // the latest dial
	connectNS int64 // what connecting took; 0: reused
	sentAt    int64 // the client last took response bytes
	movedAt   int64 // the endpoint last did something, or was given the request
	respNS    int64 // from the request sent to the response head
	bodyAt    int64 // the client last sent body bytes
	rateAt    int64 // begin of the window in which the body rate is judged
	rateBytes int64

	downIn, downOut int64 // the connection's byte counts when the exchange began
	accept          [28]byte
	detail          string // more about the fault, for the log

	method   http1.Method
	status   int16
	tries    uint8 // endpoints tried
	retries  uint8 // requests sent again
	fault    fault.Kind
	closedBy closer

	opaque     bool // no HTTP: a tunnel, once there is an upstream connection
	trusted    bool // the peer's forwarding fields are believed
	https      bool // the client came by https, to weir or to a trusted proxy in front
	oldClient  bool // HTTP/1.0: no chunked coding, no interim responses
	keepAlive  bool // the client's connection may live on
	upgrade    bool // a WebSocket handshake
	expecting  bool // the client waits for a 100 before it sends the body
	idempotent bool
	reqDone    bool // the request was read to its end
	headDone   bool // the response head was sent to the client
	respDone   bool // the response was read, or made, to its end
	reused     bool // the upstream connection had carried exchanges before
	replayable bool // wire holds the whole request
	reqChunked bool // the request body goes upstream in chunks
	chunked    bool // the response body goes downstream in chunks
	untilClose bool // the response body ends with the client's connection
	upClose    bool // the upstream connection cannot be used again
	cut        bool // the response is not the whole
}

// blame notes the first reason for which an exchange goes wrong.
func (x *exchange) blame(kind fault.Kind, by closer) {
	if x.fault == fault.None {
		x.fault = kind
	}
	if x.closedBy == byNobody {
		x.closedBy = by
	}
}

// startExchange makes the exchange of the head in w.req, whose first byte came at
// began.
func (s *Session) startExchange(began int64) *exchange {
	w := s.w
	x := w.exchanges.Get()
	now := w.now()
	h := &w.req
	*x = exchange{
		began: began, sentAt: now, movedAt: now, bodyAt: now, rateAt: now,
		downOut:    s.down.BytesOut() + int64(s.down.Pending()),
		method:     h.Method,
		oldClient:  h.Minor == 0,
		keepAlive:  h.KeepAlive && !w.draining,
		expecting:  h.Expect100,
		idempotent: h.Method.Idempotent(),
	}
	s.x = x
	w.Counters.Exchanges.Add(1)
	w.Counters.Active.Add(1)
	return x
}

// endExchange writes the access log line and gives everything back.
func (s *Session) endExchange() {
	x, w := s.x, s.w
	if x.fault != fault.None {
		w.Counters.Faults[x.fault].Add(1)
	}
	if w.lines != nil {
		s.logExchange()
	}
	w.Counters.Active.Add(-1)
	w.Loop.Pool.Put(x.wire)
	w.Loop.Pool.Put(x.note.buf)
	w.exchanges.Put(x)
	s.x = nil
}

func (s *Session) logExchange() {
	x, w := s.x, s.w
	r := &w.record
	*r = observe.Record{
		Kind: "exchange", Status: int(x.status), Detail: x.detail,
		BytesIn: s.down.BytesIn() - int64(s.down.Held()) - x.downIn, BytesOut: s.down.BytesOut() - x.downOut,
		Duration: w.now() - x.began, Connect: x.connectNS, Response: x.respNS,
		Reused: x.reused, Retries: int(x.retries), Fault: x.fault, ClosedBy: closerNames[x.closedBy],
	}
	if x.endpoint != nil {
		r.Endpoint = x.endpoint.Address
	}
	if x.opaque {
		r.Kind, r.Status, r.Cluster = "tunnel", -1, x.local.Name
	}
	s.writeRecord(r, x.route, &x.note)
}

// writeRecord fills in what exchanges and tunnels have in common, and writes.
func (s *Session) writeRecord(r *observe.Record, rt *route.Route, n *note) {
	w := s.w
	r.Now, r.Conn, r.Listener = w.now(), s.id, s.ln.Name
	w.small = s.peer.AddrPort().AppendTo(w.small[:0])
	client := len(w.small)
	if s.ln.Transparent != TransparentOff {
		w.small = s.localAddr().AddrPort().AppendTo(w.small)
	}
	r.Client, r.Original = w.small[:client], w.small[client:]
	if rt != nil {
		r.Route, r.Cluster = rt.Name, rt.ClusterName
	}
	if e := s.edge; e != nil && e.tls.Version != 0 {
		r.TLS, r.ServerName, r.ALPN, r.Resumed, r.PeerName = tlsconn.VersionName(e.tls.Version), e.tls.ServerName, e.tls.ALPN, e.tls.Resumed, e.tls.PeerName
	}
	r.Method, r.Host, r.Target = n.of(n.method), n.of(n.host), n.of(n.target)
	r.UserAgent, r.RequestID, r.ForwardFor = n.of(n.agent), n.of(n.id), n.of(n.forwarded)
	if w.lines.Write(r) && !w.flush.Armed() {
		w.Loop.Arm(&w.flush, w.now()+flushAfter)
	}
}
