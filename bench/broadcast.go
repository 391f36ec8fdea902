package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"weir/codec/websocket"
)

// sequenceSize is the part of a broadcast's payload that numbers it.
const sequenceSize = 8

// Broadcast joins a room with every connection: a server that hands each message
// to all members, its sender included, such as EchoServer does on /room. The first
// connection sends; a unit is one delivery to one member.
//
// In closed loop the next message is sent when every member has the last one; in
// open loop Rate is broadcasts a second. A latency is that of one delivery, from
// when its message was sent or due. A delivery that does not come, or comes with
// other bytes if Verify is set, is an error. Messages carry a number and no time,
// so Size is at least 8. Active is ignored.
//
// Others in the room cost time, and what they send is counted as unexpected: give
// each of several runs at a time a room of its own. It ends as WebSocket does.
func Broadcast(ctx context.Context, o Options) (*Result, error) {
	if err := CheckBroadcast(o); err != nil {
		return nil, err
	}
	o.Active, o.NewConnections = 1, false
	return execute(ctx, o, "broadcast", "ws", (*run).broadcast)
}

// CheckBroadcast reports what is wrong with o for Broadcast, beside what Validate
// reports.
func CheckBroadcast(o Options) error {
	if o.Size < sequenceSize {
		return fmt.Errorf("size: %d is too small for a broadcast, which carries its number; give at least %d", o.Size, sequenceSize)
	}
	return nil
}

// broadcast is a room as the generator sees it. Messages are numbered from 0; on
// the wire their numbers start at base, so that those of another run are told apart.
type broadcast struct {
	*run
	base     uint64
	schedule schedule // open loop
	sentAt   atomic.Int64
	sent     atomic.Uint64 // messages

	// open is the deliveries that are owed; empty is told when there are none.
	open  atomic.Int64
	empty chan struct{}

	mu     sync.Mutex
	living int // members; a message that is sent under mu is owed to them all
}

func (r *run) broadcast() {
	r.setWindow()
	b := &broadcast{run: r, base: rand.Uint64(), living: len(r.peers), empty: make(chan struct{}, 1)}
	if r.Rate > 0 {
		b.schedule = schedule{start: r.window.begin - int64(r.Warmup), interval: float64(time.Second) / r.Rate, flows: 1}
	}
	var members, sender sync.WaitGroup
	for i, p := range r.peers {
		m := newListener(b, i, p.(*wsPeer))
		members.Go(m.listen)
	}
	sender.Go(b.send)
	r.watch()
	sender.Wait()
	expireAll(r.peers)
	members.Wait()
}

// send sends messages until the window ends, and returns when all deliveries that
// are owed have come or the time for them is over.
func (b *broadcast) send() {
	first := b.peers[0].(*wsPeer)
	frame := newFramed(pattern(b.Size))
	late := time.NewTimer(b.Timeout + time.Duration(b.window.end-b.now()))
	defer late.Stop()
	alarm, err := newAlarm(b.ctx)
	if err != nil {
		b.recorder(0).note(err)
		return
	}
	defer alarm.close()
	for k := uint64(0); ; k++ {
		at := b.now()
		if b.Rate > 0 {
			at = b.schedule.at(0, k)
		}
		if at >= b.window.end || b.cancelled() {
			break
		}
		if d := at - b.now(); d > 0 && !alarm.wait(d) {
			return
		}
		frame.number(b.base + k)
		b.owe(at)
		if err := first.write(frame.bytes); err != nil {
			break // the reader sees the end of the connection too, and says why
		}
		if b.Rate == 0 && !b.settled(late.C) {
			return
		}
	}
	b.settled(late.C)
}

// number writes n into the first bytes of the payload.
func (f *framed) number(n uint64) {
	payload := f.bytes[f.header:]
	binary.BigEndian.PutUint64(payload, n)
	websocket.Mask(payload[:sequenceSize], f.mask, 0)
}

// owe counts a message that is about to be sent: one delivery to each member.
func (b *broadcast) owe(at int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sentAt.Store(at)
	b.open.Add(int64(b.living))
	b.sent.Add(1)
}

// settle counts n deliveries as come or given up.
func (b *broadcast) settle(n int64) {
	if n > 0 && b.open.Add(-n) == 0 {
		select {
		case b.empty <- struct{}{}:
		default:
		}
	}
}

// settled waits until no delivery is owed. It reports false if that comes too late.
func (b *broadcast) settled(late <-chan time.Time) bool {
	for b.open.Load() > 0 {
		select {
		case <-b.empty:
		case <-late:
			return false
		case <-b.ctx.Done():
			return false
		}
	}
	return true
}

// due is when message k was sent, or should have been.
func (b *broadcast) due(k uint64) int64 {
	if b.Rate > 0 {
		return b.schedule.at(0, k)
	}
	return b.sentAt.Load() // there is only one on its way
}

// listener is one member: what it has received.
type listener struct {
	*broadcast
	peer *wsPeer
	rec  *recorder
	out  int    // bytes that each message costs this member to send
	next uint64 // the message to come
}

func newListener(b *broadcast, i int, p *wsPeer) *listener {
	m := &listener{broadcast: b, peer: p, rec: b.recorder(i)}
	if i == 0 {
		m.out = len(p.unit())
	}
	p.mark = make([]byte, sequenceSize)
	if p.want != nil {
		p.mark = p.want[:sequenceSize]
	}
	return m
}

// listen reads messages until the connection ends or expires.
func (m *listener) listen() {
	for {
		before := m.peer.read
		clear(m.peer.mark)
		err := m.peer.receive()
		now := m.now()
		if err != nil && !isSoft(err) {
			m.end(err)
			return
		}
		m.delivered(binary.BigEndian.Uint64(m.peer.mark)-m.base, now, m.peer.read-before, err)
	}
}

// delivered counts message k, which is wrong if err is set.
func (m *listener) delivered(k uint64, now int64, bytesIn int, err error) {
	if k < m.next || k >= m.sent.Load() {
		m.rec.note(errUnasked)
		return
	}
	if missed := k - m.next; missed > 0 {
		m.rec.failed(missed, int(missed)*m.out, errMissing)
		m.settle(int64(missed))
	}
	if err != nil {
		m.rec.failed(1, m.out, err)
	} else {
		m.rec.answered(m.window, m.due(k), now, bytesIn, m.out)
	}
	m.next = k + 1
	m.settle(1)
}

// end deals with the end of the connection: what is still owed to it has failed.
func (m *listener) end(err error) {
	m.mu.Lock()
	m.living--
	owed := m.sent.Load() - m.next
	m.mu.Unlock()
	m.settle(int64(owed))
	m.peer.drop()
	if m.cancelled() {
		return
	}
	m.rec.failed(owed, int(owed)*m.out, err)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	m.rec.add(func(t *tally) { t.lost++ })
	if owed == 0 {
		m.rec.note(err)
	}
}

var errMissing = &failure{kind: "missing delivery"}
