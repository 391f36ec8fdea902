package e2e

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"weir/engine/fault"
)

// pause is the gap a slow peer makes. No test waits for a state by it.
func pause() { time.Sleep(2 * time.Millisecond) }

func TestStoppedBodyIsRefused(t *testing.T) {
	tests := []struct{ name, in string }{
		{"length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"},
		{"nothing of it", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"},
		{"chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"},
		{"inside a chunk size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3"},
	}
	ended := make(chan error, 1)
	backend := scripted(t, func(_ *net.TCPConn, r *bufio.Reader) {
		_, err := io.Copy(io.Discard, r)
		ended <- err
	})
	w := start(t, oneCluster(backend), `timeouts = { body_idle = "60ms" }`)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := w.client()
			c.t = t
			c.send(tt.in)
			c.requireRefusal(408, "body_timeout")
			if err := receive(t, ended); !isReset(err) {
				t.Errorf("the endpoint was not told that the request was abandoned: %v", err)
			}
		})
		w.requireFault(fault.BodyTimeout, int64(i+1))
	}
}

// A body that keeps coming outlives every idle deadline.
func TestSteadyBodyOutlivesTheIdleDeadline(t *testing.T) {
	w := start(t, oneCluster(answering(t, ok("x"))), `timeouts = { body_idle = "100ms" }`)
	c := w.client()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n")
	for range 20 {
		c.send("x")
		time.Sleep(10 * time.Millisecond)
	}
	if res, _ := c.response("POST"); res.StatusCode != 200 {
		t.Errorf("%s", res.Status)
	}
}

// An endpoint that takes a large upload slowly, but steadily, is not late with its
// answer: its time counts from the end of the request.
func TestSlowUploadIsNotALateAnswer(t *testing.T) {
	const size = 32 << 20 // what kernel buffers hide of it takes less time than the answer may
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		_ = c.SetReadBuffer(16 << 10)
		if _, err := readHead(r); err != nil {
			return
		}
		buf := make([]byte, 64<<10)
		for left := size; left > 0; {
			n, err := r.Read(buf[:min(left, len(buf))])
			if err != nil {
				return
			}
			if left/(size/80) != (left-n)/(size/80) {
				time.Sleep(15 * time.Millisecond)
			}
			left -= n
		}
		_, _ = io.WriteString(c, ok("done"))
	})
	w := start(t, oneCluster(backend, `timeouts = { response = "600ms" }`))
	c := w.client()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 33554432\r\n\r\n")
	go func() { _, _ = c.Write(make([]byte, size)) }()
	if res, body := c.response("POST"); res.StatusCode != 200 || body != "done" {
		t.Errorf("%s %q", res.Status, body)
	}
}
