package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// What one slow peer may make weir hold: the high mark, what one read gives on top,
// and its share of the last buffers; in buffers of 16 KiB.
const mostBuffers = (256+128)/16 + 4

// steady waits until a count stands still: back-pressure has reached its source.
func (w *weir) steady(n *atomic.Int64) int64 {
	w.t.Helper()
	last, since := n.Load(), time.Now()
	w.eventually("the sender is held back", func() bool {
		if now := n.Load(); now != last {
			last, since = now, time.Now()
		}
		return last > 0 && time.Since(since) > 100*time.Millisecond
	})
	return last
}

func TestSlowReaderHoldsTheSenderBack(t *testing.T) {
	const size = 1 << 30
	for _, framing := range []string{fmt.Sprintf("Content-Length: %d\r\n", size), "Transfer-Encoding: chunked\r\n", ""} {
		t.Run(framing, func(t *testing.T) {
			var sent atomic.Int64
			backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
				if _, err := readHead(r); err != nil {
					return
				}
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+framing+"\r\n")
				block := make([]byte, 64<<10)
				if strings.Contains(framing, "chunked") {
					copy(block, "fff0\r\n")
					block = append(block[:6+0xfff0], "\r\n"...)
				}
				for sent.Load() < size {
					n, err := c.Write(block)
					sent.Add(int64(n))
					if err != nil {
						return
					}
				}
			})
			w := start(t, oneCluster(backend))
			before := residentKiB(t)
			c := w.narrowClient()
			c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			buf := make([]byte, 1024)
			for range 50 { // a slow reader; nothing waits for this
				if _, err := io.ReadFull(c.r, buf); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Millisecond)
			}
			if total := w.steady(&sent); total > size/8 {
				t.Errorf("%d bytes left the endpoint for a client that took 50 KiB", total)
			}
			w.requireMarks(before)
			_ = c.Close()
		})
	}
}

func TestSlowEndpointHoldsTheUploadBack(t *testing.T) {
	for _, framing := range []string{"Content-Length: 1073741824\r\n", "Transfer-Encoding: chunked\r\n"} {
		t.Run(framing, func(t *testing.T) {
			release := make(chan struct{})
			backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
				_ = c.SetReadBuffer(4 << 10)
				if _, err := readHead(r); err != nil {
					return
				}
				_, _ = io.CopyN(io.Discard, r, 50<<10)
				<-release
			})
			w := start(t, oneCluster(backend))
			before := residentKiB(t)
			c := w.client()
			c.send("POST / HTTP/1.1\r\nHost: a\r\n" + framing + "\r\n")
			var sent atomic.Int64
			done := make(chan struct{})
			go func() {
				defer close(done)
				block := make([]byte, 64<<10)
				if strings.Contains(framing, "chunked") {
					copy(block, "fff0\r\n")
					block = append(block[:6+0xfff0], "\r\n"...)
				}
				for {
					n, err := c.Write(block)
					sent.Add(int64(n))
					if err != nil {
						return
					}
				}
			}()
			if total := w.steady(&sent); total > 128<<20 {
				t.Errorf("%d bytes left the client for an endpoint that took 50 KiB", total)
			}
			w.requireMarks(before)
			close(release)
			_ = c.Close()
			<-done
		})
	}
}

// requireMarks demands that one session holds no more than the marks allow.
func (w *weir) requireMarks(beforeKiB int) {
	w.t.Helper()
	if s := w.stats(); s.Buffers == 0 || s.Buffers > mostBuffers {
		w.t.Errorf("%d buffers are held, want 1 to %d", s.Buffers, mostBuffers)
	}
	if grown := residentKiB(w.t) - beforeKiB; grown > 32<<10 {
		w.t.Errorf("the process has grown by %d KiB", grown)
	}
}

// narrowClient is a client whose kernel takes little ahead of it.
func (w *weir) narrowClient() *client {
	w.t.Helper()
	d := net.Dialer{Timeout: deadline, Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10)
		})
		if err == nil {
			err = failed
		}
		return err
	}}
	c, err := d.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(deadline))
	w.t.Cleanup(func() { _ = c.Close() })
	return &client{c.(*net.TCPConn), w.t, bufio.NewReaderSize(c, 1024)}
}

func residentKiB(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			return kib
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
