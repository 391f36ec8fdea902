package main

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/gobwas/ws"
)

// chatQueue is how many frames may wait for a member. One that falls further
// behind is dropped: a slow reader may cost neither memory nor the others' time.
const chatQueue = 64

// hub is a chat room: what one member says reaches all, the speaker included, in
// the same order.
type hub struct {
	mu      sync.Mutex
	members map[*member]struct{}
	joined  int // names given so far
}

func newHub() *hub { return &hub{members: map[*member]struct{}{}} }

// member is one WebSocket in the room. A goroutine of its own writes, so that
// saying something never waits for anyone.
type member struct {
	*socket
	name  string
	queue chan []byte // frames; closed when the member has left
}

// notice is a line of the chat. Kind is "welcome", "join", "leave" or "say".
type notice struct {
	Kind    string `json:"kind"`
	From    string `json:"from"`
	Text    string `json:"text,omitempty"`
	Members int    `json:"members"`
}

// serve takes s into the room until it leaves or is dropped.
func (h *hub) serve(s *socket) {
	m := h.join(s)
	written := make(chan struct{})
	go func() {
		defer close(written)
		m.drain()
	}()
	s.receive(chatMessageMax, func(frames []byte) error { return h.tell(m, frames) },
		func(op ws.OpCode, payload []byte) error {
			if op != ws.OpText {
				return errTextOnly
			}
			h.say(notice{Kind: "say", From: m.name, Text: string(payload)})
			return nil
		})
	h.leave(m)
	<-written
}

// drain writes the queue out until it is closed or the peer is gone.
func (m *member) drain() {
	for frames := range m.queue {
		if m.write(frames) != nil {
			m.Close() // ends receive, which then leaves the room
			break
		}
	}
}

func (h *hub) join(s *socket) *member {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.joined++
	m := &member{socket: s, name: fmt.Sprintf("guest-%d", h.joined), queue: make(chan []byte, chatQueue)}
	h.members[m] = struct{}{}
	m.queue <- h.frame(notice{Kind: "welcome", From: m.name})
	h.broadcast(notice{Kind: "join", From: m.name}, m)
	return m
}

func (h *hub) leave(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.members, m)
	close(m.queue)
	h.broadcast(notice{Kind: "leave", From: m.name}, nil)
}

func (h *hub) say(n notice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broadcast(n, nil)
}

// tell queues frames for m alone.
func (h *hub) tell(m *member, frames []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.enqueue(m, frames)
	return nil
}

// broadcast queues n for all but one. h is locked, which gives all the same order.
func (h *hub) broadcast(n notice, but *member) {
	frame := h.frame(n)
	for m := range h.members {
		if m != but {
			h.enqueue(m, frame)
		}
	}
}

// enqueue never waits: a full queue means a peer that does not read.
func (h *hub) enqueue(m *member, frames []byte) {
	select {
	case m.queue <- frames:
	default:
		m.Close()
	}
}

func (h *hub) frame(n notice) []byte {
	n.Members = len(h.members)
	text, err := json.Marshal(n)
	if err != nil {
		panic(err) // a struct of strings and a number
	}
	return ws.MustCompileFrame(ws.NewTextFrame(text))
}
