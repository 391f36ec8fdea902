package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// StormOptions say what Storm runs. Of Options, Connections is how many are cut,
// Size, Rate and Verify are of the survivors, Duration is the steady part before
// the cut, and Timeout bounds the time from the cut until all are served. Active
// and Pipeline are ignored.
type StormOptions struct {
	Options
	// Survivors are connections that are not cut and send all the time, in open loop:
	// Rate is over all of them and must be positive.
	Survivors int
	// InFlight is the most connections that come back at a time. Optional: 1,000.
	InFlight int
}

const (
	defaultInFlight = 1000
	// stormPause is the rest after an attempt that failed; another takes its turn.
	stormPause = 20 * time.Millisecond
)

// Validate reports everything that is wrong with o, and what to do about it.
func (o StormOptions) Validate() error {
	errs := []error{o.Options.Validate()}
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(o.Survivors >= 1, "survivors: %d is too few; give at least 1", o.Survivors)
	check(o.InFlight >= 0, "in flight: %d is negative; give at least 1, or 0 for %d", o.InFlight, defaultInFlight)
	check(o.Rate > 0, "rate: the survivors send in open loop; give the messages a second of all of them")
	if limit, all := descriptorLimit(), o.Connections+o.Survivors; o.Survivors >= 1 && o.Connections+spareDescriptors <= limit {
		check(all+spareDescriptors <= limit, "connections: %d with the survivors need more than the %d descriptors this process may open; raise it (ulimit -n)", all, limit)
	}
	return errors.Join(errs...)
}

// Storm opens WebSockets, cuts all but the survivors at once, as a network that
// breaks does (a reset, no close frame), and lets them come back at once, retrying
// until each has its handshake or Timeout is over. The survivors exchange messages
// with an echo all the while; Result.Storm sets what they saw in the storm against
// what they saw before it.
//
// Result's latency and throughput are those of the survivors over both parts. With
// PID its CPU time is that from the cut to the end of the storm, the survivors'
// traffic included, and a unit is a connection that came back. A connection that
// did not is Lost. It ends as WebSocket does.
func Storm(ctx context.Context, o StormOptions) (*Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.InFlight == 0 {
		o.InFlight = defaultInFlight
	}
	s := &storm{
		survivors: o.Survivors, turns: make(chan struct{}, o.InFlight),
		begin: make(chan struct{}), calm: make(chan struct{}),
	}
	all := o.Options
	all.Connections += o.Survivors
	all.Active, all.NewConnections = 1, false
	res, err := execute(ctx, all, "storm", "ws", s.drive)
	if res != nil && s.run != nil {
		s.report(res)
	}
	return res, err
}

// storm is the part of a run that breaks and comes back.
type storm struct {
	*run
	survivors int
	turns     chan struct{} // one for each connection that is coming back

	broken  atomic.Bool     // set before the cut: who loses its connection was cut
	begin   chan struct{}   // closed when all are cut
	outage  context.Context // ends with the time to come back in
	waiting atomic.Int64    // connections that have not come back or given up
	calm    chan struct{}   // closed when there are none

	cutAt    int64 // when the first was cut
	cut      atomic.Int64
	returned atomic.Int64
	attempts atomic.Int64 // that failed
	last     atomic.Int64 // when the last one had its handshake
}

// drive is the whole measurement, with every connection open.
func (s *storm) drive(r *run) {
	s.run = r
	s.survivors = min(s.survivors, len(r.peers))
	planned := s.setWindow()
	for _, rec := range r.recs {
		rec.later, rec.split = newRecorder(), planned
	}
	var stop context.CancelFunc
	r.halt, stop = context.WithCancel(r.ctx)
	defer stop()
	var senders, clients sync.WaitGroup
	senders.Go(func() { r.paced(r.peers[:s.survivors]) })
	s.waiting.Store(int64(len(r.peers) - s.survivors))
	for i, p := range r.peers[s.survivors:] {
		clients.Go(func() { s.client(p.(*wsPeer), r.recorder(i)) })
	}
	r.wait("warm-up", r.window.begin)
	r.self[0] = ownCPU()
	r.wait("steady", planned)
	if len(r.peers) > s.survivors && !r.cancelled() {
		s.rage()
	}
	r.self[1] = ownCPU()
	r.stopped = r.now()
	stop()
	for _, p := range r.peers[:s.survivors] {
		p.wire().expire(time.Now().Add(r.Timeout))
	}
	senders.Wait()
	expireAll(r.peers)
	clients.Wait()
	for _, rec := range r.recs {
		r.recs = append(r.recs, rec.later)
	}
}

// setWindow starts the clock and returns when the cut is due. The window ends later
// than any storm: its end is not known yet, and halt brings it forward.
func (s *storm) setWindow() (planned int64) {
	r := s.run
	begin := r.now() + int64(r.Warmup)
	planned = begin + int64(r.Duration)
	r.window = window{begin: begin, end: planned + 2*int64(r.Timeout)}
	last := r.base.Add(time.Duration(r.window.end) + r.Timeout)
	for _, p := range r.peers {
		p.wire().expire(last)
	}
	return planned
}

// rage cuts the connections and returns when all are back or have given up.
func (s *storm) rage() {
	clients := s.peers[s.survivors:]
	s.meter.begin()
	s.broken.Store(true)
	s.cutAt = s.now()
	for _, p := range clients {
		p.wire().abort()
	}
	end := s.base.Add(time.Duration(s.cutAt) + s.Timeout)
	for _, p := range clients {
		p.wire().expire(end)
	}
	outage, stop := context.WithDeadline(s.ctx, end)
	defer stop()
	s.outage = outage
	s.bar.start("storm", int64(len(clients)))
	close(s.begin)
	tick := time.NewTicker(barInterval)
	defer tick.Stop()
	for calm := false; !calm; {
		select {
		case <-s.calm:
			calm = true
		case <-tick.C:
			s.bar.set(s.returned.Load())
		}
	}
	s.meter.end()
}

// abort resets the connection, as a network that breaks does; dial may follow.
func (l *link) abort() {
	l.mu.Lock()
	if l.conn != nil {
		l.conn.SetLinger(0)
		l.conn.Close()
		l.conn, l.tls = nil, nil
	}
	l.mu.Unlock()
}

// client holds one connection, brings it back when it was cut, and holds it again.
func (s *storm) client(p *wsPeer, rec *recorder) {
	err := listenUntil(p)
	cut := s.broken.Load()
	back := cut && s.comeBack(p, rec)
	if s.waiting.Add(-1) == 0 {
		close(s.calm)
	}
	if back {
		err = listenUntil(p)
	}
	p.drop()
	if (back || !cut) && !s.cancelled() && !errors.Is(err, os.ErrDeadlineExceeded) {
		rec.disconnected(err)
	}
}

// listenUntil reads whatever comes until the connection ends or expires.
func listenUntil(p peer) error {
	for {
		if err := p.receive(); err != nil && !isSoft(err) {
			return err
		}
	}
}

// comeBack opens p again, however often that takes, and reports whether it could.
func (s *storm) comeBack(p *wsPeer, rec *recorder) bool {
	<-s.begin
	s.cut.Add(1)
	for {
		select {
		case s.turns <- struct{}{}:
		case <-s.outage.Done():
			return false
		}
		err := p.open(s.outage)
		now := s.now()
		<-s.turns
		if err == nil {
			s.returned.Add(1)
			for last := s.last.Load(); now > last && !s.last.CompareAndSwap(last, now); last = s.last.Load() {
			}
			return true
		}
		if s.cancelled() {
			return false
		}
		s.attempts.Add(1)
		rec.note(err)
		rest := time.NewTimer(stormPause)
		select {
		case <-rest.C:
		case <-s.outage.Done():
		}
		rest.Stop()
	}
}

// StormResult is what Storm measures.
type StormResult struct {
	Survivors int `json:"survivors"`
	// Cut connections, of which Returned had a handshake again in time, after
	// FailedAttempts of all of them together.
	Cut            int `json:"cut"`
	Returned       int `json:"returned"`
	FailedAttempts int `json:"failed_attempts"`
	// SecondsUntilServed is from the first cut to the last handshake. It says how long
	// all took only if Returned is Cut.
	SecondsUntilServed float64 `json:"seconds_until_served"`
	// Before and During are the latencies of the survivors' messages that were due
	// before the cut, and from then to the end of the storm.
	Before Latency `json:"latency_before_us"`
	During Latency `json:"latency_during_us"`
}

// report completes the result of a run that has ended.
func (s *storm) report(res *Result) {
	r := &StormResult{
		Survivors: s.survivors, Cut: int(s.cut.Load()), Returned: int(s.returned.Load()),
		FailedAttempts: int(s.attempts.Load()),
	}
	if r.Returned > 0 {
		r.SecondsUntilServed = time.Duration(s.last.Load() - s.cutAt).Seconds()
	}
	half := len(s.recs) / 2
	r.Before, r.During = merge(s.recs[:half]).percentiles(), merge(s.recs[half:]).percentiles()
	res.Storm = r
	res.Active = r.Survivors
	if !s.cancelled() {
		res.Lost += r.Cut - r.Returned
	}
	res.Process = s.meter.usage(res.Connections, uint64(r.Returned))
}

func (r *StormResult) writeText(line func(name, format string, args ...any)) {
	line("before µs", "%s", r.Before.text())
	line("during µs", "%s", r.During.text())
	line("storm", "%d of %d back in %.3f s, %d attempts failed; %d survivors", r.Returned, r.Cut, r.SecondsUntilServed, r.FailedAttempts, r.Survivors)
}
