package bench

import (
	"context"
	"encoding/binary"

	"weir/codec/websocket"
)

// framed is a message as a client sends it, made once. The mask is fixed: masking
// protects caches in the middle from scripts in browsers (RFC 6455 10.3), and there
// is neither here.
type framed struct {
	bytes  []byte
	header int // size of the frame header
	mask   [4]byte
}

func newFramed(payload []byte) *framed {
	h := websocket.Header{
		Fin: true, OpCode: websocket.OpBinary, Masked: true,
		Mask: [4]byte{0x57, 0x45, 0x49, 0x52}, Length: int64(len(payload)),
	}
	f := &framed{mask: h.Mask}
	f.bytes = websocket.AppendHeader(make([]byte, 0, websocket.MaxHeaderSize+len(payload)), &h)
	f.header = len(f.bytes)
	f.bytes = append(f.bytes, payload...)
	websocket.Mask(f.bytes[f.header:], f.mask, 0)
	return f
}

// pattern is the payload every message has; it does not repeat with any power of two.
func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

// wsPeer is one WebSocket.
type wsPeer struct {
	link
	opener *opener
	frame  *framed
	want   []byte // with Verify: the payload sent, which is this connection's own
	// mark, if set, takes the first bytes of each message. It may be part of want,
	// which then has no say in them.
	mark []byte
	pong func(b []byte) error
	// ponged, if set, is called for each pong with its payload.
	ponged func(payload []byte)
}

func (o *opener) newWSPeer(i int) *wsPeer {
	p := &wsPeer{opener: o, frame: o.frame}
	p.address, p.source = o.place.to, o.place.source(i)
	if o.Verify {
		p.want = pattern(o.Size)
		var id [8]byte
		binary.BigEndian.PutUint64(id[:], uint64(i)+1)
		copy(p.want, id[8-min(8, len(p.want)):])
		p.frame = newFramed(p.want)
	}
	p.pong = p.write
	return p
}

func (p *wsPeer) unit() []byte                     { return p.frame.bytes }
func (p *wsPeer) spent() bool                      { return false }
func (p *wsPeer) reopens() bool                    { return false }
func (p *wsPeer) control(write func([]byte) error) { p.pong = write }
func (p *wsPeer) wire() *link                      { return &p.link }

// open connects and shakes hands. A loop opens a WebSocket once: losing one is a
// result, not something to repair.
func (p *wsPeer) open(ctx context.Context) error {
	if err := p.opener.dialWithin(ctx, &p.link); err != nil {
		return err
	}
	if err := p.handshake(); err != nil {
		p.drop()
		return inPhase("handshake", err)
	}
	p.limit(noDeadline)
	return nil
}

// receive reads one message, answering pings before and inside it.
func (p *wsPeer) receive() error {
	got, equal, begun := 0, true, false
	for {
		h, err := p.nextHeader()
		if err != nil {
			return err
		}
		if h.OpCode.IsControl() {
			if err := p.takeControl(h); err != nil {
				return err
			}
			continue
		}
		// A message is one text or binary frame and then continuations (RFC 6455 5.4).
		if begun != (h.OpCode == websocket.OpContinuation) {
			return errFrameOrder
		}
		begun = true
		n, same, err := p.takePayload(h.Length, got)
		if err != nil {
			return err
		}
		got, equal = n, equal && same
		if !h.Fin {
			continue
		}
		if p.want != nil && (!equal || got != len(p.want)) {
			return errBadEcho
		}
		return nil
	}
}

func (p *wsPeer) nextHeader() (h websocket.Header, err error) {
	for {
		n, code := websocket.ParseHeader(p.unread(), &h)
		switch {
		case code != websocket.CodeOK:
			return h, code
		case n == 0:
			if err := p.fill(); err != nil {
				return h, err
			}
			continue
		case h.Masked:
			return h, errFrameMask
		case h.Rsv != 0:
			return h, errFrameRSV
		}
		p.r += n
		return h, nil
	}
}

// takePayload reads length bytes of a message of which got came before, and
// compares them on the way. It returns the new sum, which stays at a value above
// any size once it passes it.
func (p *wsPeer) takePayload(length int64, got int) (sum int, same bool, err error) {
	same = true
	for length > 0 {
		if p.r == p.w {
			if err := p.fill(); err != nil {
				return got, false, err
			}
		}
		in := p.unread()
		in = in[:min(int64(len(in)), length)]
		copy(p.mark[min(got, len(p.mark)):], in)
		if p.want != nil && same {
			end := got + len(in)
			same = end <= len(p.want) && string(in) == string(p.want[got:end])
		}
		got = min(got+len(in), maxSize+1)
		p.r += len(in)
		length -= int64(len(in))
	}
	return got, same, nil
}

// takeControl reads and answers a control frame, whose header has been consumed.
func (p *wsPeer) takeControl(h websocket.Header) error {
	for len(p.unread()) < int(h.Length) {
		if err := p.fill(); err != nil {
			return err
		}
	}
	payload := p.unread()[:h.Length]
	p.r += len(payload)
	switch h.OpCode {
	case websocket.OpClose:
		status, _, code := websocket.ParseClose(payload)
		if code != websocket.CodeOK {
			return code
		}
		return errClosed(status)
	case websocket.OpPing:
		var b [websocket.MaxHeaderSize + websocket.MaxControlPayload]byte
		return p.pong(appendControl(b[:0], websocket.OpPong, payload))
	}
	if p.ponged != nil {
		p.ponged(payload)
	}
	return nil
}

// appendControl appends a control frame as a client sends it.
func appendControl(dst []byte, op websocket.OpCode, payload []byte) []byte {
	h := websocket.Header{
		Fin: true, OpCode: op, Masked: true,
		Mask: [4]byte{0x57, 0x45, 0x49, 0x52}, Length: int64(len(payload)),
	}
	dst = websocket.AppendHeader(dst, &h)
	start := len(dst)
	dst = append(dst, payload...)
	websocket.Mask(dst[start:], h.Mask, 0)
	return dst
}
