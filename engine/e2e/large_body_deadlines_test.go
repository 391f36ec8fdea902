package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"

	"weir/engine/fault"
)

// A client that takes nothing more of a large response is cut, and the endpoint
// learns of it.
func TestClientThatStopsTakingALargeBodyIsCut(t *testing.T) {
	met := make(chan error, 1)
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		if _, err := readHead(r); err != nil {
			return
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 1<<40)
		_, err := sendRibbon(c, 1<<40)
		met <- err
	})
	w := start(t, oneCluster(backend), `timeouts = { body_idle = "400ms" }`)
	c := w.client()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := readHead(c.r); err != nil {
		t.Fatal(err)
	}
	requireRibbon(t, c.r, 4<<20)
	if err := receive(t, met); !isReset(err) {
		t.Errorf("the endpoint saw %v", err)
	}
	w.requireFault(fault.SendTimeout, 1)
	if err := ended(c.TCPConn); !isReset(err) {
		t.Errorf("the client saw %v, not a cut", err)
	}
}

// An endpoint that falls silent in the middle of a large response is given up.
func TestEndpointThatStopsInALargeBodyIsGivenUp(t *testing.T) {
	const part = 4<<20 + 99
	met := make(chan error, 1)
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		if _, err := readHead(r); err != nil {
			return
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", largeBody)
		_, _ = sendRibbon(c, part)
		met <- ended(c)
	})
	w := start(t, oneCluster(backend, `timeouts = { response_idle = "400ms" }`))
	c := w.client()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := readHead(c.r); err != nil {
		t.Fatal(err)
	}
	requireRibbon(t, c.r, part)
	if _, err := io.ReadAll(c.r); err == nil {
		t.Error("the client saw an orderly end")
	}
	if err := receive(t, met); !isReset(err) {
		t.Errorf("the endpoint saw %v", err)
	}
	w.requireFault(fault.ResponseIdle, 1)
}

// A large upload that stops is refused, and the endpoint is told.
func TestLargeUploadThatStopsIsRefused(t *testing.T) {
	met := make(chan error, 1)
	backend := scripted(t, func(_ *net.TCPConn, r *bufio.Reader) {
		_, err := io.Copy(io.Discard, r)
		met <- err
	})
	w := start(t, oneCluster(backend), `timeouts = { body_idle = "400ms" }`)
	c := w.client()
	c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", largeBody))
	if _, err := sendRibbon(c, 4<<20); err != nil {
		t.Fatal(err)
	}
	c.requireRefusal(408, "body_timeout")
	if err := receive(t, met); !isReset(err) {
		t.Errorf("the endpoint saw %v", err)
	}
	w.requireFault(fault.BodyTimeout, 1)
}
