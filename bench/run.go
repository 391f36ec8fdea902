package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"weir/codec/http1"
)

// run is one measurement from open to close.
type run struct {
	*opener
	kind string
	ctx  context.Context
	halt context.Context // of the schedule: nothing is due once it is done
	base time.Time       // all times of a run are nanoseconds since base

	window window
	peers  []peer // those that opened
	failed int
	opened int64 // when the last connection was open
	recs   []*recorder
	meter  *meter
	bar    *progress

	most   uint64          // visits that may be made; 0: any number
	begun  atomic.Uint64   // of them, in a closed loop
	enough <-chan struct{} // closed when there are no more visits

	stopped int64 // when measuring ended: the end of the window, or earlier
	alive   int   // idle: pongs
	self    [2]time.Duration
}

// recordersMax bounds the histograms of a run. Two connections rarely meet at one.
const recordersMax = 8

// WebSocket exchanges messages of Size bytes over WebSockets, one reply a message.
// Whatever message comes is taken for the reply unless Verify is set.
//
// A cancelled ctx ends the run early with what was measured until then, and no
// error. The result is nil only if nothing could be started; if no connection
// opened, both the result, which says why, and an error are returned.
func WebSocket(ctx context.Context, o Options) (*Result, error) {
	return execute(ctx, o, "ws", "ws", (*run).drive)
}

// HTTP sends requests over keep-alive connections, which are reopened when they
// end. A pipeline is sent as one batch in closed loop, and as requests fall due in
// open loop. It ends as WebSocket does.
//
// With NewConnections every request is sent with "Connection: close" on a
// connection of its own, Connections of them at once. A latency begins with the
// connect, or when the request was due. The server closes, and that it does within
// Timeout is part of the unit; so no port of the client stays in TIME_WAIT. Loops
// and failures are as in Handshake.
func HTTP(ctx context.Context, o Options) (*Result, error) {
	if o.NewConnections {
		return execute(ctx, o, "http", "http", (*run).visit)
	}
	return execute(ctx, o, "http", "http", (*run).drive)
}

// Idle opens WebSockets and holds them for Duration without sending, answering
// pings, after a message each if Exchange is set. It reports connections lost, and
// with PID the memory each one costs. It ends as WebSocket does.
func Idle(ctx context.Context, o Options) (*Result, error) {
	return execute(ctx, o, "idle", "ws", (*run).idle)
}

func execute(ctx context.Context, o Options, kind, scheme string, drive func(*run)) (*Result, error) {
	o = o.withDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	t, err := parseTarget(o.URL)
	if err != nil {
		return nil, err
	}
	if err := t.fits(kind, scheme); err != nil {
		return nil, err
	}
	to, err := t.resolve(ctx)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	m, err := newMeter(o.PID)
	if err != nil {
		return nil, err
	}
	r := &run{
		opener: &opener{Options: o, target: t, place: newPlaces(to, o.Connections)},
		kind:   kind, ctx: ctx, halt: ctx, base: time.Now(), meter: m, bar: newProgress(o.Progress),
	}
	if t.secure {
		r.tls, r.agreed = o.TLS.config(t.host), newAgreements()
	}
	for range min(recordersMax, o.Connections) {
		r.recs = append(r.recs, newRecorder())
	}
	defer r.bar.stop()
	all := r.makePeers()
	defer r.closeAll(all)
	defer r.expireOnCancel(all)()
	if r.visits() {
		r.admit(all)
	} else {
		r.openAll(all)
	}
	if len(r.peers) > 0 {
		drive(r)
	}
	res, err := r.result()
	if err == nil && len(r.peers) == 0 && ctx.Err() == nil {
		err = fmt.Errorf("no connection to %s could be opened", t.address)
	}
	if err == nil && r.visits() {
		err = r.fruitless(res)
	}
	return res, err
}

// now is the time since the start of the run, in nanoseconds.
func (r *run) now() int64 { return int64(time.Since(r.base)) }

// cancelled reports whether the caller wants no more.
func (r *run) cancelled() bool { return r.ctx.Err() != nil }

// recorder returns the one of connection i.
func (r *run) recorder(i int) *recorder { return r.recs[i%len(r.recs)] }

func (r *run) makePeers() []peer {
	all := make([]peer, r.Connections)
	if r.kind == "tls" {
		for i := range all {
			all[i] = r.newTLSPeer(i)
		}
		return all
	}
	if r.target.scheme == "http" {
		request, method := r.makeRequest()
		var first *atomic.Uint64
		if r.Verify {
			first = new(atomic.Uint64)
		}
		for i := range all {
			p := &httpPeer{opener: r.opener, request: request, method: method, first: first}
			p.address, p.source = r.place.to, r.place.source(i)
			all[i] = p
		}
		return all
	}
	r.header = r.target.appendHead(nil, "GET", r.Header)
	r.header = append(r.header, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"...)
	r.frame = newFramed(pattern(r.Size))
	for i := range all {
		all[i] = r.newWSPeer(i)
	}
	return all
}

func (r *run) makeRequest() ([]byte, http1.Method) {
	name, method := "GET", http1.MethodGET
	if r.Size > 0 {
		name, method = "POST", http1.MethodPOST
	}
	b := r.target.appendHead(nil, name, r.Header)
	if r.Size > 0 {
		b = http1.AppendFieldString(b, "Content-Length", strconv.Itoa(r.Size))
	}
	if r.NewConnections {
		b = http1.AppendFieldString(b, "Connection", "close")
	}
	b = append(b, '\r', '\n')
	return append(b, pattern(r.Size)...), method
}

// expireOnCancel makes every wait of every peer end when ctx does. The returned
// function undoes it and waits for it to be undone.
func (r *run) expireOnCancel(all []peer) (undo func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(r.ctx, func() {
		defer close(done)
		expireAll(all)
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

func expireAll(all []peer) {
	past := time.Unix(1, 0)
	for _, p := range all {
		p.wire().expire(past)
	}
}

func (r *run) closeAll(all []peer) {
	for _, p := range all {
		p.wire().close()
	}
}

// setWindow starts the clock: warm-up from now, then the window. No wait outlasts
// the end of it by more than the timeout.
func (r *run) setWindow() {
	begin := r.now() + int64(r.Warmup)
	r.window = window{begin: begin, end: begin + int64(r.Duration)}
	last := r.base.Add(time.Duration(r.window.end) + r.Timeout)
	for _, p := range r.peers {
		p.wire().expire(last)
	}
}

// watch waits for the window to pass and measures the process at both ends.
func (r *run) watch() {
	r.wait("warm-up", r.window.begin)
	r.meter.begin()
	r.self[0] = ownCPU()
	r.wait("running", r.window.end)
	r.meter.end()
	r.self[1] = ownCPU()
	r.stopped = min(r.now(), r.window.end)
}

// wait returns at time t, when ctx is done, or when there is nothing left to do.
func (r *run) wait(what string, t int64) {
	from := r.now()
	r.bar.start(what, t-from)
	timer := time.NewTimer(time.Duration(t - from))
	defer timer.Stop()
	tick := time.NewTicker(barInterval)
	defer tick.Stop()
	for {
		select {
		case <-timer.C:
			r.bar.set(t - from)
			return
		case <-r.ctx.Done():
			return
		case <-r.enough:
			return
		case <-tick.C:
			r.bar.set(r.now() - from)
		}
	}
}

// active is how many of the open peers send: their share, but at least one.
func (r *run) active() int {
	if len(r.peers) == 0 {
		return 0
	}
	return max(1, int(float64(len(r.peers))*r.Active+0.5))
}

// drive runs the active peers in closed or open loop and holds the others.
func (r *run) drive() {
	r.setWindow()
	active := r.active()
	var senders, holders sync.WaitGroup
	if r.Rate > 0 {
		senders.Go(func() { r.paced(r.peers[:active]) })
	} else {
		for i, p := range r.peers[:active] {
			senders.Go(func() { r.closed(p, r.recorder(i)) })
		}
	}
	for i, p := range r.peers[active:] {
		holders.Go(func() { r.hold(p, r.recorder(i)) })
	}
	r.watch()
	senders.Wait()
	expireAll(r.peers[active:])
	holders.Wait()
}

// hold reads whatever comes until p is made to expire or the connection ends.
func (r *run) hold(p peer, rec *recorder) {
	for {
		err := p.receive()
		if err == nil || isSoft(err) {
			continue // a server may have something to say
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			rec.disconnected(err)
		}
		p.wire().drop()
		return
	}
}

// workers is how many goroutines do the work of a schedule.
func workers(peers int) int { return min(runtime.GOMAXPROCS(0), peers) }

// ownCPU is the processor time this process has used.
func ownCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
