package bench

import "weir/codec/websocket"

// serveRoom takes part in the room until the connection ends: it hands on what the
// member sends, and answers its pings.
func (e *echoConn) serveRoom() {
	r, m, err := e.rooms.join(e.room, e)
	if err != nil {
		return
	}
	defer e.rooms.leave(e.room, r, m)
	in := incoming{conn: e, member: m}
	for {
		h, ok := in.header()
		if !ok {
			return
		}
		status := uint16(0)
		switch {
		case h.OpCode.IsControl():
			ok = in.control(h)
		case (h.OpCode == websocket.OpContinuation) != in.begun:
			status = 1002
		case h.Length > int64(maxRoomMessage-in.size()):
			status = 1009
		default:
			ok = in.payload(h)
		}
		if status != 0 {
			in.close(status)
		}
		if !ok || status != 0 {
			return
		}
		if !h.OpCode.IsControl() && h.Fin {
			r.broadcast(in.frame())
			in.reset()
		}
	}
}

// incoming is the message that a member is sending.
type incoming struct {
	conn    *echoConn
	member  *member
	begun   bool
	kind    websocket.OpCode
	message []byte // behind frameSpace; nil: none begun
}

func (in *incoming) size() int { return max(0, len(in.message)-frameSpace) }

// header reads the next frame's header. It refuses, with a close frame, what no
// client may send.
func (in *incoming) header() (h websocket.Header, ok bool) {
	e := in.conn
	for {
		n, code := websocket.ParseHeader(e.unread(), &h)
		if code != websocket.CodeOK || n > 0 && (!h.Masked || h.Rsv != 0) {
			in.close(1002)
			return h, false
		}
		if n > 0 {
			e.r += n
			return h, true
		}
		if !in.fill() {
			return h, false
		}
	}
}

// fill waits for more. What is in out has to leave through the member before,
// since others write to the connection too.
func (in *incoming) fill() bool {
	if in.conn.ahead != nil && !in.member.flush() {
		return false
	}
	return in.conn.fill()
}

// payload appends that of the data frame h to the message.
func (in *incoming) payload(h websocket.Header) bool {
	if !in.begun {
		in.begun, in.kind = true, h.OpCode
		in.message = append(in.message[:0], make([]byte, frameSpace)...)
	}
	e := in.conn
	for at := int64(0); at < h.Length; {
		if e.r == e.w && !in.fill() {
			return false
		}
		piece := e.unread()
		piece = piece[:min(int64(len(piece)), h.Length-at)]
		websocket.Mask(piece, h.Mask, int(at&3))
		in.message = append(in.message, piece...)
		e.r += len(piece)
		at += int64(len(piece))
	}
	return true
}

// frame is the whole message as a server sends it.
func (in *incoming) frame() []byte {
	h := websocket.Header{Fin: true, OpCode: in.kind, Length: int64(in.size())}
	var space [websocket.MaxHeaderSize]byte
	head := websocket.AppendHeader(space[:0], &h)
	frame := in.message[frameSpace-len(head):]
	copy(frame, head)
	return frame
}

// reset makes ready for the next message, and keeps the memory of small ones.
func (in *incoming) reset() {
	in.begun, in.message = false, in.message[:0]
	if cap(in.message) > echoBuffer {
		in.message = nil
	}
}

// control answers a control frame once it is here whole, so that no other frame gets
// inside the answer. It reports whether there may be another frame.
func (in *incoming) control(h websocket.Header) bool {
	e := in.conn
	for len(e.unread()) < int(h.Length) {
		if !in.fill() {
			return false
		}
	}
	payload := e.unread()[:h.Length]
	e.r += len(payload)
	websocket.Mask(payload, h.Mask, 0)
	if h.OpCode == websocket.OpPong {
		return true
	}
	// Answers are no longer than what they answer, so out has room for those to all
	// that was read at once, and reserve does not write behind the member's back.
	if !e.answerHeader(h) || !e.echo(payload) {
		return false
	}
	if h.OpCode == websocket.OpClose {
		in.member.flush()
		return false
	}
	return true
}

// close ends the connection with a close frame.
func (in *incoming) close(status uint16) {
	if in.conn.reserve(websocket.MaxControlPayload) {
		in.conn.out = websocket.AppendClose(in.conn.out, status, "")
		in.member.flush()
	}
}
