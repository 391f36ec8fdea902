package bench

import "net"

const (
	// bulkPieces is how many pieces are handed to the kernel at once.
	bulkPieces = 16
	// discardMin is the body beyond what is buffered from which on it is thrown away
	// unread. A smaller one is read, as its end may share a read with what follows.
	discardMin = 16 << 10
)

// bulkBody writes what is in out and size bytes of body behind it, straight from
// echoFill: nothing is copied but by the kernel, and the head leaves with the body.
func (e *echoConn) bulkBody(size int) bool {
	var pieces [bulkPieces][]byte
	var vector net.Buffers
	for head := e.out; size > 0; head = nil {
		vector = append(pieces[:0], head)
		for len(vector) < bulkPieces && size > 0 {
			n := min(size, len(echoFill))
			vector = append(vector, echoFill[:n])
			size -= n
		}
		if _, err := vector.WriteTo(e.stream()); err != nil {
			return false
		}
	}
	echoBuffers.Put(e.ahead)
	e.ahead, e.out = nil, nil
	return true
}

// discard throws away left bytes of a request's body, behind all that is buffered.
// With TLS they have to be decrypted.
func (e *echoConn) discard(left int64) bool {
	if !e.flush() {
		return false
	}
	e.release()
	if e.tls == nil {
		return newDiscarder(e.raw).all(left) == nil
	}
	for ; left > 0; left -= int64(e.r) {
		if !e.fill() {
			return false
		}
		e.r = int(min(left, int64(e.w)))
	}
	return true
}
