package session

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"weir/configs"
	"weir/engine/observe"
	"weir/engine/transport/transporttest"
)

// schedules is how many random ones a run tries: a second or two.
const schedules = 8000

// TestRandomSchedules lets clients and endpoints do random things in random order.
// Half of the schedules are polite: only segments, windows and timing vary, and
// every request must be answered in full. In the others anybody may break anything
// at any moment; what a client got must then still be a sequence of well-formed
// responses of its own, in order, of which only the last may be cut short; and with
// nobody doing anything more, all must end and come back by timeouts alone.
func TestRandomSchedules(t *testing.T) { tryRandom(t, schedules, runSchedule) }

// tryRandom runs count seeds, and the first that fails once more, telling all.
func tryRandom(t *testing.T, count uint64, run func(t *testing.T, seed uint64, trace func(string, ...any)) error) {
	if testing.Short() || raceEnabled {
		count /= 10
	}
	for seed := range count {
		if err := run(t, seed, nil); err != nil {
			t.Logf("seed %d: %v", seed, err)
			_ = run(t, seed, t.Logf)
			t.FailNow()
		}
	}
}

func runSchedule(t *testing.T, seed uint64, trace func(string, ...any)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	w := newWorld(t, seed, trace)
	for range 20 + w.rnd.IntN(120) {
		w.step()
		if w.err != nil {
			return w.err
		}
	}
	if w.polite {
		w.finish()
	}
	for _, c := range w.clients {
		if err := c.check(w); err != nil {
			return err
		}
	}
	for range 40 { // each pipelined request may have to time out by itself
		w.f.n.Advance(10 * time.Minute)
	}
	if w.err != nil {
		return w.err
	}
	return w.f.leftover()
}

// anyLength: the response was ended by FIN before its time, which nobody can tell.
const anyLength = -1

// world is one schedule.
type world struct {
	f         *fixture
	rnd       *rand.Rand
	polite    bool
	clients   []*actor
	endpoints []*endpoint
	serial    int         // of the latest request an endpoint has seen
	whole     map[int]int // length of the body of each response that was sent in full
	trace     func(string, ...any)
	err       error
}

func newWorld(t *testing.T, seed uint64, trace func(string, ...any)) *world {
	w := &world{rnd: rand.New(rand.NewPCG(seed, 0)), polite: seed%2 == 0, whole: map[int]int{}, trace: trace}
	// A fixture would look at the end of the test; here each schedule has its own.
	w.f = newFixture(discard{t}, func(s *setup) {
		s.pauseAbove = 1 << (8 + w.rnd.IntN(10))
		s.cluster = configs.NewCluster("10.1.0.1:80", "10.1.0.2:80")
		s.cluster.MaxIdle = w.rnd.IntN(3)
		s.randomSecurity(w.rnd, 20)
		if seed%16 < 2 {
			s.log = debugLog(t) // what it tells must not stumble either
		}
	})
	for i := range 1 + w.rnd.IntN(3) {
		w.clients = append(w.clients, newActor(w, i+1))
	}
	return w
}

// debugLog tells everything to nobody.
func debugLog(t *testing.T) *zap.Logger {
	log, err := observe.NewLogger(io.Discard, "debug", "json")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log.Logger
}

// discard is a TB whose cleanups do not run.
type discard struct{ testing.TB }

func (discard) Cleanup(func()) {}

func (w *world) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *world) tell(format string, args ...any) {
	if w.trace != nil {
		w.trace(format, args...)
	}
}

// step does one random thing.
func (w *world) step() {
	for l := w.f.n.Dialled(); l != nil; l = w.f.n.Dialled() {
		w.endpoints = append(w.endpoints, &endpoint{link: w.f.randomEndpoint(l), id: len(w.endpoints)})
	}
	kind := w.rnd.IntN(100)
	switch {
	case kind < 6:
		d := time.Duration(w.rnd.IntN(20)) * time.Millisecond
		if !w.polite && w.rnd.IntN(4) == 0 {
			d = time.Duration(w.rnd.IntN(40)) * time.Second
		}
		w.tell("clock +%v", d)
		w.f.n.Advance(d)
	case kind == 6 && !w.polite && w.rnd.IntN(8) == 0:
		w.tell("drain")
		w.f.worker.Drain()
		w.f.n.Settle()
	case kind < 50 || len(w.endpoints) == 0:
		w.clients[w.rnd.IntN(len(w.clients))].step(w)
	default:
		// The latest connections are the ones in use.
		recent := w.endpoints[max(0, len(w.endpoints)-5):]
		recent[w.rnd.IntN(len(recent))].step(w)
	}
}

// finish lets everybody do what is left to do, with open windows.
func (w *world) finish() {
	w.tell("finish")
	idle := 0 // rounds in which nobody had anything to do
	for range 10_000 {
		busy := false
		for l := w.f.n.Dialled(); l != nil; l = w.f.n.Dialled() {
			w.endpoints = append(w.endpoints, &endpoint{link: w.f.randomEndpoint(l), id: len(w.endpoints)})
		}
		for _, c := range w.clients {
			if c.link.Closed() {
				continue
			}
			c.link.SetWindow(transporttest.Unlimited)
			if c.left != "" || c.link.raw != "" {
				c.send(w, len(c.left))
				busy = true
			}
		}
		for _, e := range w.endpoints {
			if e.link.Closed() {
				continue
			}
			e.link.SetWindow(transporttest.Unlimited)
			if e.link.Pending() {
				e.link.Connect()
				busy = true
			}
			e.absorb(w)
			busy = e.link.push(len(e.link.raw)) || busy
			if e.out != "" || e.after != nil {
				e.send(w, len(e.out))
				busy = true
			}
		}
		if idle++; busy {
			idle = 0
		}
		if idle > 2 || w.err != nil {
			return
		}
	}
	w.fail("the schedule does not come to an end")
}

// actor is a client.
type actor struct {
	link    *wire
	owner   string // the address that endpoints are told
	id      int
	methods []string // of its requests, as long as they are not mutated
	left    string   // not sent yet
	last    int      // HTTP/1.0 is spoken from this request on
	mutated bool
	ended   bool // it has left, or its side has ended
	reset   bool
}

func newActor(w *world, id int) *actor {
	link, owner := w.f.randomClient(id)
	c := &actor{link: link, owner: owner, id: id, mutated: !w.polite && w.rnd.IntN(4) == 0}
	count := 1 + w.rnd.IntN(5)
	c.last = count
	if w.rnd.IntN(4) == 0 {
		c.last = count - 1
	}
	for k := range count {
		c.left += c.request(w, k)
	}
	for c.mutated && w.rnd.IntN(3) > 0 {
		i := w.rnd.IntN(len(c.left))
		switch w.rnd.IntN(3) {
		case 0:
			c.left = c.left[:i] + string(rune("\r\n :0aZ\x00;,"[w.rnd.IntN(10)])) + c.left[i+1:]
		case 1:
			c.left = c.left[:i] + c.left[i+1:]
		case 2:
			j := min(len(c.left), i+w.rnd.IntN(40))
			c.left = c.left[:j] + c.left[i:]
		}
	}
	w.tell("client %d sends %.2000q", id, c.left)
	return c
}

// request makes the k-th request, whose body is as long as X-Body says.
func (c *actor) request(w *world, k int) string {
	methods := []string{"GET", "GET", "DELETE", "POST", "PUT", "HEAD"}
	if c.mutated {
		methods = methods[:5] // a response to HEAD can only be read by who knows it is one
	}
	m := methods[w.rnd.IntN(len(methods))]
	c.methods = append(c.methods, m)
	version := "1.1"
	if k == c.last {
		version = "1.0"
	}
	head := fmt.Sprintf("%s /%d HTTP/%s\r\nHost: a\r\n", m, k, version)
	if version == "1.0" && w.rnd.IntN(2) == 0 {
		head += "Connection: keep-alive\r\n"
	}
	if m != "POST" && m != "PUT" {
		return head + "\r\n"
	}
	if w.rnd.IntN(4) == 0 && version == "1.1" {
		head += "Expect: 100-continue\r\n"
	}
	n := size(w.rnd)
	head += fmt.Sprintf("X-Body: %d\r\n", n)
	b := strings.Repeat("b", n)
	if version == "1.1" && w.rnd.IntN(2) == 0 {
		return head + "Transfer-Encoding: chunked\r\n\r\n" + chunks(w.rnd, b)
	}
	return head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", n, b)
}

// size is mostly small and sometimes larger than any buffer.
func size(rnd *rand.Rand) int { return rnd.IntN(1 << (1 + rnd.IntN(rnd.IntN(17)+1))) }

// chunks encodes b in chunks of random sizes, with extensions and a trailer.
func chunks(rnd *rand.Rand, b string) string {
	var out strings.Builder
	for len(b) > 0 {
		n := min(len(b), 1+size(rnd))
		ext := ""
		if rnd.IntN(8) == 0 {
			ext = ";x=y"
		}
		fmt.Fprintf(&out, "%x%s\r\n%s\r\n", n, ext, b[:n])
		b = b[n:]
	}
	out.WriteString("0\r\n")
	if rnd.IntN(4) == 0 {
		out.WriteString("X-Trailer: t\r\n")
	}
	return out.String() + "\r\n"
}

func (c *actor) step(w *world) {
	if c.link.Closed() || c.ended {
		return
	}
	switch r := w.rnd.IntN(40); {
	case r < 8:
		n := w.rnd.IntN(3) * size(w.rnd)
		w.tell("client %d window %d", c.id, n)
		c.link.SetWindow(n)
	case r < 11:
		c.link.SetWindow(transporttest.Unlimited)
	case r == 11:
		c.link.Spurious()
	case r == 12 && !w.polite && w.rnd.IntN(3) == 0:
		w.tell("client %d FIN", c.id)
		c.ended = true
		c.link.bye(w.rnd.IntN(2) == 0)
	case r == 13 && !w.polite && w.rnd.IntN(3) == 0:
		w.tell("client %d RST", c.id)
		c.ended, c.reset = true, true
		c.link.ResetByPeer()
	default:
		c.send(w, 1+size(w.rnd))
	}
}

func (c *actor) send(w *world, n int) {
	n = min(n, len(c.left))
	if n > 0 && c.link.queue(c.left[:n]) {
		c.left = c.left[n:]
		w.tell("client %d sends %d bytes", c.id, n)
	}
	most := len(c.link.raw)
	if c.link.tls != nil && w.rnd.IntN(2) == 0 {
		most = 1 + size(w.rnd) // records are cut as well
	}
	c.link.push(most)
}

// check reads what the client received as a client would.
func (c *actor) check(w *world) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("client %d: %s; it got %.3000q", c.id, fmt.Sprintf(format, args...), c.link.got)
	}
	c.link.take()
	src := strings.NewReader(c.link.got)
	r := bufio.NewReaderSize(src, src.Len()+16)
	answered, last := 0, 0
	for {
		if rest, _ := r.Peek(src.Len() + r.Buffered()); !bytes.Contains(rest, []byte("\r\n\r\n")) {
			break // nothing, or cut inside a head
		}
		request := &http.Request{Method: "GET"}
		if !c.mutated && answered < len(c.methods) {
			request.Method = c.methods[answered]
		}
		resp, err := http.ReadResponse(r, request)
		if err != nil {
			return bad("response %d: %v", answered, err)
		}
		if resp.StatusCode < 200 {
			if !c.mutated && answered >= c.last {
				return bad("interim response to HTTP/1.0")
			}
			continue
		}
		b, err := io.ReadAll(resp.Body)
		openEnd := resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 && request.Method != "HEAD"
		complete := err == nil && (!openEnd || c.link.ended() && !c.reset)
		if !complete && w.polite {
			return bad("response %d is cut short: %v", answered, err)
		}
		if last, err = c.checkOne(w, resp, string(b), complete, last); err != nil {
			return bad("response %d: %v", answered, err)
		}
		answered++
		if resp.Header.Get("Weir-Error") != "" && request.Method == "HEAD" {
			break // the method may not have been known yet, and then a body follows
		}
		if !complete {
			return nil
		}
		if rest := r.Buffered() + src.Len(); resp.Close && !openEnd && rest > 0 {
			return bad("%d bytes behind the last response", rest)
		}
	}
	if rest := r.Buffered() + src.Len(); w.polite && rest > 0 {
		return bad("%d bytes behind the last response", rest)
	}
	if w.polite && answered != len(c.methods) {
		return bad("%d of %d requests answered", answered, len(c.methods))
	}
	return nil
}

// checkOne demands that a response is weir's own, or the one the endpoint made for
// this client, later than the one before.
func (c *actor) checkOne(w *world, resp *http.Response, b string, complete bool, last int) (serial int, err error) {
	if resp.Header.Get("Weir-Error") != "" {
		if w.polite {
			return last, fmt.Errorf("weir answered %s", resp.Header.Get("Weir-Error"))
		}
		return last, nil
	}
	serial, err = strconv.Atoi(resp.Header.Get("X-Serial"))
	if err != nil || serial <= last {
		return last, fmt.Errorf("serial %q after %d", resp.Header.Get("X-Serial"), last)
	}
	if resp.Header.Get("X-Owner") != c.owner {
		return last, fmt.Errorf("the response of %q came to %q", resp.Header.Get("X-Owner"), c.owner)
	}
	unit := fmt.Sprintf("%d;", serial)
	if want := strings.Repeat(unit, len(b)/len(unit)+1)[:len(b)]; b != want {
		return last, fmt.Errorf("foreign bytes in the body %.100q", b)
	}
	if n, sent := w.whole[serial]; complete && (!sent || n != len(b) && n != anyLength) {
		return last, fmt.Errorf("it looks whole with %d bytes, the endpoint sent %d, all of it: %v", len(b), n, sent)
	}
	return serial, nil
}
