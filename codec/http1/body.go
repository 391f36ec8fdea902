package http1

import "math"

// BodyDecoder finds the end of one body and strips its chunked coding. It holds a
// few integers and no bytes, so an exchange that waits for a slow body needs no
// buffer. The zero value is the body of BodyNone: done.
type BodyDecoder struct {
	left     int64  // bytes left of the body (BodyLength) or of the chunk (BodyChunked)
	excess   uint32 // chunk extension bytes that no data has paid for
	trailer  uint16 // bytes of the trailer section
	lines    uint8  // field lines of the trailer section
	digits   uint8  // of the chunk size
	line     uint16 // bytes of the extensions of this chunk
	phase    bodyPhase
	framing  Framing
	code     Code // why the body was refused; it stays refused
	finished bool
}

// Init makes d ready for a body of framing f. length is the number of bytes with
// BodyLength and of no meaning otherwise.
func (d *BodyDecoder) Init(f Framing, length int64) {
	*d = BodyDecoder{framing: f}
	switch f {
	case BodyNone:
		d.finished = true
	case BodyLength:
		d.left = length
		d.finished = length <= 0
	case BodyChunked:
		d.phase = chunkSize
	}
}

// Next moves over in, the next bytes of the stream.
//
// used is how many bytes of in belong to the body and were consumed. data is the
// payload inside in[:used]; it aliases in. Next returns after the first run of
// data or at the end of the body, so the caller loops while used > 0 and !done.
// used == 0 and !done means: read more. Once done, in[used:] belongs to the next
// message. A code other than CodeOK ends the body for good; what data came before
// it was already returned.
func (d *BodyDecoder) Next(in []byte) (data []byte, used int, done bool, code Code) {
	if d.code != CodeOK {
		return nil, 0, false, d.code
	}
	if d.Done() {
		return nil, 0, true, CodeOK
	}
	switch d.framing {
	case BodyUntilClose:
		return in, len(in), false, CodeOK
	case BodyLength:
		used = int(min(int64(len(in)), d.left))
		d.left -= int64(used)
		d.finished = d.left == 0
		return in[:used:used], used, d.finished, CodeOK
	}
	data, used = d.chunked(in)
	return data, used, d.finished, d.code
}

// Finish tells d that the sender has ended its stream. It reports whether the body
// is complete: if not, it was cut short, and that must stay visible to whoever
// receives it (RFC 9112 8).
func (d *BodyDecoder) Finish() (complete bool) {
	if d.framing == BodyUntilClose {
		d.finished = true
	}
	return d.Done() && d.code == CodeOK
}

// Done reports whether the body has ended.
func (d *BodyDecoder) Done() bool { return d.finished || d.framing == BodyNone }

// Opaque is how many of the next bytes are payload whatever they are: those of a
// body with a length, or of one that ends with its connection. They may pass
// unseen; Skip tells d of them. In the chunked coding it is 0.
func (d *BodyDecoder) Opaque() int64 {
	switch {
	case d.Done():
		return 0
	case d.framing == BodyLength:
		return d.left
	case d.framing == BodyUntilClose:
		return math.MaxInt64
	}
	return 0
}

// Skip moves over n bytes of payload, at most Opaque of them, that passed unseen.
func (d *BodyDecoder) Skip(n int64) {
	if d.framing == BodyLength {
		d.left -= n
		d.finished = d.left <= 0
	}
}

// Remaining is the number of body bytes still to come, -1 when the framing does
// not tell.
func (d *BodyDecoder) Remaining() int64 {
	switch {
	case d.Done():
		return 0
	case d.framing == BodyLength:
		return d.left
	}
	return -1
}
