package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

const (
	socketsMax     = 16 << 10         // WebSockets of the demo at once
	messageMax     = 1 << 20          // bytes of a message of the echo
	chatMessageMax = 4 << 10          // bytes of a message of the chat
	writeTimeout   = 20 * time.Second // a peer that takes nothing for so long is gone
)

// socket is a WebSocket after its handshake, seen by the endpoint.
type socket struct {
	net.Conn
	in io.Reader // the connection, with what came behind the handshake
}

// write sends whole frames. Only one goroutine may write at a time.
func (s *socket) write(frames []byte) error {
	s.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := s.Write(frames)
	return err
}

// receive hands every message of up to most bytes to got, and every answer that
// the protocol asks for (pong, close) to send, until either fails or the peer
// closes. payload is valid during the call only.
func (s *socket) receive(most int64, send func(frames []byte) error, got func(op ws.OpCode, payload []byte) error) error {
	control := func(h ws.Header, body io.Reader) error {
		payload, err := io.ReadAll(body) // at most 125 bytes, RFC 6455 section 5.5
		if err != nil {
			return err
		}
		switch h.OpCode {
		case ws.OpPing:
			return send(ws.MustCompileFrame(ws.NewPongFrame(payload)))
		case ws.OpClose:
			send(ws.MustCompileFrame(ws.NewCloseFrame(payload[:min(2, len(payload))])))
			return io.EOF
		}
		return nil
	}
	in := &wsutil.Reader{
		Source: s.in, State: ws.StateServerSide, CheckUTF8: true,
		MaxFrameSize: most, MaxMessageSize: most, OnIntermediate: control,
	}
	for {
		h, err := in.NextFrame()
		switch {
		case err != nil:
		case h.OpCode.IsControl():
			err = control(h, in)
		default:
			var payload []byte
			if payload, err = io.ReadAll(in); err == nil {
				err = got(h.OpCode, payload)
			}
		}
		if err != nil {
			if code := closeCode(err); code != 0 {
				send(ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(code, ""))))
			}
			return err
		}
	}
}

// errTextOnly is what a chat says to a binary message.
var errTextOnly = errors.New("text only")

// closeCode is what the peer is told about err, 0 if there is nothing to say.
func closeCode(err error) ws.StatusCode {
	var protocol ws.ProtocolError
	switch {
	case errors.As(err, &protocol):
		return ws.StatusProtocolError
	case errors.Is(err, wsutil.ErrInvalidUTF8):
		return ws.StatusInvalidFramePayloadData
	case errors.Is(err, wsutil.ErrFrameTooLarge), errors.Is(err, wsutil.ErrMessageTooLarge):
		return ws.StatusMessageTooBig
	case errors.Is(err, errTextOnly):
		return ws.StatusUnsupportedData
	}
	return 0
}

// serveEchoSocket sends every message back. It reads no further while the peer
// does not take the answer.
func serveEchoSocket(s *socket) {
	s.receive(messageMax, s.write, func(op ws.OpCode, payload []byte) error {
		return s.write(ws.MustCompileFrame(ws.NewFrame(op, true, payload)))
	})
}

// sockets are the open WebSockets of the demo, up to a number. net/http forgets a
// connection at its upgrade, so that they have to be closed here.
type sockets struct {
	mu   sync.Mutex
	room int
	open map[*socket]struct{} // nil: closed
	done sync.WaitGroup
}

func newSockets(most int) *sockets {
	return &sockets{room: most, open: map[*socket]struct{}{}}
}

// handler upgrades and then runs serve, which returns when the peer is gone.
func (all *sockets) handler(serve func(*socket)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !sameOrigin(r) {
			http.Error(w, "a page of another origin may not open this WebSocket", http.StatusForbidden)
			return
		}
		conn, rw, _, err := ws.HTTPUpgrader{Timeout: writeTimeout}.Upgrade(r, w)
		if conn == nil {
			return
		}
		defer conn.Close()
		if err != nil {
			return
		}
		s := &socket{Conn: conn, in: rw.Reader}
		if !all.add(s) {
			s.write(ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1013, "too many"))))
			return
		}
		defer all.remove(s)
		serve(s)
	}
}

func (all *sockets) add(s *socket) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.open == nil || len(all.open) >= all.room {
		return false
	}
	all.open[s] = struct{}{}
	all.done.Add(1)
	return true
}

func (all *sockets) remove(s *socket) {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.open, s)
	all.done.Done()
}

// close ends all of them and waits until their handlers are done.
func (all *sockets) close() {
	all.mu.Lock()
	for s := range all.open {
		s.Close()
	}
	all.open = nil
	all.mu.Unlock()
	all.done.Wait()
}

// sameOrigin is false for a page of another site, which the browser would let
// connect here. Programs send no Origin. Host may have been rewritten on the way;
// X-Forwarded-Host is then what the browser asked for, and no page can set it.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) || strings.EqualFold(u.Host, r.Header.Get("X-Forwarded-Host"))
}
