package bench

import "weir/codec/websocket"

// serveWebSocket echoes frames until the connection ends. Payloads are sent on as
// they come, so a message of any size needs one buffer.
func (e *echoConn) serveWebSocket() {
	var (
		h    websocket.Header
		left int64 // of the payload of h
		at   int   // offset in it, for the mask
	)
	for {
		if len(e.unread()) == 0 {
			if !e.fill() {
				return
			}
		}
		if left == 0 {
			n, code := websocket.ParseHeader(e.unread(), &h)
			if code != websocket.CodeOK || n > 0 && (!h.Masked || h.Rsv != 0) {
				if e.reserve(websocket.MaxControlPayload) {
					e.out = websocket.AppendClose(e.out, 1002, "")
				}
				return
			}
			if n == 0 {
				if !e.fill() {
					return
				}
				continue
			}
			e.r += n
			left, at = h.Length, 0
			if !e.answerHeader(h) || left == 0 && h.OpCode == websocket.OpClose {
				return
			}
			continue
		}
		in := e.unread()
		in = in[:min(int64(len(in)), left)]
		if h.OpCode != websocket.OpPong {
			websocket.Mask(in, h.Mask, at)
			if !e.echo(in) {
				return
			}
		}
		e.r += len(in)
		left -= int64(len(in))
		at = (at + len(in)) & 3
		if left == 0 && h.OpCode == websocket.OpClose {
			return
		}
	}
}

// answerHeader appends the header of the frame that answers h: the same without its
// mask, a pong for a ping, and none for a pong.
func (e *echoConn) answerHeader(h websocket.Header) bool {
	switch h.OpCode {
	case websocket.OpPong:
		return true
	case websocket.OpPing:
		h.OpCode = websocket.OpPong
	}
	h.Masked = false
	if !e.reserve(websocket.MaxHeaderSize) {
		return false
	}
	e.out = websocket.AppendHeader(e.out, &h)
	return true
}

// echo gathers payload in out while it fits, so that small messages leave together.
func (e *echoConn) echo(payload []byte) bool {
	if !e.reserve(len(payload)) {
		return false
	}
	e.out = append(e.out, payload...)
	return true
}
