package transport_test

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"weir/engine/transport"
	"weir/engine/transport/transporttest"
)

// owner flushes, as every owner does, and counts.
type owner struct {
	calls, panics int
	on            func(c *transport.Conn)
}

func (o *owner) OnConn(c *transport.Conn) {
	o.calls++
	if !c.Closed() {
		c.Flush()
	}
	if o.on != nil {
		o.on(c)
	}
}

func (o *owner) OnConnPanic(*transport.Conn) { o.panics++ }

var somewhere = transport.AddrFrom(netip.MustParseAddrPort("192.0.2.1:80"))

// accepted gives a connection that is up, and its far end.
func accepted(n *transporttest.Net) (*transport.Conn, *transporttest.Link, *owner) {
	c, link, o := &transport.Conn{}, n.Client(), &owner{}
	c.AttachLink(n.Loop, link, o, true)
	return c, link, o
}

// dialled gives a connection whose connect is pending, and its far end.
func dialled(t *testing.T, n *transporttest.Net) (*transport.Conn, *transporttest.Link, *owner) {
	t.Helper()
	c, o := &transport.Conn{}, &owner{}
	if errno := c.Dial(n.Loop, transport.Outgoing{To: somewhere}, o); errno != 0 {
		t.Fatal(errno)
	}
	return c, n.Dialled(), o
}

func requireQuiet(t *testing.T, n *transporttest.Net) {
	t.Helper()
	if err := n.Quiet(); err != nil {
		t.Error(err)
	}
}

// Every order of five calls and events on the sending side, on a connection that is up or
// connecting, to a peer whose window is open, small or closed. What was written
// before CloseWrite arrives in order, FIN comes behind all of it, nothing is sent
// after an end, and a closed link is never touched (it would panic).
func TestEveryOrderOfSending(t *testing.T) {
	const depth = 5
	n := transporttest.New()
	ops := []string{"write", "flush", "shut", "close", "reset", "small window", "wide window", "spurious"}
	for _, connecting := range []bool{false, true} {
		for _, window := range []int{0, 3, transporttest.Unlimited} {
			order := make([]int, depth)
			for {
				var script []string
				for _, i := range order {
					script = append(script, ops[i])
				}
				sendInOrder(t, n, connecting, window, script)
				if t.Failed() {
					return
				}
				k := 0
				for k < depth {
					if order[k]++; order[k] < len(ops) {
						break
					}
					order[k] = 0
					k++
				}
				if k == depth {
					break
				}
			}
		}
	}
}

func sendInOrder(t *testing.T, n *transporttest.Net, connecting bool, window int, script []string) {
	t.Helper()
	c, link, _ := accepted(n)
	if connecting {
		c.Close()
		c, link, _ = dialled(t, n)
	}
	link.SetWindow(window)
	var want string
	var shut, closed, reset bool
	for i, op := range script {
		switch op {
		case "write":
			data := strings.Repeat(string(rune('a'+i)), 5)
			c.Write([]byte(data))
			if !shut && !closed {
				want += data
			}
		case "flush":
			c.Flush()
		case "shut":
			c.CloseWrite()
			shut = shut || !closed
		case "close":
			c.Close()
			closed = true
		case "reset":
			c.Reset()
			reset = reset || !closed
			closed = true
		case "small window":
			link.SetWindow(3)
		case "wide window":
			link.SetWindow(100)
		case "spurious":
			link.Spurious()
		}
		if got := link.Received(); !strings.HasPrefix(want, got) || link.GotFIN() && !closed && got != want {
			t.Errorf("%v, connecting %v, window %d: received %q of %q, FIN %v", script, connecting, window, got, want, link.GotFIN())
		}
	}
	if !closed {
		if connecting {
			link.Connect()
		}
		link.SetWindow(transporttest.Unlimited)
		if link.Received() != want || c.Pending() != 0 || link.GotFIN() != shut || c.WriteEnded() != shut || c.BytesOut() != int64(len(want)) {
			t.Errorf("%v, connecting %v, window %d: received %q of %q, %d pending, FIN %v want %v",
				script, connecting, window, link.Received(), want, c.Pending(), link.GotFIN(), shut)
		}
		c.Close()
	}
	if !link.Closed() || link.GotRST() != reset || !c.Closed() {
		t.Errorf("%v: closed %v, RST %v want %v", script, link.Closed(), link.GotRST(), reset)
	}
	requireQuiet(t, n)
}

func TestPendingFollowsTheWindow(t *testing.T) {
	n := transporttest.New()
	c, link, _ := accepted(n)
	link.SetWindow(10)
	c.Write(make([]byte, 100))
	for _, step := range []struct{ window, pending int }{{0, 90}, {40, 50}, {1, 49}, {49, 0}, {5, 0}} {
		if step.window > 0 {
			link.SetWindow(step.window)
		}
		if c.Pending() != step.pending || c.BytesOut() != int64(100-step.pending) {
			t.Errorf("window %d: %d pending, %d out; want %d", step.window, c.Pending(), c.BytesOut(), step.pending)
		}
	}
	c.Write([]byte("now"))
	if c.Pending() != 0 || link.Received()[100:] != "now" {
		t.Errorf("%d pending, received %q", c.Pending(), link.Received()[100:])
	}
	c.Close()
	requireQuiet(t, n)
}

// More bytes than one gathering write takes, through a window that opens a little
// at a time, arrive in order.
func TestLongQueueArrivesInOrder(t *testing.T) {
	n := transporttest.New()
	c, link, _ := accepted(n)
	link.SetWindow(0)
	var want strings.Builder
	for i := range 5000 {
		p := strings.Repeat(string(rune('a'+i%26)), i%200)
		want.WriteString(p)
		c.Write([]byte(p))
	}
	c.CloseWrite()
	for i := 1; !link.GotFIN() && i < 10_000; i++ {
		link.SetWindow(i * 37)
	}
	if link.Received() != want.String() {
		t.Error("the bytes differ")
	}
	c.Close()
	requireQuiet(t, n)
}

// lazy is an owner that leaves the flushing for later.
type lazy struct{}

func (lazy) OnConn(*transport.Conn)      {}
func (lazy) OnConnPanic(*transport.Conn) {}

func TestWriteDoesNotOvertakeTheQueue(t *testing.T) {
	n := transporttest.New()
	c, link, _ := accepted(n)
	c.SetOwner(lazy{})
	link.SetWindow(0)
	c.Write([]byte("first "))
	link.SetWindow(transporttest.Unlimited)
	c.Write([]byte("second"))
	c.Flush()
	if got := link.Received(); got != "first second" {
		t.Errorf("received %q", got)
	}
	c.Close()
	requireQuiet(t, n)
}

func TestPanicBelowTheOwnerReachesIt(t *testing.T) {
	n := transporttest.New()
	c, _, o := accepted(n)
	c.OnPanic()
	if o.panics != 1 {
		t.Error("OnConnPanic was not called")
	}
	second := &owner{}
	c.SetOwner(second)
	c.OnPanic()
	if o.panics != 1 || second.panics != 1 {
		t.Error("the new owner was not asked")
	}
	c.Close()
}

func TestDialThatCannotStart(t *testing.T) {
	n := transporttest.New()
	n.RefuseDial = syscall.EMFILE
	c := &transport.Conn{}
	if errno := c.Dial(n.Loop, transport.Outgoing{To: somewhere}, &owner{}); errno != syscall.EMFILE {
		t.Errorf("Dial: %v", errno)
	}
	if !c.Closed() || c.FD() != -1 {
		t.Errorf("closed %v, descriptor %d", c.Closed(), c.FD())
	}
	c.Write([]byte("x"))
	c.Unread([]byte("x"))
	c.Flush()
	c.CloseWrite()
	c.Close()
	c.Reset()
	requireQuiet(t, n)
	if c := (&transport.Conn{}); !c.Closed() {
		t.Error("the zero Conn is open")
	}
}

// A stale event of a reused descriptor says "writable" to a connect that hangs.
func TestConnectEndsOnlyWhenItHas(t *testing.T) {
	n := transporttest.New()
	c, link, o := dialled(t, n)
	if link.To != somewhere {
		t.Errorf("dialled %v", link.To)
	}
	c.Write([]byte("early "))
	link.Spurious()
	if !c.Connecting() || o.calls != 0 || c.Failed() {
		t.Fatalf("after a stale event: connecting %v, owner called %d times", c.Connecting(), o.calls)
	}
	link.Connect()
	c.Write([]byte("late"))
	if c.Connecting() || o.calls != 1 || link.Received() != "early late" {
		t.Errorf("connecting %v, owner called %d times, received %q", c.Connecting(), o.calls, link.Received())
	}
	link.Send("x")
	if _, fresh, r := c.Read(); fresh != 1 || r != transport.ReadData {
		t.Errorf("read %d, %v", fresh, r)
	}
	if c.MoreToRead() {
		t.Error("the stale hang-up stayed with the connection")
	}
	c.Close()
	requireQuiet(t, n)
}

func TestConnectRefused(t *testing.T) {
	n := transporttest.New()
	c, link, o := dialled(t, n)
	c.Write([]byte("request"))
	link.Refuse(syscall.ECONNREFUSED)
	if c.Connecting() || !c.Failed() || c.Err() != syscall.ECONNREFUSED || c.Pending() != 0 || o.calls != 1 {
		t.Errorf("connecting %v, failed %v, %v, %d pending, owner called %d times", c.Connecting(), c.Failed(), c.Err(), c.Pending(), o.calls)
	}
	if _, _, r := c.Read(); r != transport.ReadFailed {
		t.Errorf("Read: %v", r)
	}
	c.Close()
	requireQuiet(t, n)
}
