package bench

import (
	"encoding/binary"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"weir/codec/websocket"
)

// idle holds every peer for the window and then, with Verify, asks each for a pong.
func (r *run) idle() {
	r.setWindow()
	var holders sync.WaitGroup
	census := census{run: r, pinged: make([]atomic.Int64, len(r.peers)), done: make(chan struct{})}
	for i, p := range r.peers {
		p.(*wsPeer).ponged = func(payload []byte) { census.ponged(i, payload) }
		holders.Go(func() { r.hold(p, r.recorder(i)) })
	}
	r.watch()
	if r.Verify && !r.cancelled() {
		census.take()
	}
	expireAll(r.peers)
	holders.Wait()
}

// census pings every connection and counts who answers.
type census struct {
	run    *run
	pinged []atomic.Int64 // when; 0: not asked, or answered already
	asked  atomic.Int64
	alive  atomic.Int64
	sealed atomic.Bool // asked is final
	once   sync.Once
	done   chan struct{}
}

func (c *census) take() {
	r := c.run
	timer := time.NewTimer(r.Timeout)
	defer timer.Stop()
	for i, p := range r.peers {
		now := r.now()
		c.pinged[i].Store(now)
		payload := binary.BigEndian.AppendUint64(nil, uint64(now))
		if p.wire().write(appendControl(nil, websocket.OpPing, payload)) == nil {
			c.asked.Add(1)
		}
	}
	c.sealed.Store(true)
	c.settle()
	select {
	case <-c.done:
	case <-timer.C:
	case <-r.ctx.Done():
	}
	r.alive = int(c.alive.Load())
	if !r.cancelled() {
		r.recs[0].failed(uint64(c.asked.Load())-uint64(r.alive), 0, errPongLost)
	}
}

// ponged counts the first pong of connection i that carries what its ping did.
func (c *census) ponged(i int, payload []byte) {
	at := c.pinged[i].Load()
	if at == 0 || len(payload) != 8 || binary.BigEndian.Uint64(payload) != uint64(at) || !c.pinged[i].CompareAndSwap(at, 0) {
		return
	}
	r := c.run
	r.recorder(i).answered(window{0, math.MaxInt64}, at, r.now(), 0, 0)
	c.alive.Add(1)
	c.settle()
}

func (c *census) settle() {
	if c.sealed.Load() && c.alive.Load() >= c.asked.Load() {
		c.once.Do(func() { close(c.done) })
	}
}
