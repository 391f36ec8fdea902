package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"weir/codec/http1"
)

// BulkOptions say what Bulk transfers. Of Options, Duration is the most that all
// transfers together may take, and Timeout the most that one may stand still.
// Verify compares a download with what EchoServer sends. Active, Size, Warmup, Rate
// and Pipeline are ignored.
type BulkOptions struct {
	Options
	// Upload sends a body of Bytes over each connection; else each downloads URL once.
	Upload bool
	Bytes  int64
}

// maxBulk bounds an upload; none of it is ever held in memory.
const maxBulk = 64 << 30

// Validate reports everything that is wrong with o, and what to do about it.
func (o BulkOptions) Validate() error {
	errs := []error{o.Options.Validate()}
	switch {
	case o.Upload && (o.Bytes < 1 || o.Bytes > maxBulk):
		errs = append(errs, fmt.Errorf("size: %d is out of range for an upload; give 1 to %d bytes", o.Bytes, int64(maxBulk)))
	case !o.Upload && o.Bytes != 0:
		errs = append(errs, errors.New("size: only an upload has one; what is downloaded is up to the URL"))
	case o.Upload && o.Verify:
		errs = append(errs, errors.New("verify: an upload has nothing to compare; leave it out"))
	}
	return errors.Join(errs...)
}

// Bulk moves one body over each connection, all at the same time, and measures
// from just before the first byte to the last. A unit is one transfer. Bytes that
// come are dropped by the kernel unless Verify is set or TLS has to decrypt them.
// Result.Bulk says how much moved. It ends as WebSocket does.
func Bulk(ctx context.Context, o BulkOptions) (*Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	b := &bulk{upload: o.Upload, bytes: o.Bytes}
	all := o.Options
	all.Active, all.Size, all.Pipeline, all.Rate, all.Warmup = 1, 0, 1, 0, 0
	all.NewConnections = false
	res, err := execute(ctx, all, "bulk", "http", b.drive)
	if res != nil && b.run != nil {
		b.report(res)
	}
	return res, err
}

// bulk is the transfers of a run. Times are the run's.
type bulk struct {
	*run
	upload bool
	bytes  int64
	moved  int64
	lastAt atomic.Int64 // when the last byte came or, for an upload, its answer
}

func (b *bulk) drive(r *run) {
	b.run = r
	request := b.request()
	r.meter.begin()
	r.self[0] = ownCPU()
	r.window.begin = r.now()
	r.window.end = r.window.begin + int64(r.Duration)
	transfers := make([]*transfer, len(r.peers))
	var group sync.WaitGroup
	left, done := atomic.Int64{}, make(chan struct{})
	left.Store(int64(len(transfers)))
	for i, p := range r.peers {
		t := &transfer{bulk: b, peer: p.(*httpPeer), rec: r.recorder(i), request: request}
		transfers[i] = t
		group.Go(func() {
			t.run()
			if left.Add(-1) == 0 {
				close(done)
			}
		})
	}
	b.watch(transfers, done)
	group.Wait()
	r.meter.end()
	r.self[1] = ownCPU()
	r.stopped = max(b.lastAt.Load(), r.window.begin)
	for _, t := range transfers {
		b.moved += t.moved.Load()
	}
}

// request is the head of every transfer.
func (b *bulk) request() []byte {
	if !b.upload {
		return append(b.target.appendHead(nil, http.MethodGet, b.Header), '\r', '\n')
	}
	head := b.target.appendHead(nil, http.MethodPost, b.Header)
	head = http1.AppendContentLength(head, b.bytes)
	return append(head, '\r', '\n')
}

// watch returns when all transfers have ended, and ends those that stand still for
// Timeout, and all when the window is over.
func (b *bulk) watch(transfers []*transfer, done <-chan struct{}) {
	b.bar.start("transferring", b.total())
	tick := time.NewTicker(barInterval)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		now, sum := b.now(), int64(0)
		for _, t := range transfers {
			moved := t.moved.Load()
			sum += moved
			if moved != t.seen {
				t.seen, t.seenAt = moved, now
			}
			if now >= b.window.end || now-max(t.seenAt, b.window.begin) >= int64(b.Timeout) {
				t.peer.expire(time.Unix(1, 0))
			}
		}
		b.bar.set(sum)
	}
}

// total is how many bytes will move, as far as that is known.
func (b *bulk) total() int64 {
	if b.upload {
		return b.bytes * int64(len(b.peers))
	}
	return int64(bodySize(b.target.path)) * int64(len(b.peers)) // right for EchoServer
}

// BulkResult is what Bulk measures.
type BulkResult struct {
	Upload bool `json:"upload"`
	// Bytes of bodies that moved, those of failed transfers too, in Seconds from just
	// before the first request to the end of the last transfer.
	Bytes          int64   `json:"bytes"`
	Seconds        float64 `json:"seconds"`
	BytesPerSecond float64 `json:"bytes_per_second"`
}

// report completes the result of a run that has ended.
func (b *bulk) report(res *Result) {
	r := &BulkResult{Upload: b.upload, Bytes: b.moved, Seconds: res.Elapsed}
	if r.Seconds > 0 {
		r.BytesPerSecond = float64(r.Bytes) / r.Seconds
	}
	res.Bulk, res.Size = r, int(b.bytes)
	if p := res.Process; p != nil && r.Bytes > 0 {
		p.CPUSecondsPerGiB = p.CPUSeconds * (1 << 30) / float64(r.Bytes)
	}
}

func (r *BulkResult) writeText(line func(name, format string, args ...any)) {
	what := "downloaded"
	if r.Upload {
		what = "uploaded"
	}
	line(what, "%s in %.3f s, %s a second", bytesText(float64(r.Bytes)), r.Seconds, bytesText(r.BytesPerSecond))
}
