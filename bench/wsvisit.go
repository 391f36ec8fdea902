package bench

import (
	"context"
	"errors"
	"io"
	"time"

	"weir/codec/websocket"
)

// statusNormal is the body of a close frame: 1000.
var statusNormal = []byte{0x03, 0xe8}

var normalClose = appendControl(nil, websocket.OpClose, statusNormal)

var errNoClose = &failure{kind: "closed without a close frame"}

// visit is the opening handshake.
func (p *wsPeer) visit(ctx context.Context) error { return p.open(ctx) }

// leave is the closing handshake (RFC 6455 7.1.1): the client's close frame, the
// server's, whatever its status, and the end of the connection. Messages that the
// server had under way are skipped.
func (p *wsPeer) leave() error {
	p.limit(time.Now().Add(p.opener.Timeout))
	if err := p.write(normalClose); err != nil {
		return inPhase("close", err)
	}
	for {
		h, err := p.nextHeader()
		switch {
		case err == io.EOF:
			return errNoClose
		case err != nil:
			return inPhase("close", err)
		case h.OpCode == websocket.OpClose:
			err := p.takeControl(h)
			if _, ok := errors.AsType[*failure](err); !ok {
				return inPhase("close", err) // not one that makes sense
			}
			return p.awaitEnd()
		case h.OpCode.IsControl():
			err = p.takeControl(h)
		default:
			_, _, err = p.takePayload(h.Length, 0)
		}
		if err != nil {
			return inPhase("close", err)
		}
	}
}

// keyField is as long as what handshake adds to the head: 16 bytes in base64.
const keyField = "Sec-WebSocket-Key: ......................==\r\n\r\n"

func (p *wsPeer) cost() int { return len(p.opener.header) + len(keyField) + len(normalClose) }
