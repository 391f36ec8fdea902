package bench

import (
	"bytes"
	"errors"
	"io"
)

// closed sends over p whenever the last replies are in, until the window ends.
func (r *run) closed(p peer, rec *recorder) {
	depth := 1
	if r.kind == "http" {
		depth = r.Pipeline
	}
	batch := p.unit()
	if depth > 1 {
		batch = bytes.Repeat(batch, depth)
	}
	for {
		if r.cancelled() || r.now() >= r.window.end {
			return
		}
		err := r.exchange(p, rec, batch, depth)
		if err == nil && !p.spent() {
			continue
		}
		if r.cancelled() {
			return
		}
		if !p.reopens() {
			rec.add(func(t *tally) { t.lost++ })
			p.wire().drop()
			return
		}
		if !r.reopen(p, rec, err, r.window.end) {
			return
		}
	}
}

// exchange sends one batch and reads a reply for each unit in it. An error means
// that the connection cannot be used any more.
func (r *run) exchange(p peer, rec *recorder, batch []byte, depth int) error {
	l, out := p.wire(), len(batch)/depth
	from := r.now()
	err := l.write(batch)
	for i := range depth {
		before := l.read
		if err == nil && i > 0 && p.spent() {
			err = io.EOF // the server closed before it answered all
		}
		if err == nil {
			err = p.receive()
		}
		if err == nil {
			rec.answered(r.window, from, r.now(), l.read-before, out)
			continue
		}
		if r.cancelled() {
			return err
		}
		if !isSoft(err) {
			rec.failed(uint64(depth-i), (depth-i)*out, err)
			return err
		}
		rec.failed(1, out, err)
		err = nil
	}
	return nil
}

func isSoft(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && f.soft
}
