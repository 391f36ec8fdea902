package bench

import (
	"bytes"
	"io"
	"sync/atomic"

	"weir/codec/http1"
)

// transfer is the one body that a connection of Bulk moves.
type transfer struct {
	*bulk
	peer    *httpPeer
	rec     *recorder
	request []byte
	moved   atomic.Int64 // bytes of the body
	dropped int          // of them, those that the kernel threw away

	seen, seenAt int64 // moved as watch saw it last change, and when
}

// run moves the body and counts what came of it.
func (t *transfer) run() {
	out := len(t.request)
	err := t.exchange()
	now := t.now()
	for last := t.lastAt.Load(); now > last && !t.lastAt.CompareAndSwap(last, now); last = t.lastAt.Load() {
	}
	if t.upload {
		out += int(t.moved.Load())
	}
	switch {
	case err == nil:
		t.rec.answered(window{t.window.begin, now + 1}, t.window.begin, now, t.peer.read+t.dropped, out)
	case !t.cancelled():
		t.rec.failed(1, out, err)
	}
	t.peer.drop()
}

func (t *transfer) exchange() error {
	err := t.peer.write(t.request)
	if err == nil && t.upload {
		err = t.send()
	}
	if err == nil {
		return t.receive()
	}
	// A server that refuses a body may have said so before it closed.
	if refused := t.receive(); refused != nil && isSoft(refused) {
		return refused
	}
	return err
}

// send writes the body of an upload, the same 64 KiB over and over.
func (t *transfer) send() error {
	for left := t.bytes; left > 0; {
		n := min(left, int64(len(echoFill)))
		if err := t.peer.write(echoFill[:n]); err != nil {
			return err
		}
		left -= n
		t.moved.Add(n)
	}
	return nil
}

// receive reads one final response.
func (t *transfer) receive() error {
	p := t.peer
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
	if p.head.Status > 299 {
		return errStatus(p.head.Status, true)
	}
	if t.upload {
		_, err := p.takeBody()
		return err
	}
	if p.head.Framing == http1.BodyLength && !t.Verify && t.tls == nil {
		return t.discard()
	}
	return t.read()
}

// discard drops a body of known length.
func (t *transfer) discard() error {
	p := t.peer
	buffered := min(int64(p.w-p.r), p.head.Length)
	p.r += int(buffered)
	t.moved.Store(buffered)
	d := newDiscarder(p.try.raw)
	for left := p.head.Length - buffered; left > 0; {
		n, err := d.next(left)
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		left -= n
		t.dropped += int(n)
		t.moved.Add(n)
	}
	return nil
}

// read reads a body of any framing, and compares it with Verify. The first byte
// that differs does not end it.
func (t *transfer) read() error {
	p, at, same := t.peer, int64(0), true
	p.grow(bodyBuffer)
	var d http1.BodyDecoder
	d.Init(p.head.Framing, p.head.Length)
	for !d.Done() {
		data, used, _, code := d.Next(p.unread())
		if code != http1.CodeOK {
			return code
		}
		p.r += used
		same = same && (!t.Verify || isFill(data, at))
		at += int64(len(data))
		t.moved.Store(at)
		if used > 0 || d.Done() {
			continue
		}
		if err := p.fill(); err == io.EOF {
			if !d.Finish() {
				return io.ErrUnexpectedEOF
			}
		} else if err != nil {
			return err
		}
	}
	if !same {
		return errBadBody
	}
	return nil
}

// isFill reports whether b is what EchoServer sends from offset at of a body on.
func isFill(b []byte, at int64) bool {
	for len(b) > 0 {
		want := echoFill[at%int64(len(echoFill)):]
		n := min(len(b), len(want))
		if !bytes.Equal(b[:n], want[:n]) {
			return false
		}
		b, at = b[n:], at+int64(n)
	}
	return true
}
