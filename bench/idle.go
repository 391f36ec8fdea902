package bench

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"weir/codec/websocket"
)

// exchangeAll has every connection exchange one message of o.Exchange bytes. Those
// that do not are lost.
func (r *run) exchangeAll() {
	f := newFramed(pattern(r.Exchange))
	r.bar.start("exchanging", int64(len(r.peers)))
	var (
		next, done atomic.Int64
		lost       = make([]bool, len(r.peers))
		group      sync.WaitGroup
	)
	for range min(openersMax, len(r.peers)) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(r.peers)) && !r.cancelled(); i = next.Add(1) - 1 {
				p := r.peers[i].(*wsPeer)
				p.limit(time.Now().Add(r.Timeout))
				err := p.write(f.bytes)
				if err == nil {
					err = p.receive()
				}
				p.limit(noDeadline)
				if err != nil && !isSoft(err) && !r.cancelled() {
					r.recorder(int(i)).disconnected(inPhase("exchange", err))
					p.drop()
					lost[i] = true
				}
				r.bar.set(done.Add(1))
			}
		})
	}
	group.Wait()
	kept := r.peers[:0:0]
	for i, p := range r.peers {
		if !lost[i] {
			kept = append(kept, p)
		}
	}
	r.peers = kept
}

// idle holds every peer for the window, pings it if PingEvery says so, and then,
// with Verify, asks each for a pong.
func (r *run) idle() {
	if r.Exchange > 0 {
		r.exchangeAll()
	}
	r.setWindow()
	var holders, pacer sync.WaitGroup
	census := census{run: r, pinged: make([]atomic.Int64, len(r.peers)), roll: newRoll()}
	var pings *pings
	if r.PingEvery > 0 {
		pings = newPings(r)
		pacer.Go(pings.offer)
	}
	for i, p := range r.peers {
		p.(*wsPeer).ponged = func(payload []byte) {
			if pings != nil {
				pings.ponged(i, payload)
			}
			census.ponged(i, payload)
		}
		holders.Go(func() {
			r.hold(p, r.recorder(i))
			if pings != nil {
				pings.end(i)
			}
		})
	}
	r.watch()
	pacer.Wait()
	if r.Verify && !r.cancelled() {
		census.take()
	}
	if pings != nil {
		pings.wait()
	}
	expireAll(r.peers)
	holders.Wait()
}

// census pings every connection and counts who answers.
type census struct {
	run    *run
	pinged []atomic.Int64 // when; 0: not asked, or answered already
	roll   *roll
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
			c.roll.ask(1)
		} else {
			c.pinged[i].Store(0)
		}
	}
	c.roll.seal()
	c.roll.wait(r.ctx, timer.C)
	missing := uint64(0)
	for i := range c.pinged {
		if c.pinged[i].Swap(0) != 0 { // a pong that comes now comes too late
			missing++
		}
	}
	r.alive = int(uint64(c.roll.asked.Load()) - missing)
	if !r.cancelled() {
		r.recs[0].failed(missing, 0, errPongLost)
	}
}

// ponged counts the first pong of connection i that carries what its ping did.
func (c *census) ponged(i int, payload []byte) {
	at := c.pinged[i].Load()
	if at == 0 || len(payload) != 8 || binary.BigEndian.Uint64(payload) != uint64(at) || !c.pinged[i].CompareAndSwap(at, 0) {
		return
	}
	r := c.run
	// A window of its own: it is counted, and is no throughput.
	r.recorder(i).answered(window{at, at + 1}, at, r.now(), 0, 0)
	c.roll.answer(1)
}
