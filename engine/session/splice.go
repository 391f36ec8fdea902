package session

// spliceAbove is how much of a body must be left for it to pass inside the kernel:
// below, the extra calls cost what the copies do.
const spliceAbove = 64 << 10

// spliceRequest moves body bytes upstream without looking at them, and returns how
// many; 0: there is nothing it can do.
func (s *Session) spliceRequest() (moved int) {
	x := s.x
	if x.reqChunked || x.reqBody.Opaque() < spliceAbove {
		return 0
	}
	taken := s.up.BytesOut()
	n := s.down.SpliceTo(&s.up.Conn, min(x.reqBody.Opaque(), s.w.splice))
	if n == 0 {
		return 0
	}
	now := s.w.now()
	x.reqBody.Skip(n)
	x.reqDone = x.reqBody.Done()
	x.reqBytes += n
	x.rateBytes += n
	x.bodyAt = now
	x.expecting = false
	if x.reqDone || s.up.BytesOut() != taken {
		x.movedAt = now
	}
	s.pausedDown = s.up.Pending() > s.w.high
	return int(n)
}

// spliceResponse moves body bytes downstream without looking at them, and returns
// how many; 0: there is nothing it can do.
func (s *Session) spliceResponse() (moved int) {
	x := s.x
	if !x.headDone || x.chunked || x.respBody.Opaque() < spliceAbove {
		return 0
	}
	n := s.up.SpliceTo(&s.down, min(x.respBody.Opaque(), s.w.splice))
	if n == 0 {
		return 0
	}
	x.movedAt, x.sentAt = s.w.now(), s.w.now()
	x.respBody.Skip(n)
	if x.respBody.Done() {
		s.responseDone()
	}
	return int(n)
}
