package bench

import (
	"bytes"
	"strconv"

	"weir/codec/http1"
	"weir/codec/websocket"
)

const (
	// maxBody bounds /bytes/N.
	maxBody = 1 << 30
	// maxAnswer is more than any response head here.
	maxAnswer = 512
)

var (
	echoFill  = pattern(64 << 10)
	bytesPath = []byte("/bytes/")
)

// serveHTTP answers requests until the connection ends. It reports true when a
// request upgraded it: what is unread then are frames.
func (e *echoConn) serveHTTP() (upgraded bool) {
	var h http1.RequestHead
	scanned := 0
	for {
		n, code := 0, http1.CodeOK
		if e.r < e.w {
			n, code = http1.ParseRequestHead(e.unread(), scanned, &http1.DefaultLimits, &h)
			scanned = len(e.unread())
		}
		if code != http1.CodeOK {
			e.head(max(400, code.Status()), 1, 0, false)
			return false
		}
		if n == 0 {
			if !e.fill() {
				return false
			}
			continue
		}
		scanned = 0
		head := e.unread()[:n]
		e.r += n
		if h.Upgrade {
			return e.upgrade(head, &h)
		}
		size, status := bodySize(h.Path.Of(head)), 200
		if size < 0 {
			size, status = 0, 404
		}
		if h.Expect100 && e.reserve(maxAnswer) {
			e.out = append(e.out, "HTTP/1.1 100 Continue\r\n\r\n"...)
		}
		method, keep := h.Method, h.KeepAlive
		if !e.skipBody(&h) {
			return false
		}
		if !e.head(status, h.Minor, size, keep) || method != http1.MethodHEAD && !e.body(size) || !keep {
			return false
		}
	}
}

// bodySize is the size that path asks for, -1 if it asks for too much.
func bodySize(path []byte) int {
	digits, ok := bytes.CutPrefix(path, bytesPath)
	if !ok {
		return 2
	}
	n, err := strconv.Atoi(string(digits))
	if err != nil || n < 0 || n > maxBody {
		return -1
	}
	return n
}

// skipBody reads the request's body. The head may be gone from the buffer then.
func (e *echoConn) skipBody(h *http1.RequestHead) bool {
	var d http1.BodyDecoder
	d.Init(h.Framing, h.Length)
	for !d.Done() {
		if left := d.Remaining(); e.r == e.w && left >= discardMin {
			return e.discard(left)
		}
		if e.r == e.w && !e.fill() {
			return false
		}
		_, used, _, code := d.Next(e.unread())
		if code != http1.CodeOK {
			return false
		}
		e.r += used
	}
	return true
}

// head appends a response head.
func (e *echoConn) head(status int, minor uint8, size int, keep bool) bool {
	if !e.reserve(maxAnswer) {
		return false
	}
	e.out = http1.AppendStatusLine(e.out, 1, status, nil)
	e.out = http1.AppendContentLength(e.out, int64(size))
	switch {
	case !keep:
		e.out = append(e.out, "Connection: close\r\n"...)
	case minor == 0:
		e.out = append(e.out, "Connection: keep-alive\r\n"...)
	}
	e.out = append(e.out, '\r', '\n')
	return true
}

// body appends size bytes of body, or writes them if they are too many to gather.
func (e *echoConn) body(size int) bool {
	if len(e.out)+size > echoBuffer {
		return e.bulkBody(size)
	}
	e.out = append(e.out, echoFill[:size]...)
	return true
}

// upgrade answers a handshake.
func (e *echoConn) upgrade(head []byte, h *http1.RequestHead) bool {
	value := func(id http1.FieldID) []byte {
		if i := http1.Find(h.Fields, id); i >= 0 {
			return h.Fields[i].Value.Of(head)
		}
		return nil
	}
	key := value(http1.FieldSecWebSocketKey)
	if h.Method != http1.MethodGET || h.Framing != http1.BodyNone ||
		!websocket.HasToken(value(http1.FieldUpgrade), "websocket") || !websocket.ValidKey(key) {
		e.head(400, 1, 0, false)
		return false
	}
	if !e.reserve(maxAnswer) {
		return false
	}
	if string(value(http1.FieldSecWebSocketVersion)) != "13" {
		e.out = append(e.out, "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"...)
		return false
	}
	e.out = append(e.out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	e.out = websocket.AppendAccept(e.out, key)
	e.room = roomName(h.Path.Of(head))
	e.out = append(e.out, "\r\n\r\n"...)
	return true
}
