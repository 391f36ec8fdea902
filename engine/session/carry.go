package session

import (
	"weir/codec/http1"
	"weir/engine/fault"
	"weir/engine/transport"
)

// driveExchange moves request and response as far as they go. It reports whether
// the session is in another phase with something to do.
func (s *Session) driveExchange() (again bool) {
	s.flushUp()
	s.flushDown()
	budget := transport.TurnBudget
	for s.phase == phaseExchange && s.up != nil && budget > 0 {
		moved := s.carryRequest()
		if s.phase != phaseExchange || s.up == nil {
			break
		}
		moved += s.carryResponse()
		if moved == 0 {
			break
		}
		budget -= moved
	}
	if s.phase != phaseExchange {
		return s.phase != phaseClosed
	}
	if budget <= 0 && s.up != nil {
		s.yield()
	}
	return s.finish()
}

// flushUp sends queued request bytes and notes that the endpoint took some: an
// upload that moves is not a response that is late.
func (s *Session) flushUp() {
	if s.up == nil || s.up.Pending() == 0 {
		return
	}
	before := s.up.Pending()
	s.up.Flush()
	if s.up.Pending() < before {
		s.x.movedAt = s.w.now()
	}
}

// flushDown sends queued response bytes and notes that the client took some.
func (s *Session) flushDown() {
	if before := s.down.Pending(); before > 0 {
		s.down.Flush()
		if s.down.Pending() < before {
			s.x.sentAt = s.w.now()
		}
	}
}

// send gives response bytes to the client.
func (s *Session) send(data []byte) {
	if s.down.Pending() == 0 {
		s.x.sentAt = s.w.now()
	}
	s.down.Write(data)
}

// carryRequest moves what there is of the request body upstream, and returns how
// much. A body that the endpoint does not take is left unread.
func (s *Session) carryRequest() (moved int) {
	x := s.x
	if x.reqDone {
		s.clientLeft()
		return 0
	}
	if s.pausedDown {
		if s.up.Pending() > s.w.low {
			return 0
		}
		s.pausedDown = false
		x.bodyAt, x.rateAt, x.rateBytes = s.w.now(), s.w.now(), 0
	}
	if x.respDone || s.up.Err() != 0 {
		return 0
	}
	if moved = s.spliceRequest(); moved > 0 {
		return moved
	}
	data, _, r := s.down.Read()
	if len(data) == 0 {
		switch r {
		case transport.ReadEnd:
			s.gone(fault.ClientClosed)
		case transport.ReadFailed:
			s.gone(fault.ClientReset)
		}
		return 0
	}
	x.bodyAt = s.w.now()
	x.expecting = false
	taken := s.up.BytesOut()
	used, kind := s.sendRequestBody(data)
	x.rateBytes += int64(used)
	if s.up.BytesOut() != taken {
		x.movedAt = s.w.now()
	}
	s.down.Unread(data[used:])
	if kind != fault.None {
		s.fail(kind, byWeir)
		return 0
	}
	if x.reqDone {
		x.movedAt = s.w.now()
	}
	s.pausedDown = s.up.Pending() > s.w.high
	return used
}

// sendRequestBody passes data through the body decoder and on, in the framing the
// request was announced with.
func (s *Session) sendRequestBody(data []byte) (used int, kind fault.Kind) {
	x, w := s.x, s.w
	w.out = w.out[:0]
	for !x.reqDone {
		run, n, done, code := x.reqBody.Next(data[used:])
		if code != http1.CodeOK {
			return used, fault.MalformedRequest
		}
		if n == 0 && !done {
			break
		}
		used += n
		x.reqDone = done
		x.reqBytes += int64(len(run))
		if s.ln.MaxBody > 0 && x.reqBytes > s.ln.MaxBody {
			return used, fault.BodyTooLarge
		}
		switch {
		case !x.reqChunked:
			s.up.Write(run)
		case len(run) > coalesce:
			w.out = http1.AppendChunkHead(w.out, len(run))
			s.up.WriteParts(w.out, run, crlf)
			w.out = w.out[:0]
		default:
			w.out = http1.AppendChunk(w.out, run)
		}
	}
	if x.reqChunked {
		if x.reqDone {
			w.out = http1.AppendLastChunk(w.out)
		}
		s.up.Write(w.out)
	}
	return used, fault.None
}

// carryResponse moves what there is of the response to the client, and returns how
// much. A client that does not take it leaves the endpoint unread.
func (s *Session) carryResponse() (moved int) {
	x := s.x
	if s.pausedUp {
		if s.down.Pending() > s.w.low {
			return 0
		}
		s.pausedUp = false
		x.movedAt = s.w.now()
	}
	if moved = s.spliceResponse(); moved > 0 {
		return s.responseMoved(moved)
	}
	held := s.up.Held()
	data, fresh, r := s.up.Read()
	if fresh == 0 && r != transport.ReadAgain {
		s.upstreamEnded(held, r)
		return 0
	}
	if fresh == 0 {
		s.up.Unread(data)
		return 0
	}
	if x.headDone {
		x.movedAt = s.w.now()
		s.sendBody(data, s.w.out[:0])
	} else {
		s.readResponse(data, held)
	}
	return s.responseMoved(fresh)
}

// responseMoved looks after the client once response bytes have gone its way.
func (s *Session) responseMoved(moved int) int {
	if s.phase != phaseExchange {
		return moved
	}
	if s.down.Err() != 0 {
		s.gone(fault.ClientReset)
		return 0
	}
	s.pausedUp = s.down.Pending() > s.w.high
	return moved
}

// sendBody passes body bytes to the client behind what is already in out, which is
// w.out or empty. It ends the response if they are the last.
func (s *Session) sendBody(data, out []byte) {
	x, w := s.x, s.w
	used, done := 0, x.respBody.Done()
	for !done {
		run, n, end, code := x.respBody.Next(data[used:])
		if code != http1.CodeOK {
			w.out = out
			s.send(out)
			s.truncated(fault.MalformedResponse)
			return
		}
		if n == 0 && !end {
			break
		}
		used, done = used+n, end
		switch {
		case len(run) > coalesce:
			s.sendParts(out, run)
			out = out[:0]
		case x.chunked && len(run) > 0:
			out = http1.AppendChunk(out, run)
		default:
			out = append(out, run...)
		}
	}
	if done && x.chunked {
		out = http1.AppendLastChunk(out)
	}
	s.send(out)
	w.out = out
	if !done {
		return
	}
	if used < len(data) {
		// Nobody asked for these bytes; they must not answer anybody else.
		w.Counters.Faults[fault.SurplusResponse].Add(1)
		x.upClose = true
	}
	s.responseDone()
}

// coalesce is the largest body part that is copied behind what goes before it; for
// more, a call that takes both where they are is cheaper.
const coalesce = 4 << 10

// sendParts gives out and then run to the client, as a chunk where the response is
// in chunks.
func (s *Session) sendParts(out, run []byte) {
	if s.down.Pending() == 0 {
		s.x.sentAt = s.w.now()
	}
	if s.x.chunked {
		out = http1.AppendChunkHead(out, len(run))
		s.down.WriteParts(out, run, crlf)
		return
	}
	s.down.WriteParts(out, run)
}

var crlf = []byte("\r\n")

// upstreamEnded handles the end of the endpoint's stream. held is how many bytes
// of an unfinished response head were there.
func (s *Session) upstreamEnded(held int, r transport.Result) {
	x := s.x
	if x.headDone {
		if r == transport.ReadEnd && !s.up.Truncated() && x.respBody.Finish() {
			x.upClose = true
			if x.chunked {
				s.w.out = http1.AppendLastChunk(s.w.out[:0])
				s.send(s.w.out)
			}
			s.responseDone()
			return
		}
		kind := s.endpointFailure(fault.ResponseTruncated, true)
		if r == transport.ReadEnd && s.up.Truncated() {
			kind = fault.UpstreamTLSTruncated
		}
		s.truncated(kind)
		return
	}
	if held == 0 && x.wire != nil && s.up.Reused() && x.retries == 0 {
		s.retry()
		return
	}
	kind := fault.UpstreamClosed
	if r == transport.ReadFailed {
		kind = s.endpointFailure(fault.UpstreamReset, held > 0)
		if err := s.up.TLSErr(); err != nil {
			x.detail = err.Error()
		}
	}
	s.fail(kind, byEndpoint)
}

// truncated ends a response that has begun and cannot be completed. The client
// gets what there is, and sees that it is not the whole: its connection ends
// before the length or the last chunk, or is reset where only its end would tell.
func (s *Session) truncated(kind fault.Kind) {
	x := s.x
	x.blame(kind, byEndpoint)
	s.dropUpstream(true)
	x.respDone, x.keepAlive, x.cut = true, false, true
}

// responseDone lets go of the endpoint's connection; the client may still be
// taking the end of the response.
func (s *Session) responseDone() {
	x := s.x
	x.respDone = true
	if s.w.debug {
		s.tellResponseDone()
	}
	u := s.up
	s.up = nil
	if !x.reqDone {
		// The endpoint answered without waiting for the request. The rest of it
		// has nowhere to go.
		x.keepAlive = false
	}
	s.pausedDown, s.pausedUp = false, false
	if x.upClose || !x.reqDone || u.Err() != 0 || u.Pending() > 0 || s.w.draining {
		u.Discard(!x.reqDone)
		return
	}
	u.Keep()
}

// finish ends the exchange once the client has all of the response.
func (s *Session) finish() (again bool) {
	x := s.x
	if !x.respDone {
		return false
	}
	if s.down.Err() != 0 {
		s.gone(fault.ClientReset)
		return false
	}
	if s.down.Pending() > 0 {
		return false
	}
	if x.cut && x.untilClose {
		s.cut(x.fault, x.closedBy)
		return false
	}
	keep := x.keepAlive && x.reqDone && !s.w.draining
	s.linger = !keep && !x.cut && (!x.reqDone || s.down.Readable())
	if !keep {
		x.blame(fault.None, byWeir)
	}
	s.endExchange()
	if keep {
		s.on(evDone)
		return s.down.Readable() || s.down.ReadEnded()
	}
	s.on(evDoneClose)
	return true
}

// fail ends an exchange that cannot succeed: with an answer if the response has
// not begun, else by a cut.
func (s *Session) fail(kind fault.Kind, by closer) {
	if s.x.headDone || kind.Status() == 0 {
		s.cut(kind, by)
		return
	}
	s.dropUpstream(true)
	s.reply(kind)
}
