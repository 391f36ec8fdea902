package bench

import (
	"context"
	"crypto/tls"
	"time"
)

// peer is one connection and what is exchanged over it. The two kinds are wsPeer
// and httpPeer; the loops that drive them are closed, paced and held.
type peer interface {
	// open connects and, for WebSocket, shakes hands.
	open(ctx context.Context) error
	// unit is what to send for one exchange. It is not written to.
	unit() []byte
	// receive reads one reply. A *failure that is soft leaves the connection usable;
	// any other error ends it.
	receive() error
	// spent reports whether the last reply was the connection's last, by agreement.
	spent() bool
	// reopens reports whether another open may follow the end of a connection.
	reopens() bool
	// control tells where replies to pings go. It must write b whole or not at all,
	// and not keep it.
	control(write func(b []byte) error)
	// wire gives access to the connection.
	wire() *link
}

// opener makes the peers of a run.
type opener struct {
	Options
	target *target
	place  places
	header []byte // request head without its blank line, or what comes before the key
	frame  *framed
	tls    *tls.Config // nil: none
	agreed *agreements
}

// dialWithin connects l, with TLS if the target has it, and limits that and what
// follows to the timeout each.
func (o *opener) dialWithin(ctx context.Context, l *link) error {
	if err := l.dial(ctx, o.Timeout); err != nil {
		return inPhase("connect", err)
	}
	l.limit(time.Now().Add(o.Timeout))
	if o.tls == nil {
		return nil
	}
	state, err := l.secure(o.tls)
	if err != nil {
		l.drop()
		return inPhase("tls", err)
	}
	o.agreed.count(&state)
	l.limit(time.Now().Add(o.Timeout))
	return nil
}
