package bench

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// visitor is a peer each of whose units has a connection of its own.
type visitor interface {
	peer
	// visit connects and returns when the reply is whole. A *failure that is soft
	// leaves a connection that may still end in order.
	visit(ctx context.Context) error
	// leave ends the connection in order: it returns when the server has closed it.
	leave() error
	// cost is how many bytes a whole visit sends.
	cost() int
}

// Handshake opens WebSockets and closes them again, with no message between. A unit
// is a connect, the opening handshake, which is checked in full, and an orderly
// close; its latency ends with the last byte of the 101. Connections is how many
// are in flight at once.
//
// In closed loop each of them begins anew when its last close is complete. In open
// loop (Rate, handshakes a second) one begins when it is due; if all Connections
// are busy it waits for one of them, and its latency runs. After a failure a
// connection of the closed loop rests, up to a second if it fails again and again.
// Active, Size, Pipeline, ConnectRate and Verify are ignored.
//
// The close is the one of RFC 6455 7.1.1: a close frame each way, then the server
// closes the connection, then the client. A reset would be cheaper here and hide
// what an orderly close costs the proxy. The order keeps ports: the server has the
// TIME_WAIT, and the client's port, like the proxy's port to a backend that closes
// first, is free at once. So no more ports are in use than Connections, and source
// addresses are spread (see newPlaces) for as many, not for the number of
// handshakes. What does not close in order within Timeout is an error: only then is
// it the client that closes first and may leave a TIME_WAIT. At most Connections
// such fall into a Timeout, or a rest, and Linux uses those of loopback again after
// a second.
//
// It ends as WebSocket does, and with an error if no handshake succeeded.
func Handshake(ctx context.Context, o Options) (*Result, error) {
	o.Active, o.Size, o.Verify = 1, 0, false
	return execute(ctx, o, "handshake", "ws", (*run).visit)
}

// visits reports whether every unit has a connection of its own.
func (r *run) visits() bool {
	return r.kind == "handshake" || r.kind == "tls" || r.kind == "http" && r.NewConnections
}

// admit takes the place of openAll: there is nothing to open before the first unit.
func (r *run) admit(all []peer) {
	r.peers = all
	r.opened = r.now()
	r.meter.opened()
}

// fruitless is the error of a run of visits in which none succeeded.
func (r *run) fruitless(res *Result) error {
	if res.Received > 0 || res.Errors == 0 || r.cancelled() {
		return nil
	}
	return fmt.Errorf("no unit succeeded at %s: %s", r.target.address, kindsText(res.ErrorKinds))
}

// visit runs the peers in closed or open loop, until the window ends or there have
// been enough units.
func (r *run) visit() {
	r.setWindow()
	last := r.base.Add(time.Duration(r.window.end) + r.Timeout)
	ctx, cancel := context.WithDeadline(r.ctx, last)
	defer cancel()
	var group sync.WaitGroup
	if r.Rate > 0 {
		s := schedule{start: r.window.begin - int64(r.Warmup), interval: float64(time.Second) / r.Rate, flows: 1}
		b := newBacklog()
		group.Go(func() { r.supply(s, b) })
		for i, p := range r.peers {
			group.Go(func() { r.visitDue(ctx, p.(visitor), r.recorder(i), s, b) })
		}
	} else {
		for i, p := range r.peers {
			group.Go(func() { r.visitAgain(ctx, p.(visitor), r.recorder(i)) })
		}
	}
	all := make(chan struct{})
	r.enough = all
	go func() { group.Wait(); close(all) }()
	r.watch()
	<-all
}

// more reports whether one more visit of a closed loop may begin.
func (r *run) more() bool { return r.most == 0 || r.begun.Add(1) <= r.most }

// visitAgain visits until the window ends. A server that refuses must not be asked
// in a tight loop: that would use up the local ports.
func (r *run) visitAgain(ctx context.Context, v visitor, rec *recorder) {
	pause := reopenPauseMin
	for !r.cancelled() && r.now() < r.window.end && r.more() {
		if r.visitOnce(ctx, v, rec, r.now()) {
			pause = reopenPauseMin
			continue
		}
		rest := time.Duration(r.window.end - r.now())
		if !r.sleepUntil(time.Now().Add(min(pause, rest))) {
			return
		}
		pause = min(2*pause, reopenPauseMax)
	}
}

// visitDue makes the visits that are due, until there are no more. Those that could
// not even begin before the time for replies was over have failed.
func (r *run) visitDue(ctx context.Context, v visitor, rec *recorder, s schedule, b *backlog) {
	for {
		k, ok := b.take()
		switch {
		case !ok || r.cancelled():
			return
		case ctx.Err() != nil:
			rec.failed(1, 0, errNoAnswer)
		default:
			r.visitOnce(ctx, v, rec, s.at(0, k))
		}
	}
}

// visitOnce makes one visit, which was due at from, and reports whether its
// connection began and ended in order.
func (r *run) visitOnce(ctx context.Context, v visitor, rec *recorder, from int64) (orderly bool) {
	l := v.wire()
	before := l.read
	err := v.visit(ctx)
	to := r.now()
	if err == nil || isSoft(err) {
		e := v.leave()
		orderly = e == nil
		if err == nil {
			err = e
		}
	}
	l.drop()
	if err == nil {
		rec.answered(r.window, from, to, l.read-before, v.cost())
	} else if !r.cancelled() {
		rec.failed(1, 0, err)
	}
	return orderly
}

// supply tells b of each unit when it is due.
func (r *run) supply(s schedule, b *backlog) {
	defer b.end()
	alarm, err := newAlarm(r.ctx)
	if err != nil {
		r.recs[0].note(err)
		return
	}
	defer alarm.close()
	for k := uint64(0); ; k++ {
		t := s.at(0, k)
		if t >= r.window.end || r.cancelled() || r.most > 0 && k >= r.most {
			return
		}
		if d := t - r.now(); d > 0 && !alarm.wait(d) {
			return
		}
		b.add()
	}
}

// backlog is the units that are due and that nobody has begun. They are numbered in
// the order of time, so it is two counters, however long it grows.
type backlog struct {
	mu         sync.Mutex
	more       sync.Cond
	due, begun uint64
	ended      bool // no more will be due
}

func newBacklog() *backlog {
	b := &backlog{}
	b.more.L = &b.mu
	return b
}

func (b *backlog) add() {
	b.mu.Lock()
	b.due++
	b.mu.Unlock()
	b.more.Signal()
}

func (b *backlog) end() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
	b.more.Broadcast()
}

// take waits for a unit and returns the number of the oldest. It reports false when
// all have been taken and no more will be due.
func (b *backlog) take() (k uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.begun == b.due && !b.ended {
		b.more.Wait()
	}
	if b.begun == b.due {
		return 0, false
	}
	b.begun++
	return b.begun - 1, true
}

// awaitEnd waits for the server to close the connection, after its last byte. The
// end of TLS comes before that of the connection, and to close between the two would
// leave the TIME_WAIT here.
func (l *link) awaitEnd() error {
	if l.r == l.w {
		err := l.fill()
		if err == io.EOF {
			err = l.awaitFIN()
		}
		switch err {
		case io.EOF:
			return nil
		case nil:
		default:
			return inPhase("close", err)
		}
	}
	return errSurplus
}

var errSurplus = &failure{kind: "bytes after the end"}
