package session

import (
	"crypto/tls"
	"syscall"

	"go.uber.org/zap"

	"weir/codec/http1"
	"weir/codec/tlshello"
	"weir/engine/cluster"
	"weir/engine/fault"
	"weir/engine/route"
	"weir/engine/tlsconn"
	"weir/engine/transport"
)

// The debug log tells the story of a connection, a line an event. Every call is
// guarded by Worker.debug, so that a quiet log costs one test of a bool.

func (s *Session) tell(message string, fields ...zap.Field) {
	all := make([]zap.Field, 0, len(fields)+2)
	all = append(all, zap.Uint64("conn", s.id))
	if s.x != nil && s.x.note.buf != nil {
		all = append(all, zap.ByteString("request_id", s.x.note.of(s.x.note.id)))
	}
	s.w.Log.Debug(message, append(all, fields...)...)
}

func (s *Session) tellAccepted() {
	s.tell("new connection", zap.Stringer("client", s.peer), zap.String("listener", s.ln.Name))
}

func (s *Session) tellDestination() {
	s.tell("original destination found", zap.Stringer("destination", s.edge.local), zap.Bool("own", s.w.owns(s.edge.local)))
}

// tellEndpoint makes what tells of the endpoints that a cluster makes and removes.
func (w *Worker) tellEndpoint(name string) func(cluster.Change, *cluster.Endpoint) {
	return func(c cluster.Change, e *cluster.Endpoint) {
		w.Log.Debug(c.String(), zap.String("cluster", name), zap.String("endpoint", e.Address))
	}
}

func (s *Session) tellPhase(from phase, ev event) {
	s.tell("phase", zap.Stringer("event", ev), zap.Stringer("from", from), zap.Stringer("to", s.phase))
	if s.phase == phaseClosed {
		s.tell("connection closed", zap.Int64("bytes_in", s.down.BytesIn()), zap.Int64("bytes_out", s.down.BytesOut()))
	}
}

func (s *Session) tellRequest() {
	h := &s.w.req
	s.tell("request head complete",
		zap.ByteString("method", h.MethodName.Of(s.w.head)),
		zap.ByteString("target", h.Target.Of(s.w.head)),
		zap.ByteString("host", h.Host.Of(s.w.head)),
		zap.Stringer("framing", h.Framing),
		zap.Strings("fields", fieldLines(s.w.head, h.Fields)))
}

func (s *Session) tellRefused(data []byte, code http1.Code) {
	s.tell("request head refused", zap.String("reason", code.String()), zap.Int("bytes", len(data)))
}

func (s *Session) tellBadPath(code route.PathCode) {
	s.tell("path refused", zap.Stringer("reason", code))
}

func (s *Session) tellRoute() {
	r := s.x.route
	s.tell("route matched", zap.String("route", r.Name), zap.Stringer("action", r.Action), zap.String("cluster", r.ClusterName))
}

func (s *Session) tellForwarded() {
	s.tell("forwarded unread", zap.ByteString("server_name", s.x.note.of(s.x.note.host)), zap.String("cluster", s.x.local.Name))
}

func (s *Session) tellDialling() {
	s.tell("connecting", zap.String("endpoint", s.x.endpoint.Address))
}

func (s *Session) tellDialFailed(errno syscall.Errno) {
	reason := errno.Error()
	if s.x.detail != "" {
		reason = s.x.detail // TLS has the better one
	}
	s.tell("connect failed", zap.String("endpoint", s.x.endpoint.Address), zap.String("reason", reason))
}

func (s *Session) tellConnected() {
	if s.x.reused {
		s.tell("using idle upstream connection", zap.String("endpoint", s.x.endpoint.Address))
		return
	}
	s.tell("connected", zap.String("endpoint", s.x.endpoint.Address), zap.Int64("took_us", s.x.connectNS/1000))
}

func (s *Session) tellResponse() {
	h := &s.w.resp
	s.tell("response head complete", zap.Int("status", h.Status), zap.Stringer("framing", h.Framing),
		zap.Int64("service_time_us", s.x.respNS/1000), zap.Strings("fields", fieldLines(s.w.head, h.Fields)))
}

func (s *Session) tellBadResponse(code http1.Code) {
	s.tell("response head refused", zap.String("endpoint", s.x.endpoint.Address), zap.String("reason", code.String()))
}

func (s *Session) tellResponseDone() {
	s.tell("response complete", zap.Bool("upstream_kept", !s.x.upClose && s.x.reqDone))
}

func (s *Session) tellReply() {
	s.tell("answered by weir", zap.Int16("status", s.x.status), zap.Stringer("fault", s.x.fault))
}

func (s *Session) tellExpired(kind fault.Kind) {
	s.tell("deadline passed", zap.Stringer("phase", s.phase), zap.String("meaning", kind.Text()))
}

func (s *Session) tellHalfClosed(from *transport.Conn) {
	side := "endpoint"
	if from == &s.down {
		side = "client"
	}
	s.tell("tunnel half closed", zap.String("by", side))
}

// fieldLines lists fields for people, without credentials.
func fieldLines(data []byte, fields []http1.Field) []string {
	lines := make([]string, 0, len(fields))
	for i := range fields {
		f := &fields[i]
		line := string(f.Name.Of(data)) + ": "
		switch f.ID {
		case http1.FieldAuthorization, http1.FieldCookie, http1.FieldSetCookie, http1.FieldProxyAuthorization, http1.FieldSecWebSocketKey:
			line += "[redacted]"
		default:
			line += string(f.Value.Of(data))
		}
		lines = append(lines, line)
	}
	return lines
}

func (s *Session) tellProxied() {
	s.tell("PROXY header believed", zap.Stringer("client", s.peer), zap.Stringer("destination", s.edge.local), zap.Int("tlv_bytes", len(s.edge.tlvs)))
}

func (s *Session) tellHello(h *tlshello.Hello) {
	var protocols []string
	for p := range h.Protocols() {
		protocols = append(protocols, string(p))
	}
	s.tell("ClientHello complete", zap.ByteString("server_name", h.ServerName), zap.Strings("alpn", protocols),
		zap.String("version", tlsconn.VersionName(h.Version)))
}

func (s *Session) tellHandshake() {
	i := &s.edge.tls
	s.tell("TLS handshake complete", zap.String("version", tlsconn.VersionName(i.Version)), zap.String("suite", tls.CipherSuiteName(i.Suite)),
		zap.Stringer("key_exchange", i.Curve), zap.String("server_name", i.ServerName), zap.String("alpn", i.ALPN),
		zap.Bool("resumed", i.Resumed), zap.String("client_cert", i.PeerName))
}

func (s *Session) tellRefusedTLS(kind fault.Kind, detail string) {
	s.tell("connection refused", zap.Stringer("phase", s.phase), zap.Stringer("fault", kind), zap.String("meaning", kind.Text()), zap.String("detail", detail))
}
