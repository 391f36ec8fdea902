package transport_test

import (
	"strings"
	"syscall"
	"testing"

	"weir/engine/transport"
	"weir/engine/transport/transporttest"
)

// A reader that leaves any part of any read behind gets it again, in front of what
// came since, each byte once, at every split of the stream and at its end.
func TestUnreadAtEverySplit(t *testing.T) {
	const s = "0123456789"
	for first := 1; first < len(s); first++ {
		for taken := 0; taken <= first; taken++ {
			for _, end := range []bool{false, true} {
				n := transporttest.New()
				c, link, _ := accepted(n)
				link.Send(s[:first])
				data, fresh, r := c.Read()
				if string(data) != s[:first] || fresh != first || r != transport.ReadData {
					t.Fatalf("first read: %q, %d, %v", data, fresh, r)
				}
				c.Unread(data[taken:])
				held := first - taken
				if c.Held() != held || c.Readable() != (held > 0) || c.MoreToRead() {
					t.Fatalf("held %d, readable %v, more %v; want %d", c.Held(), c.Readable(), c.MoreToRead(), held)
				}
				if data, fresh, r = c.Read(); string(data) != s[taken:first] || fresh != 0 || r != transport.ReadAgain {
					t.Fatalf("read of what is held: %q, %d, %v", data, fresh, r)
				}
				c.Unread(data)
				if end {
					link.SendShut(s[first:])
				} else {
					link.Send(s[first:])
				}
				if data, fresh, r = c.Read(); string(data) != s[taken:] || fresh != len(s)-first || r != transport.ReadData {
					t.Fatalf("split %d, %d taken: %q, %d, %v", first, taken, data, fresh, r)
				}
				if c.BytesIn() != int64(len(s)) {
					t.Fatalf("%d bytes counted", c.BytesIn())
				}
				if end {
					c.Unread(data[1:])
					if data, fresh, r = c.Read(); string(data) != s[taken+1:] || fresh != 0 || r != transport.ReadEnd {
						t.Fatalf("at the end: %q, %d, %v", data, fresh, r)
					}
					c.Unread(data)
				}
				c.Close()
				c.Unread([]byte("late"))
				requireQuiet(t, n)
			}
		}
	}
}

// The loop has one buffer: what one connection holds must not be what another reads.
func TestHeldBytesSurviveOtherReads(t *testing.T) {
	n := transporttest.New()
	a, linkA, _ := accepted(n)
	b, linkB, _ := accepted(n)
	linkA.Send("from a")
	data, _, _ := a.Read()
	a.Unread(data)
	linkB.Send("from b!")
	if data, _, _ := b.Read(); string(data) != "from b!" {
		t.Errorf("b reads %q", data)
	}
	if data, _, _ := a.Read(); string(data) != "from a" {
		t.Errorf("a reads %q", data)
	}
	a.Close()
	b.Close()
	requireQuiet(t, n)
}

func TestReadingGoesOnWhileThereMayBeMore(t *testing.T) {
	full := strings.Repeat("x", transport.BufferBytes)
	for _, tt := range []struct {
		name string
		send func(l *transporttest.Link)
		more []bool // after each read
		last transport.Result
	}{
		{"a short read empties", func(l *transporttest.Link) { l.Send("x") }, []bool{false}, transport.ReadAgain},
		{"a full buffer proves nothing", func(l *transporttest.Link) { l.Send(full) }, []bool{true}, transport.ReadAgain},
		{"two reads' worth", func(l *transporttest.Link) { l.Send(full + "x") }, []bool{true, false}, transport.ReadAgain},
		{"a short read before FIN", func(l *transporttest.Link) { l.SendShut("x") }, []bool{true}, transport.ReadEnd},
		{"FIN alone", func(l *transporttest.Link) { l.Shut() }, nil, transport.ReadEnd},
		{"a short read before RST", func(l *transporttest.Link) { l.Send("x"); l.ResetByPeer() }, []bool{true}, transport.ReadFailed},
		{"RST alone", func(l *transporttest.Link) { l.ResetByPeer() }, nil, transport.ReadFailed},
		{"nothing but an event", func(l *transporttest.Link) { l.Spurious() }, nil, transport.ReadAgain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := transporttest.New()
			c, link, _ := accepted(n)
			tt.send(link)
			for i, more := range tt.more {
				if _, fresh, r := c.Read(); fresh == 0 || r != transport.ReadData || c.MoreToRead() != more {
					t.Fatalf("read %d: %d, %v, more %v, want %v", i, fresh, r, c.MoreToRead(), more)
				}
			}
			for range 2 {
				if _, fresh, r := c.Read(); fresh != 0 || r != tt.last || c.MoreToRead() {
					t.Errorf("last read: %d, %v, more %v; want %v", fresh, r, c.MoreToRead(), tt.last)
				}
			}
			if c.ReadEnded() != (tt.last == transport.ReadEnd) || c.Failed() != (tt.last == transport.ReadFailed) {
				t.Errorf("ended %v, failed %v", c.ReadEnded(), c.Failed())
			}
			c.Close()
			requireQuiet(t, n)
		})
	}
}

// An endpoint that refuses an upload answers and resets: the failed write must not
// hide the answer.
func TestAnswerIsReadAfterAFailedWrite(t *testing.T) {
	n := transporttest.New()
	c, link, _ := accepted(n)
	link.Send("413 ", "too large")
	link.SetWindow(0)
	c.Write([]byte("queued"))
	c.CloseWrite()
	link.BreakQuietly(syscall.EPIPE)
	link.SetWindow(10)
	if c.Err() != syscall.EPIPE || c.Failed() || !c.Readable() || c.Pending() != 0 {
		t.Fatalf("after the write: %v, failed %v, readable %v, %d pending", c.Err(), c.Failed(), c.Readable(), c.Pending())
	}
	c.Write([]byte("more"))
	c.CloseWrite()
	if data, _, r := c.Read(); string(data) != "413 too large" || r != transport.ReadData {
		t.Errorf("read %q, %v", data, r)
	}
	if _, _, r := c.Read(); r != transport.ReadFailed || !c.Failed() || c.Err() != syscall.EPIPE {
		t.Errorf("then %v, failed %v, %v", r, c.Failed(), c.Err())
	}
	link.Spurious()
	if !c.Failed() || c.Readable() || c.WriteEnded() {
		t.Error("an event brought a dead connection back")
	}
	c.Close()
	requireQuiet(t, n)
}

// A write that fails with nothing left to read: the failure shows without a read
// where the end was read before, and after one where it was not.
func TestFailedWriteShows(t *testing.T) {
	for _, ended := range []bool{true, false} {
		n := transporttest.New()
		c, link, _ := accepted(n)
		if ended {
			link.Shut()
			if _, _, r := c.Read(); r != transport.ReadEnd {
				t.Fatal(r)
			}
		}
		link.BreakQuietly(syscall.EPIPE)
		c.Write([]byte("x"))
		if c.Failed() != ended || c.Err() != syscall.EPIPE {
			t.Errorf("ended %v: failed %v, %v", ended, c.Failed(), c.Err())
		}
		if _, _, r := c.Read(); !ended && r != transport.ReadFailed || !c.Failed() {
			t.Errorf("ended %v: Read %v, failed %v", ended, r, c.Failed())
		}
		c.Close()
		requireQuiet(t, n)
	}
}

func TestPokeAsksTheKernel(t *testing.T) {
	n := transporttest.New()
	c, link, _ := accepted(n)
	c.Poke()
	if !c.MoreToRead() {
		t.Error("Poke has no effect")
	}
	if _, _, r := c.Read(); r != transport.ReadAgain || c.MoreToRead() {
		t.Errorf("Read: %v", r)
	}
	link.Shut()
	_, _, _ = c.Read()
	c.Poke()
	if c.MoreToRead() {
		t.Error("an ended stream has more")
	}
	c.Close()
	c.Poke()
	if c.Readable() {
		t.Error("a closed connection is readable")
	}
}
