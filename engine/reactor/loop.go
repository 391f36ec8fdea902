// Package reactor is the event loop: descriptors, readiness, deadlines, and work
// posted from other goroutines. It knows no protocol.
//
// A loop is one goroutine on one epoll instance (gnet's netpoll). Everything that
// is registered with a loop is touched by that goroutine only, so nothing here is
// locked; Post and Stop are the two calls other goroutines may make.
//
// One turn of the loop, for each event epoll_wait returned: read the clock, let
// the handler run, recycle what it released, set the timerfd if an earlier
// deadline appeared. Then the posted tasks run. Then it polls again, without a
// timeout: a loop with nothing to do makes no system call.
package reactor

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	errorx "github.com/panjf2000/gnet/v2/pkg/errors"
	"github.com/panjf2000/gnet/v2/pkg/netpoll"
	"github.com/panjf2000/gnet/v2/pkg/queue"
	"golang.org/x/sys/unix"
)

// Ready is what may be tried on a descriptor. Hang-ups and errors arrive as both.
type Ready uint8

const (
	// Readable: a read may give bytes, an end, or an error.
	Readable Ready = 1 << iota
	// Writable: a write may be taken, or a connect has ended.
	Writable
	// HangUp: the peer has closed its side, the connection failed, or urgent data
	// came; a short read is then no proof that nothing is left.
	HangUp
	// Failed: the connection is broken; the system call or SocketError says how.
	Failed
)

// Handler is all the reactor knows about a descriptor.
type Handler interface {
	// OnReady runs on the loop and must not block. It may close its own or any
	// other descriptor of the same loop. r is a hint, never a verdict: events of
	// one batch can be stale (a descriptor closed and reused since epoll_wait),
	// so the handler tries the system call and believes its result.
	OnReady(r Ready)
	// OnPanic runs after a panic below OnReady has been caught. The handler closes
	// what it stands for, and nothing else.
	OnPanic()
}

// Yielder is work that used up its budget and goes on in a later turn.
type Yielder interface {
	OnYield()
}

// Releaser is a value that is recycled only when the handler that let go of it
// has returned, so that nothing up the stack sees it reused.
type Releaser interface {
	OnRelease()
}

// Loop is one event loop. Make it with New, or with NewManual in tests.
type Loop struct {
	poller   *netpoll.Poller // nil: a manual loop
	handlers []Handler       // by descriptor
	wheel    wheel
	now      int64
	armed    int64 // when the timerfd goes off; noDeadline: it is not set
	timerFD  int
	yieldFD  int
	yielded  []Yielder
	running  []Yielder // the batch being run; kept for its capacity
	released []Releaser
	stopping bool
	panicked func(cause any, stack []byte)

	// gate keeps Post off the poller's descriptors once they are closed: their
	// numbers may already be somebody's connection.
	gate  sync.RWMutex
	ended bool

	attachment netpoll.PollAttachment // scratch: netpoll reads only its FD
}

// ErrEnded is Post's answer once Run has returned.
var ErrEnded = errors.New("reactor: the loop has ended")

// New opens a loop. panicked is told of a handler's panic, on the loop, after
// which the loop goes on; nil lets panics through. Errors name the system call
// that failed.
func New(panicked func(cause any, stack []byte)) (*Loop, error) {
	l := NewManual()
	l.panicked = panicked
	// Go opens its own epoll descriptor at the first timer of the process, and ends
	// the process if it cannot: that must not wait until the table is full.
	time.AfterFunc(time.Hour, func() {}).Stop()
	l.wheel.caught = l.catchValue
	var err error
	if l.poller, err = netpoll.OpenPoller(); err != nil {
		return nil, fmt.Errorf("reactor: %w", err)
	}
	l.timerFD, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reactor: timerfd_create: %w", err), l.Close())
	}
	l.yieldFD, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reactor: eventfd: %w", err), l.Close())
	}
	// Edge-triggered, so that neither descriptor ever needs a read: each expiry
	// and each write is an edge of its own.
	for _, fd := range []int{l.timerFD, l.yieldFD} {
		l.attachment.FD = fd
		if err := l.poller.AddRead(&l.attachment, true); err != nil {
			return nil, errors.Join(fmt.Errorf("reactor: %w", err), l.Close())
		}
	}
	l.now = monotonic()
	l.wheel.advance(l.now)
	return l, nil
}

// NewManual makes a loop without a poller, for tests of what runs on loops: its
// clock stands still until AdvanceTo, and RunYielded takes the place of a turn. It
// can neither watch descriptors nor be posted to, and lets panics through.
func NewManual() *Loop {
	return &Loop{timerFD: -1, yieldFD: -1, armed: noDeadline, now: 1}
}

// Run polls until Stop, on the calling goroutine. It returns nil after Stop, and
// an error only if epoll itself fails.
func (l *Loop) Run() error {
	err := l.poller.Polling(l.onEvent)
	l.end()
	if errors.Is(err, errorx.ErrEngineShutdown) {
		return nil
	}
	return fmt.Errorf("reactor: epoll_wait: %w", err)
}

// Stop ends Run after the task that carries it. Any goroutine may call it.
func (l *Loop) Stop() error { return l.Post(func() { l.stopping = true }) }

// Close releases the loop's own descriptors. Call it after Run has returned.
func (l *Loop) Close() error {
	l.end()
	var errs []error
	for _, fd := range []int{l.timerFD, l.yieldFD} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	l.timerFD, l.yieldFD = -1, -1
	if l.poller != nil {
		errs = append(errs, l.poller.Close())
		l.poller = nil
	}
	return errors.Join(errs...)
}

func (l *Loop) end() {
	l.gate.Lock()
	l.ended = true
	l.gate.Unlock()
}

// Post runs fn on the loop, soon. Any goroutine may call it; posts from one
// goroutine keep their order. What is posted while the loop stops may not run;
// once it has stopped the error is ErrEnded. It allocates.
func (l *Loop) Post(fn func()) error {
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.ended || l.poller == nil {
		return ErrEnded
	}
	return l.poller.Trigger(queue.HighPriority, l.runPosted, fn)
}

// PostTo runs y.OnYield on the loop, soon, and y.OnPanic if it has one and OnYield
// panics. Else it is like Post.
func (l *Loop) PostTo(y Yielder) error {
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.ended || l.poller == nil {
		return ErrEnded
	}
	return l.poller.Trigger(queue.HighPriority, l.runYielder, y)
}

func (l *Loop) runYielder(y any) error {
	l.now = monotonic()
	l.resume(y.(Yielder))
	l.endTurn()
	return l.verdict()
}

func (l *Loop) runPosted(fn any) error {
	l.now = monotonic()
	l.call(fn.(func()))
	l.endTurn()
	return l.verdict()
}

func (l *Loop) call(fn func()) {
	defer l.catch(nil)
	fn()
}

// Now is the loop's clock at the start of this turn, in nanoseconds, monotonic,
// comparable between loops of one process.
func (l *Loop) Now() int64 { return l.now }

// Register watches fd for h: edge-triggered, once, for its life. Close ends it.
func (l *Loop) Register(fd int, h Handler) error {
	for fd >= len(l.handlers) {
		l.handlers = append(l.handlers, make([]Handler, max(64, len(l.handlers)))...)
	}
	l.handlers[fd] = h
	l.attachment.FD = fd
	if err := l.poller.AddReadWrite(&l.attachment, true); err != nil {
		l.handlers[fd] = nil
		return err
	}
	return nil
}

// CloseFD forgets fd and closes it; the kernel takes it out of epoll.
func (l *Loop) CloseFD(fd int) {
	l.handlers[fd] = nil
	closeFD(fd)
}

// Arm sets t to go off at deadline, give or take a tick of 8.4 ms, never early.
func (l *Loop) Arm(t *Timer, deadline int64) { l.wheel.arm(t, deadline) }

// Cancel takes t out; it may be called at any time.
func (l *Loop) Cancel(t *Timer) { l.wheel.cancel(t) }

// Timers is the number of timers armed.
func (l *Loop) Timers() int { return l.wheel.count }

// Yield runs y in a later turn, after the events that wait now. y must bear to be
// called when there is nothing left to do.
func (l *Loop) Yield(y Yielder) {
	l.yielded = append(l.yielded, y)
	// netpoll's own queue would run the task before it polls again, and two busy
	// connections would starve all others; an event of our own takes its turn.
	if len(l.yielded) == 1 && l.yieldFD >= 0 {
		signalEventFD(l.yieldFD)
	}
}

// Release calls r.OnRelease when the current handler has returned.
func (l *Loop) Release(r Releaser) { l.released = append(l.released, r) }

// AdvanceTo moves the clock of a manual loop and fires what is due.
func (l *Loop) AdvanceTo(now int64) {
	l.now = now
	l.wheel.advance(now)
	l.endTurn()
}

// RunYielded runs what has yielded so far, on a manual loop, and reports whether
// there was anything.
func (l *Loop) RunYielded() bool {
	any := len(l.yielded) > 0
	l.runYielded()
	l.endTurn()
	return any
}

func (l *Loop) onEvent(fd int, ev netpoll.IOEvent, _ netpoll.IOFlags) error {
	l.now = monotonic()
	switch fd {
	case l.timerFD:
		l.fireTimers()
	case l.yieldFD:
		l.runYielded()
	default:
		// A stale event of this batch: its descriptor is closed.
		if fd >= len(l.handlers) || l.handlers[fd] == nil {
			return nil
		}
		l.dispatch(l.handlers[fd], readiness(ev))
	}
	l.endTurn()
	return l.verdict()
}

func (l *Loop) dispatch(h Handler, r Ready) {
	defer l.catch(h)
	h.OnReady(r)
}

func (l *Loop) fireTimers() {
	l.armed = noDeadline
	l.wheel.advance(l.now)
}

func (l *Loop) runYielded() {
	l.running, l.yielded = l.yielded, l.running[:0]
	for i, y := range l.running {
		l.running[i] = nil
		l.resume(y)
	}
}

func (l *Loop) resume(y Yielder) {
	defer l.catch(y)
	y.OnYield()
}

// endTurn recycles what was released and brings the timerfd up to date.
func (l *Loop) endTurn() {
	for len(l.released) > 0 {
		last := len(l.released) - 1
		r := l.released[last]
		l.released[last] = nil
		l.released = l.released[:last]
		l.recycle(r)
	}
	if l.timerFD < 0 || l.wheel.count == 0 {
		return
	}
	if next := l.wheel.deadline(); next < l.armed {
		l.armed = next
		setTimerFD(l.timerFD, next-l.now)
	}
}

func (l *Loop) recycle(r Releaser) {
	defer l.catch(nil)
	r.OnRelease()
}

func (l *Loop) verdict() error {
	if l.stopping {
		return errorx.ErrEngineShutdown
	}
	return nil
}

// catch is deferred around everything that is not the reactor's own: a bug in one
// session must cost that session, not the thousands beside it. who is closed if
// it is a Handler.
func (l *Loop) catch(who any) { l.catchValue(recover(), who) }

func (l *Loop) catchValue(cause, who any) {
	if cause == nil {
		return
	}
	if l.panicked == nil {
		panic(cause)
	}
	l.panicked(cause, debug.Stack())
	if h, ok := who.(interface{ OnPanic() }); ok {
		l.abandon(h)
	}
}

// abandon runs OnPanic. What is broken may well panic again on its way out.
func (l *Loop) abandon(h interface{ OnPanic() }) {
	defer l.catch(nil)
	h.OnPanic()
}

// readiness maps epoll's bits. An error or a hang-up makes both directions worth
// trying: the system call says which.
func readiness(ev netpoll.IOEvent) Ready {
	var r Ready
	if ev&unix.EPOLLIN != 0 {
		r |= Readable
	}
	// A read stops short in front of an urgent byte, with more behind it.
	if ev&unix.EPOLLPRI != 0 {
		r |= Readable | HangUp
	}
	if ev&unix.EPOLLOUT != 0 {
		r |= Writable
	}
	if ev&unix.EPOLLRDHUP != 0 {
		r |= Readable | HangUp
	}
	if ev&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		r |= Readable | Writable | HangUp
	}
	if ev&unix.EPOLLERR != 0 {
		r |= Failed
	}
	return r
}

// Temporary reports whether an accept or a connect failed for want of
// descriptors, memory or ports on this machine, not for the peer's sake.
func Temporary(errno syscall.Errno) bool {
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL, syscall.EAGAIN:
		return true
	}
	return false
}
