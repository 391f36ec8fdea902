package session

import (
	"strconv"

	"weir/codec/http1"
	"weir/engine/fault"
)

// readResponse parses response heads at the front of data: interim ones, a 101, or
// the final one with the first of its body. held is how many of the bytes an
// earlier call has seen.
func (s *Session) readResponse(data []byte, held int) {
	x, w := s.x, s.w
	limits := http1.Limits{HeadBytes: x.local.MaxHead, Fields: x.local.MaxFields}
	for len(data) > 0 {
		n, code := http1.ParseResponseHead(data, held, &limits, x.method, &w.resp)
		if code != http1.CodeOK {
			if w.debug {
				s.tellBadResponse(code)
			}
			s.fail(fault.MalformedResponse, byWeir)
			return
		}
		if n == 0 {
			s.up.Unread(data)
			return
		}
		held = 0
		w.head, data = data[:n], data[n:]
		switch {
		case w.resp.Status == 101:
			s.switchProtocols(data)
			return
		case w.resp.Status < 200:
			s.sendInterim()
		default:
			s.sendResponse(data)
			return
		}
	}
}

// sendInterim passes a 1xx on (RFC 9110 15.2). A client of HTTP/1.0 would take it
// for the response.
func (s *Session) sendInterim() {
	x, w := s.x, s.w
	// The endpoint has begun to answer: the request is not to be sent again.
	w.Loop.Pool.Put(x.wire)
	x.wire = nil
	if w.resp.Status == 100 {
		x.expecting = false
		x.bodyAt, x.rateAt, x.rateBytes = w.now(), w.now(), 0
	}
	if x.oldClient {
		return
	}
	w.out = http1.AppendStatusLine(w.out[:0], 1, w.resp.Status, w.resp.Reason.Of(w.head))
	w.out = s.appendResponseFields(w.out)
	w.out = append(w.out, "\r\n"...)
	s.send(w.out)
}

// sendResponse sends the head in w.resp and the part of the body behind it.
func (s *Session) sendResponse(body []byte) {
	x, w := s.x, s.w
	h := &w.resp
	x.respNS = max(w.now()-x.movedAt, 1)
	x.movedAt = w.now()
	x.headDone = true
	x.status = int16(h.Status)
	x.upClose = !h.KeepAlive
	x.respBody.Init(h.Framing, h.Length)
	w.Loop.Pool.Put(x.wire)
	x.wire = nil
	if w.debug {
		s.tellResponse()
	}
	if h.Framing == http1.BodyChunked || h.Framing == http1.BodyUntilClose {
		x.chunked, x.untilClose = !x.oldClient, x.oldClient
	}
	x.keepAlive = x.keepAlive && x.reqDone && !x.untilClose && !w.draining
	out := http1.AppendStatusLine(w.out[:0], 1, h.Status, h.Reason.Of(w.head))
	out = s.appendResponseFields(out)
	switch {
	case x.chunked:
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	case h.Length >= 0 && !x.untilClose:
		// Also where no body follows: to HEAD and in a 304 it tells the length of
		// what was not sent (RFC 9110 8.6). Never with 204 (RFC 9110 8.6).
		if h.Status != 204 {
			out = http1.AppendContentLength(out, h.Length)
		}
	}
	out = s.appendConnection(out)
	if x.route.HSTS != "" && http1.FindName(w.head, h.Fields, "strict-transport-security") < 0 {
		out = s.appendHSTS(out)
	}
	out = append(out, "Via: "...)
	out = appendList(out, w.head, h.Fields, http1.FieldVia)
	out = append(out, via(h.Minor)...)
	out = append(out, "\r\nX-Weir-Upstream-Service-Time: "...)
	out = strconv.AppendInt(out, x.respNS/1e6, 10)
	out = append(out, "\r\n"...)
	if rules := &x.route.ResponseHeaders; !rules.Empty() {
		s.fillVars()
		out = rules.Append(out, &w.vars)
	}
	out = append(out, "\r\n"...)
	s.sendBody(body, out)
}

// appendConnection says whether the connection lives on, where the client's
// version does not imply it.
func (s *Session) appendConnection(dst []byte) []byte {
	switch {
	case !s.x.keepAlive:
		return append(dst, "Connection: close\r\n"...)
	case s.x.oldClient:
		return append(dst, "Connection: keep-alive\r\n"...)
	}
	return dst
}

// appendResponseFields copies the endpoint's fields, without those of its
// connection and those weir writes itself.
func (s *Session) appendResponseFields(dst []byte) []byte {
	w := s.w
	rules := &s.x.route.ResponseHeaders
	for i := range w.resp.Fields {
		f := &w.resp.Fields[i]
		if f.Hop || f.ID == http1.FieldContentLength || f.ID == http1.FieldVia {
			continue
		}
		name := f.Name.Of(w.head)
		if f.ID == http1.FieldUnknown && isServiceTime(name) || rules.Drops(name) {
			continue
		}
		dst = http1.AppendField(dst, name, f.Value.Of(w.head))
	}
	return dst
}

func isServiceTime(name []byte) bool {
	return http1.EqualFold(name, "x-weir-upstream-service-time")
}
