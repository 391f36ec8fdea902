package bench

import (
	"bytes"
	"sync"
	"time"

	"weir/codec/websocket"
)

// A room hands every data message of a member to all its members, the sender
// included, as one frame each and in one order for all. The sender's goroutine does
// that: it writes what each socket takes at once, and then waits for those that had
// no room, up to the patience of the room for all of them together. A member that has not taken the
// whole frame by then is cut off, so no one stalls the others longer than that.
const (
	roomPatience = time.Second
	// maxRoomMessage bounds a message; a longer one costs its sender the connection.
	maxRoomMessage = 16 << 20
	// frameSpace is the longest header of a frame that a server sends.
	frameSpace = websocket.MaxHeaderSize - 4
)

var roomPath = []byte("/room")

// roomName is the room that path stands for; "" if it is none.
func roomName(path []byte) string {
	rest, ok := bytes.CutPrefix(path, roomPath)
	if !ok || len(rest) > 0 && rest[0] != '/' {
		return ""
	}
	return string(path)
}

// rooms are those of one server that have members.
type rooms struct {
	mu       sync.Mutex
	patience time.Duration // of the rooms to come
	byName   map[string]*room
}

type room struct {
	patience time.Duration
	users    int // members, and those about to be one; under rooms.mu

	mu      sync.Mutex // taken before a member's
	members []*member
	slow    []*member // those that broadcast waits for, while it runs
}

// member is an echoConn in a room. Everything written to it after its handshake is
// written under mu.
type member struct {
	conn     *echoConn
	patience time.Duration
	place    int // in room.members
	try      tryWriter

	mu   sync.Mutex
	rest []byte // of the frame that is being broadcast
	gone bool   // cut off
}

// join makes e a member of the room called name, and returns when it has been told
// so by the handshake that waits in e.out: all that is sent after that arrives.
func (s *rooms) join(name string, e *echoConn) (*room, *member, error) {
	m := &member{conn: e}
	if err := m.try.bind(e.conn); err != nil {
		return nil, nil, err
	}
	if e.tls != nil {
		m.try.secure(e.tls)
	}
	s.mu.Lock()
	r := s.byName[name]
	if r == nil {
		r = &room{patience: s.patience}
		s.byName[name] = r
	}
	r.users++
	m.patience = r.patience
	s.mu.Unlock()

	m.mu.Lock() // before anyone can find m: the handshake comes first
	defer m.mu.Unlock()
	r.mu.Lock()
	m.place = len(r.members)
	r.members = append(r.members, m)
	r.mu.Unlock()
	m.flushLocked()
	return r, m, nil
}

func (s *rooms) leave(name string, r *room, m *member) {
	r.mu.Lock()
	last := len(r.members) - 1
	r.members[m.place] = r.members[last]
	r.members[m.place].place = m.place
	r.members[last] = nil
	r.members = r.members[:last]
	r.mu.Unlock()

	s.mu.Lock()
	if r.users--; r.users == 0 {
		delete(s.byName, name)
	}
	s.mu.Unlock()
}

// broadcast writes frame to every member. It keeps nothing of frame.
func (r *room) broadcast(frame []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		if !m.offer(frame) {
			r.slow = append(r.slow, m)
		}
	}
	if len(r.slow) == 0 {
		return
	}
	until := time.Now().Add(r.patience)
	for i, m := range r.slow {
		m.finish(until)
		r.slow[i] = nil
	}
	r.slow = r.slow[:0]
}

// offer writes what of frame the socket takes at once, and reports whether there is
// nothing left to wait for.
func (m *member) offer(frame []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return true
	}
	n, err := m.try.write(frame)
	if err != nil {
		m.cutOffLocked()
		return true
	}
	// The rest stays m's until finish: pongs, which flush sends, come behind it.
	m.rest = frame[n:]
	return n == len(frame)
}

// finish waits until the rest is written, or cuts m off.
func (m *member) finish(until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.finishLocked(until)
}

func (m *member) finishLocked(until time.Time) {
	if len(m.rest) > 0 {
		m.waitLocked(until, func() bool {
			_, err := m.conn.stream().Write(m.rest)
			return err == nil
		})
	}
	m.rest = nil
}

// flush writes the answers gathered in out, behind the frame that is on its way. It
// reports whether the connection is still good.
func (m *member) flush() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.finishLocked(time.Now().Add(m.patience))
	m.flushLocked()
	return !m.gone
}

func (m *member) flushLocked() {
	m.waitLocked(time.Now().Add(m.patience), m.conn.flush)
}

// waitLocked calls write with a deadline, and cuts m off if that fails.
func (m *member) waitLocked(until time.Time, write func() bool) {
	if m.gone {
		return
	}
	m.conn.conn.SetWriteDeadline(until)
	if !write() {
		m.cutOffLocked()
	}
	m.conn.conn.SetWriteDeadline(noDeadline) // it would end an offer to come
}

// cutOffLocked ends the connection; its own goroutine then takes it out of the room.
func (m *member) cutOffLocked() {
	m.gone = true
	m.conn.conn.SetLinger(0) // what it did not take, it will not get
	m.conn.conn.Close()
}
