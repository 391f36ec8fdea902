package bench

import (
	"context"
	"hash/crc32"
	"io"
	"sync/atomic"
	"time"

	"weir/codec/http1"
)

var noDeadline time.Time

// bodyBuffer is the read buffer of a connection whose responses are not small.
const bodyBuffer = 32 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// httpPeer is one HTTP/1.1 connection, reopened whenever it ends.
type httpPeer struct {
	link
	opener  *opener
	request []byte
	method  http1.Method
	head    http1.ResponseHead
	last    bool // no reply may follow on this connection
	// first is the sum of the first body any connection received; 0: none yet.
	first *atomic.Uint64
}

func (p *httpPeer) unit() []byte               { return p.request }
func (p *httpPeer) spent() bool                { return p.last }
func (p *httpPeer) reopens() bool              { return true }
func (p *httpPeer) control(func([]byte) error) {}
func (p *httpPeer) wire() *link                { return &p.link }

func (p *httpPeer) open(ctx context.Context) error {
	p.last = false
	if err := p.opener.dialWithin(ctx, &p.link); err != nil {
		return err
	}
	p.limit(noDeadline)
	return nil
}

// nextResponse waits for a whole response head in front of unread and parses it.
func (l *link) nextResponse(h *http1.ResponseHead, method http1.Method) (n int, err error) {
	for scanned := 0; ; {
		// Nothing there yet is no response at all; the codec would wait for it too, but
		// a closed connection is then an end, not a truncation.
		if l.r < l.w {
			n, code := http1.ParseResponseHead(l.unread(), scanned, &http1.DefaultLimits, method, h)
			if code != http1.CodeOK {
				return 0, code
			}
			if n > 0 {
				return n, nil
			}
			scanned = l.w - l.r
		}
		if err := l.fill(); err != nil {
			return 0, err
		}
	}
}

// receive reads one final response with its body.
func (p *httpPeer) receive() error {
	for {
		n, err := p.nextResponse(&p.head, p.method)
		if err != nil {
			return err
		}
		p.r += n
		if p.head.Status == 101 {
			return errStatus(101, false)
		}
		if p.head.Status >= 200 {
			break
		}
	}
	sum, err := p.takeBody()
	if err != nil {
		return err
	}
	p.last = !p.head.KeepAlive
	if p.head.Status > 299 {
		return errStatus(p.head.Status, true)
	}
	if p.first != nil && !p.first.CompareAndSwap(0, sum) && p.first.Load() != sum {
		return errBadBody
	}
	return nil
}

// takeBody reads the body, without keeping it, and returns a sum of its size and
// bytes that is never 0, if sums are wanted.
func (p *httpPeer) takeBody() (sum uint64, err error) {
	if p.head.Framing != http1.BodyNone && p.head.Length >= int64(len(p.buf)) {
		p.grow(bodyBuffer)
	}
	var d http1.BodyDecoder
	d.Init(p.head.Framing, p.head.Length)
	size, crc := uint32(0), uint32(0)
	for !d.Done() {
		if p.r == p.w {
			if err := p.fill(); err == io.EOF {
				if !d.Finish() {
					return 0, io.ErrUnexpectedEOF
				}
				break
			} else if err != nil {
				return 0, err
			}
		}
		data, used, _, code := d.Next(p.unread())
		if code != http1.CodeOK {
			return 0, code
		}
		p.r += used
		if p.first != nil {
			size, crc = size+uint32(len(data)), crc32.Update(crc, castagnoli, data)
		}
		if used == 0 && !d.Done() {
			if err := p.fill(); err != nil {
				return 0, err
			}
		}
	}
	return uint64(size)<<32 | uint64(crc) | 1, nil
}
