package bench

import (
	"encoding/binary"
	"sync"
	"time"

	"weir/codec/websocket"
)

// A ping carries when it was due; so does its pong.
const (
	pingPayload = 8
	pingSize    = 2 + 4 + pingPayload // masked
	pongSize    = 2 + pingPayload
)

// pings sends every connection of an idle run one ping an interval and counts the
// pongs. Connections take turns, evenly over the interval: one goroutine and one
// alarm for all of them.
type pings struct {
	*run
	schedule schedule
	lines    []pingLine // by connection
	roll     *roll      // pings sent, and pings settled
	frame    []byte     // the ping being sent
}

// pingLine is what one connection owes. Its pings are numbered from 0: below settled
// they are answered or have failed, below sent they have been sent.
type pingLine struct {
	mu            sync.Mutex
	sent, settled uint64
	gone          bool // nothing more is sent
}

func newPings(r *run) *pings {
	n := len(r.peers)
	s := &pings{
		run: r, lines: make([]pingLine, n), roll: newRoll(), frame: make([]byte, 0, pingSize),
		schedule: schedule{start: r.window.begin - int64(r.Warmup), interval: float64(r.PingEvery) / float64(n), flows: n},
	}
	for i, p := range r.peers {
		p.control(func(b []byte) error { return s.pong(i, b) })
	}
	return s
}

// offer sends the pings when they are due, until the window ends.
func (s *pings) offer() {
	defer s.roll.seal()
	alarm, err := newAlarm(s.ctx)
	if err != nil {
		s.recorder(0).note(err)
		return
	}
	defer alarm.close()
	for k := uint64(0); ; k++ {
		for i := range s.lines {
			t := s.schedule.at(i, k)
			if t >= s.window.end || s.cancelled() {
				return
			}
			if d := t - s.now(); d > 0 && !alarm.wait(d) {
				return
			}
			s.send(i, t)
		}
	}
}

// send sends connection i the ping due at t. It never waits: a socket without room
// for a ping is that of a server which has stopped reading, and the ping fails.
func (s *pings) send(i int, t int64) {
	line := &s.lines[i]
	var payload [pingPayload]byte
	binary.BigEndian.PutUint64(payload[:], uint64(t))
	s.frame = appendControl(s.frame[:0], websocket.OpPing, payload[:])
	line.mu.Lock()
	defer line.mu.Unlock()
	if line.gone {
		return
	}
	if s.put(line, s.peers[i].wire(), s.frame) {
		line.sent++
		s.roll.ask(1)
	}
}

// pong sends the answer to a ping of the server, or none if there is no room: a
// reader that waited here would hold up everybody's pings.
func (s *pings) pong(i int, b []byte) error {
	line := &s.lines[i]
	line.mu.Lock()
	defer line.mu.Unlock()
	if !line.gone {
		s.put(line, s.peers[i].wire(), b)
	}
	return nil
}

// put writes b if the socket has room, and reports false if the connection is gone.
// The reader sees the end of it too, and says why. line.mu is held.
func (s *pings) put(line *pingLine, l *link, b []byte) bool {
	n, err := l.try.write(b)
	if 0 < n && n < len(b) {
		l.drop() // half a frame: nothing may follow it
		line.gone = true
	}
	line.gone = line.gone || err != nil
	return err == nil
}

// ponged counts the pong that connection i sent, if it answers a ping. Older ones
// that are still unanswered have failed: pongs come in order, and one that was left
// out (RFC 6455 5.5.3 allows it) does not come later.
func (s *pings) ponged(i int, payload []byte) {
	if len(payload) != pingPayload {
		return
	}
	t, now := int64(binary.BigEndian.Uint64(payload)), s.now()
	line := &s.lines[i]
	line.mu.Lock()
	k := line.settled
	for k < line.sent && s.schedule.at(i, k) != t {
		k++
	}
	if k == line.sent {
		line.mu.Unlock()
		return // nobody asked
	}
	missed := k - line.settled
	line.settled = k + 1
	line.mu.Unlock()
	rec := s.recorder(i)
	rec.failed(missed, int(missed)*pingSize, errPongLost)
	rec.answered(s.window, t, now, pongSize, pingSize)
	s.roll.answer(int64(missed) + 1)
}

// end is called when nothing more will be read from connection i: what it owes has
// failed.
func (s *pings) end(i int) {
	line := &s.lines[i]
	line.mu.Lock()
	line.gone = true
	missed := line.sent - line.settled
	line.settled = line.sent
	line.mu.Unlock()
	if !s.cancelled() {
		s.recorder(i).failed(missed, int(missed)*pingSize, errPongLost)
	}
	s.roll.answer(int64(missed))
}

// wait returns when every ping is settled, or the time for pongs is over.
func (s *pings) wait() {
	timer := time.NewTimer(time.Duration(s.window.end-s.now()) + s.Timeout)
	defer timer.Stop()
	s.roll.wait(s.ctx, timer.C)
}
