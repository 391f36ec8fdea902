package session

import (
	"weir/codec/http1"
	"weir/engine/fault"
	"weir/engine/route"
)

// refuse answers a request whose head could not be read, and closes: where the
// next request would begin is anybody's guess. size is how many bytes were read of
// it; they are gone.
func (s *Session) refuse(kind fault.Kind, size int, began int64) {
	w := s.w
	w.req.Reset()
	w.head = nil
	x := s.startExchange(began)
	x.downIn = s.down.BytesIn() - int64(size)
	x.keepAlive, x.oldClient = false, false
	s.reply(kind)
}

// reply answers the request with an error. The connection is kept if the request
// was read to its end, so that the next one begins where it should.
func (s *Session) reply(kind fault.Kind) {
	x, w := s.x, s.w
	if x.opaque {
		s.cut(kind, byWeir)
		return
	}
	x.blame(kind, byNobody)
	status := kind.Status()
	if kind == fault.BadHandshake && x.upgrade {
		// The client may already have sent frames, and they are no requests.
		x.keepAlive = false
	}
	w.rewrite = w.rewrite[:0]
	contentType := "text/plain; charset=utf-8"
	if page := w.Table.ErrorPage(status); page != nil {
		contentType = page.ContentType
		s.fillVars()
		w.rewrite = page.Append(w.rewrite, &w.vars, status, http1.ReasonPhrase(status))
	} else {
		w.rewrite = append(w.rewrite, http1.ReasonPhrase(status)...)
		w.rewrite = append(w.rewrite, ": "...)
		w.rewrite = append(w.rewrite, kind.Text()...)
		w.rewrite = append(w.rewrite, '\n')
	}
	out := s.beginReply(status)
	out = http1.AppendFieldString(out, "Weir-Error", kind.String())
	if kind == fault.WebSocketVersion {
		// RFC 6455 4.2.2: which version would do. RFC 9110 15.5.22 wants Upgrade.
		out = append(out, "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n"...)
		if x.keepAlive {
			out = append(out, "Connection: Upgrade\r\n"...)
		}
	}
	s.endReply(out, contentType, w.rewrite)
}

// replyByRoute answers with the route's redirect or response.
func (s *Session) replyByRoute(path []byte) {
	x, w := s.x, s.w
	r := x.route
	out := s.beginReply(r.Status)
	s.fillVars()
	body, contentType := r.Body, r.ContentType
	if r.Action == route.ActionRedirect {
		out = append(out, "Location: "...)
		out = r.AppendLocation(out, &w.vars, path)
		out = append(out, "\r\n"...)
	}
	out = s.appendHSTS(out)
	out = r.ResponseHeaders.Append(out, &w.vars)
	s.endReply(out, contentType, body)
}

// beginReply begins a response of weir's own in w.out.
func (s *Session) beginReply(status int) []byte {
	x, w := s.x, s.w
	x.status = int16(status)
	x.keepAlive = x.keepAlive && x.reqDone && !w.draining
	out := http1.AppendStatusLine(w.out[:0], 1, status, nil)
	out = append(out, "Date: "...)
	out = w.stamp.AppendHTTPDate(out, w.now())
	out = append(out, "\r\n"...)
	return out
}

// endReply adds the framing and the body, sends it all, and leaves the rest to
// finish.
func (s *Session) endReply(out []byte, contentType string, body []byte) {
	x, w := s.x, s.w
	if len(body) > 0 && contentType != "" {
		out = http1.AppendFieldString(out, "Content-Type", contentType)
	}
	if x.status != 204 && x.status != 304 {
		out = http1.AppendContentLength(out, int64(len(body)))
	}
	if x.method == http1.MethodHEAD || x.status == 204 || x.status == 304 {
		body = nil
	}
	out = s.appendConnection(out)
	out = append(out, "\r\n"...)
	out = append(out, body...)
	w.out = out
	s.send(out)
	x.headDone, x.respDone = true, true
	if w.debug {
		s.tellReply()
	}
	s.on(evAnswered)
}
