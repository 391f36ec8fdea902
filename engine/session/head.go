package session

import (
	"weir/codec/http1"
	"weir/engine/fault"
	"weir/engine/route"
	"weir/engine/transport"
)

// driveHead reads until a request head is complete, and acts on it. It reports
// whether there is more to do at once.
func (s *Session) driveHead() (again bool) {
	held := s.down.Held()
	data, fresh, r := s.down.Read()
	if len(data) == 0 {
		s.heardNothing(r)
		return false
	}
	if s.phase == phaseIdle {
		// What was held over from the last exchange has been read, but not looked at.
		held = 0
		s.on(evBytes)
	}
	return s.readHead(data, held, fresh, r)
}

// readHead acts on data, the beginning of a request, whose first seen bytes it was
// given before. fresh and r are those of the Read that gave it.
func (s *Session) readHead(data []byte, seen, fresh int, r transport.Result) (again bool) {
	w := s.w
	// A first request begins with its first byte, not with its connection.
	began := s.since
	if seen == 0 {
		began = w.now()
	}
	n, code := http1.ParseRequestHead(data, seen, &s.ln.Limits, &w.req)
	if code != http1.CodeOK {
		s.refuseHead(data, code, began)
		return true
	}
	if n == 0 {
		switch r {
		case transport.ReadEnd:
			s.gone(fault.ClientClosed)
			return false
		case transport.ReadFailed:
			s.gone(fault.ClientReset)
			return false
		}
		s.down.Unread(data)
		// Held bytes count as readable, so only news is a reason to go on; after a
		// hang-up no event comes, and the rest is to be had by reading on.
		return fresh > 0 && s.down.MoreToRead()
	}
	w.head = data[:n]
	s.begin(data[n:], began)
	return true
}

// refuseHead answers a head that breaks a rule.
func (s *Session) refuseHead(data []byte, code http1.Code, began int64) {
	kind := fault.MalformedRequest
	switch code {
	case http1.CodeTargetTooLong:
		kind = fault.TargetTooLong
	case http1.CodeHeadTooLarge, http1.CodeTooManyFields:
		kind = fault.HeadTooLarge
	case http1.CodeVersionUnsupported:
		kind = fault.VersionUnsupported
	case http1.CodeTransferCoding:
		kind = fault.TransferCodingUnsupported
	case http1.CodeExpectation:
		kind = fault.ExpectationUnsupported
	}
	if !s.down.Secured() && isTLSOnPlain(data, code) {
		kind = fault.TLSOnPlainPort
		s.warnTLSOnPlain()
	}
	if s.w.debug {
		s.tellRefused(data, code)
	}
	s.refuse(kind, len(data), began)
}

// begin routes the request whose head is in w.req and w.head. rest is what came
// behind the head.
func (s *Session) begin(rest []byte, began int64) {
	w := s.w
	h := &w.req
	x := s.startExchange(began)
	x.downIn = s.down.BytesIn() - int64(len(w.head)+len(rest))
	x.trusted = s.ln.trusts(s.peer.Addr())
	x.https = s.cameByHTTPS()
	path, kind := s.canonicalPath()
	s.takeNote(&x.note, path)
	if w.debug {
		s.tellRequest()
	}
	x.reqBody.Init(h.Framing, h.Length)
	x.reqDone = x.reqBody.Done()
	x.reqChunked = h.Framing == http1.BodyChunked
	switch {
	case kind != fault.None:
	case h.Method == http1.MethodCONNECT || h.Method == http1.MethodTRACE:
		// CONNECT would make weir an open relay, TRACE an echo of credentials.
		kind = fault.MethodUnsupported
	case s.ln.MaxBody > 0 && h.Framing == http1.BodyLength && h.Length > s.ln.MaxBody:
		kind = fault.BodyTooLarge
	case s.misdirected():
		kind = fault.Misdirected
	}
	if kind != fault.None {
		s.down.Unread(rest)
		s.reply(kind)
		return
	}
	if w.HTTPToken != nil && s.answerChallenge(path) {
		s.down.Unread(rest)
		return
	}
	w.match.Host, w.match.Path, w.match.Query = h.Host.Of(w.head), path, h.Query.Of(w.head)
	w.match.Method, w.match.Fields = h.MethodName.Of(w.head), w
	x.route = w.Table.Match(&w.match)
	if x.route == nil {
		s.down.Unread(rest)
		s.reply(fault.NoRoute)
		return
	}
	if w.debug {
		s.tellRoute()
	}
	if x.route.HTTPSPort != 0 && !x.https {
		s.down.Unread(rest)
		s.redirectToHTTPS()
		return
	}
	if x.route.Action != route.ActionCluster {
		s.down.Unread(rest)
		s.replyByRoute(path)
		return
	}
	s.forward(path, rest)
}

// canonicalPath gives the path that is matched and forwarded.
func (s *Session) canonicalPath() ([]byte, fault.Kind) {
	w := s.w
	path := w.req.Path.Of(w.head)
	if w.req.Method == http1.MethodCONNECT || string(path) == "*" {
		return path, fault.None
	}
	out, changed, code := route.Canonicalize(w.path[:0], path, s.ln.KeepEncodedSlash)
	if code != route.PathOK {
		if w.debug {
			s.tellBadPath(code)
		}
		return path, fault.BadPath
	}
	if changed {
		w.path = out[:0]
	}
	return out, fault.None
}

// maxHeldBody is the largest request body that is kept to be sent again.
const maxHeldBody = 16 << 10
