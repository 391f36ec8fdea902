package session

import (
	"weir/codec/http1"
	"weir/codec/websocket"
	"weir/engine/fault"
)

// offersWebSocket reports whether the request asks for WebSocket. Any other
// protocol is left alone: its offer is dropped with the fields of the connection,
// as RFC 9110 7.8 allows, so that nothing is smuggled past the routes (h2c).
func (s *Session) offersWebSocket() bool {
	w := s.w
	for i := range w.req.Fields {
		f := &w.req.Fields[i]
		if f.ID == http1.FieldUpgrade && websocket.HasToken(f.Value.Of(w.head), "websocket") {
			return true
		}
	}
	return false
}

// checkUpgrade checks the client's half of the handshake (RFC 6455 4.2.1) and
// keeps what is needed to check the endpoint's.
func (s *Session) checkUpgrade() fault.Kind {
	x, w := s.x, s.w
	h, data := &w.req, w.head
	version, okVersion := only(data, h.Fields, http1.FieldSecWebSocketVersion)
	key, okKey := only(data, h.Fields, http1.FieldSecWebSocketKey)
	switch {
	case h.Method != http1.MethodGET || !x.reqDone || !okVersion:
		return fault.BadUpgrade
	case string(version) != "13":
		return fault.WebSocketVersion
	case !okKey || !websocket.ValidKey(key):
		return fault.BadUpgrade
	}
	x.upgrade = true
	websocket.AppendAccept(x.accept[:0], key)
	x.note.protocols = s.noteList(http1.FieldSecWebSocketProtocol)
	x.note.extensions = s.noteList(http1.FieldSecWebSocketExtensions)
	return fault.None
}

// only gives the value of a field that is there exactly once.
func only(data []byte, fields []http1.Field, id http1.FieldID) (value []byte, ok bool) {
	i := http1.Find(fields, id)
	if i < 0 || http1.Find(fields[i+1:], id) >= 0 {
		return nil, false
	}
	return fields[i].Value.Of(data), true
}

// noteList keeps the values of all fields called id as one list.
func (s *Session) noteList(id http1.FieldID) part {
	n, w := &s.x.note, s.w
	w.small = appendList(w.small[:0], w.head, w.req.Fields, id)
	list := w.small[:max(len(w.small)-len(", "), 0)]
	if old := n.buf; cap(old.B)-len(old.B) < len(list) {
		n.buf = w.Loop.Pool.Get(len(old.B) + len(list))
		n.buf.B = append(n.buf.B, old.B...)
		w.Loop.Pool.Put(old)
	}
	return n.add(list, len(list))
}

// switchProtocols takes a 101, whose head is in w.resp, and turns the session into
// a tunnel if it is the valid other half of the handshake (RFC 6455 4.1). surplus
// is what the endpoint sent behind it: the tunnel's first bytes.
func (s *Session) switchProtocols(surplus []byte) {
	x, w := s.x, s.w
	if !x.upgrade || !s.validSwitch() {
		s.fail(fault.BadHandshake, byWeir)
		return
	}
	x.status = 101
	x.respNS = max(w.now()-x.movedAt, 1)
	out := http1.AppendStatusLine(w.out[:0], 1, 101, w.resp.Reason.Of(w.head))
	out = s.appendResponseFields(out)
	out = append(out, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	if rules := &x.route.ResponseHeaders; !rules.Empty() {
		s.fillVars()
		out = rules.Append(out, &w.vars)
	}
	out = append(out, "\r\n"...)
	w.out = out
	s.down.WriteParts(out, surplus)
	s.startTunnel(evSwitched)
}

// validSwitch checks the endpoint's half of the handshake against the client's.
func (s *Session) validSwitch() bool {
	x, w := s.x, s.w
	h, data := &w.resp, w.head
	if !h.Upgrade {
		return false
	}
	upgrade, ok := only(data, h.Fields, http1.FieldUpgrade)
	if !ok || !http1.EqualFold(upgrade, "websocket") {
		return false
	}
	accept, ok := only(data, h.Fields, http1.FieldSecWebSocketAccept)
	if !ok || string(accept) != string(x.accept[:]) {
		return false
	}
	if http1.Find(h.Fields, http1.FieldSecWebSocketProtocol) >= 0 {
		chosen, ok := only(data, h.Fields, http1.FieldSecWebSocketProtocol)
		if !ok || !websocket.SubprotocolOffered(x.note.of(x.note.protocols), chosen) {
			return false
		}
	}
	// Several fields are one list, or an extension could be chosen twice.
	w.small = appendList(w.small[:0], data, h.Fields, http1.FieldSecWebSocketExtensions)
	return websocket.ExtensionsOffered(x.note.of(x.note.extensions), w.small)
}
