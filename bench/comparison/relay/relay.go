// Package relay is a blind TCP relay on gnet's top-level API: the measure of what
// weir's own reactor is worth over the framework whose poller it uses.
//
// It is the best that we know how to write without leaving that API. What the API
// does not let anyone do, and weir does:
//
//   - Connecting without a goroutine: gnet dials, or takes over a connection that
//     was dialled, on a goroutine that waits until the loop has it.
//   - Pausing a reader: what a slow peer does not take is queued without a bound.
//   - Half-close: a connection whose peer has ended its stream is closed both ways,
//     so an answer that would follow is lost.
//   - Outliving a full descriptor table: a failed accept ends the loop. Raise the
//     limit first.
package relay

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/panjf2000/gnet/v2"
)

// readBytes is the buffer that one read fills, shared by all connections.
const readBytes = 64 << 10

// errEnded: gnet reports why in its log only.
var errEnded = errors.New("relay: gnet's event loop ended by itself")

// Run relays every connection to listen, host:port, to one of its own to backend,
// host:port, both ways, until ctx ends. It returns nil then, with every connection
// closed and every goroutine of its own ended; gnet's pool of workers, which is of
// the process, lets go of its goroutines some seconds later.
//
// One loop accepts and relays, edge-triggered.
func Run(ctx context.Context, listen, backend string) error {
	r := newRelay(backend)
	// gnet polls for its own end twice a second; over tells it that Run has seen it.
	over, end := context.WithCancel(context.Background())
	r.group.Go(func() {
		select {
		case <-ctx.Done():
			r.stop(over)
		case <-over.Done():
		}
	})
	err := gnet.Run(r, "tcp://"+listen,
		gnet.WithNumEventLoop(1),
		// Without it gnet runs a second loop that only accepts.
		gnet.WithReusePort(true),
		// One read an event: after one that did not fill the buffer there is nothing
		// left, and what comes later is an event of its own. gnet's default reads
		// again until the kernel says so, which costs a system call a message.
		gnet.WithEdgeTriggeredIOChunk(1),
		gnet.WithReadBufferCap(readBytes),
		gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithLogger(errorsOnly{}),
	)
	end()
	r.group.Wait()
	switch {
	case err != nil:
		return fmt.Errorf("relay: %w", err)
	case ctx.Err() == nil:
		return errEnded
	}
	return nil
}

// errorsOnly is gnet's log: errors, to stderr.
type errorsOnly struct{}

func (errorsOnly) Debugf(string, ...any) {}
func (errorsOnly) Infof(string, ...any)  {}
func (errorsOnly) Warnf(string, ...any)  {}

func (errorsOnly) Errorf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "relay: "+format+"\n", args...)
}

func (l errorsOnly) Fatalf(format string, args ...any) {
	l.Errorf(format, args...)
	os.Exit(1)
}
