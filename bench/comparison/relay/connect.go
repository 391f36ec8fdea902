package relay

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// relay is the handler of gnet's events, and what runs beside its loop: the making
// of upstream connections, and timers.
type relay struct {
	gnet.BuiltinEventEngine

	backend string
	dialer  net.Dialer
	booted  chan gnet.Engine
	group   sync.WaitGroup // goroutines that end with Run

	dialing context.Context // ends the dials
	cancel  context.CancelFunc

	mu       sync.Mutex
	stopping bool
	busy     sync.WaitGroup // those that call into gnet's loop; none once stopping
}

func newRelay(backend string) *relay {
	r := &relay{
		backend: backend,
		// Like the other peers, which send no keep-alive probes. Go sets TCP_NODELAY.
		dialer: net.Dialer{Timeout: 5 * time.Second, KeepAlive: -1},
		booted: make(chan gnet.Engine, 1),
	}
	r.dialing, r.cancel = context.WithCancel(context.Background())
	return r
}

// enter reports whether the loop will live until a matching r.busy.Done.
func (r *relay) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return false
	}
	r.busy.Add(1)
	return true
}

// connect makes the upstream connection of client in the background; up is the
// context it gets. It reports false when the relay is stopping.
func (r *relay) connect(client gnet.Conn, up *side) bool {
	if !r.enter() {
		return false
	}
	loop := client.EventLoop()
	r.group.Go(func() {
		defer r.busy.Done()
		if r.enroll(loop, up) != nil {
			client.Close()
		}
	})
	return true
}

// enroll dials and waits until the connection is the loop's.
func (r *relay) enroll(loop gnet.EventLoop, up *side) error {
	conn, err := r.dialer.DialContext(r.dialing, "tcp", r.backend)
	if err != nil {
		return err
	}
	enrolled, err := loop.Enroll(gnet.NewContext(r.dialing, up), conn)
	if err != nil {
		conn.Close()
		return err
	}
	return (<-enrolled).Err
}

// after runs task on loop in a while, or not at all if the relay is stopping then.
func (r *relay) after(pause time.Duration, loop gnet.EventLoop, task gnet.Runnable) {
	time.AfterFunc(pause, func() {
		if r.enter() {
			loop.Execute(context.Background(), task)
			r.busy.Done()
		}
	})
}

// stop ends gnet's engine, after all that calls into its loop: who waits for a loop
// that has gone waits forever. over ends the wait for the engine.
func (r *relay) stop(over context.Context) {
	var engine gnet.Engine
	select {
	case engine = <-r.booted:
	case <-over.Done():
		return
	}
	r.mu.Lock()
	r.stopping = true
	r.mu.Unlock()
	r.cancel()
	r.busy.Wait()
	engine.Stop(over)
}
