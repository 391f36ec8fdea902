package e2e

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

func TestBodyTooLargeByLengthNeverReachesAnEndpoint(t *testing.T) {
	backend, seen := untouched(t)
	w := start(t, oneCluster(backend), `max_body = "1KiB"`)
	c := w.client()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n")
	c.requireRefusal(413, "body_too_large")
	if n := seen(); n != 0 {
		t.Errorf("the endpoint saw %d connections", n)
	}
}

func TestBodyTooLargeInChunksIsCutOff(t *testing.T) {
	got := make(chan int, 1)
	backend := scripted(t, func(_ *net.TCPConn, r *bufio.Reader) {
		_, _ = readHead(r)
		body, _ := io.ReadAll(r)
		got <- len(body)
	})
	w := start(t, oneCluster(backend), `max_body = "1KiB"`)
	c := w.client()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range 5 {
		c.send("100\r\n" + strings.Repeat("x", 256) + "\r\n")
	}
	c.requireRefusal(413, "body_too_large")
	if n := receive(t, got); n > 1024+64 {
		t.Errorf("%d bytes reached the endpoint", n)
	}
}

func TestBodyAtTheLimitPasses(t *testing.T) {
	w := start(t, oneCluster(answering(t, ok("x"))), `max_body = "1KiB"`)
	for _, in := range []string{
		"Content-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024),
		"Transfer-Encoding: chunked\r\n\r\n400\r\n" + strings.Repeat("x", 1024) + "\r\n0\r\n\r\n",
	} {
		c := w.client()
		c.send("POST / HTTP/1.1\r\nHost: a\r\n" + in)
		if res, _ := c.response("POST"); res.StatusCode != 200 {
			t.Errorf("%s", res.Status)
		}
	}
}

// A malformed chunk is found on the way; the endpoint sees the request cut off.
func TestMalformedChunkIsRefused(t *testing.T) {
	ended := make(chan error, 1)
	backend := scripted(t, func(_ *net.TCPConn, r *bufio.Reader) {
		_, err := io.Copy(io.Discard, r)
		ended <- err
	})
	w := start(t, oneCluster(backend))
	for _, chunks := range []string{"zz\r\n", "3\r\nabcd\r\n", "3\nabc\r\n", "0x3\r\nabc\r\n", "3 ;\x00\r\nabc\r\n", "ffffffffffffffff1\r\n", "0\r\nA b\r\n\r\n"} {
		c := w.client()
		c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n" + chunks)
		c.requireRefusal(400, "malformed_request")
		if err := receive(t, ended); !isReset(err) {
			t.Errorf("%q: the endpoint saw an orderly end: %v", chunks, err)
		}
	}
}
