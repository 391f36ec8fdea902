package e2e

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// trickle sends data one byte a segment: TCP_NODELAY is Go's default.
func trickle(c *net.TCPConn, data []byte) error {
	for i := range data {
		if _, err := c.Write(data[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}

// The handshake, both halves of it, and the tunnel, both directions, in segments
// of one byte each.
func TestTunnelInOneByteSegments(t *testing.T) {
	up, down := pattern(6, 3000), pattern(7, 3000)
	heard := make(chan []byte, 1)
	backend := rawBackend(t, func(c *net.TCPConn) {
		if _, err := readHeadOnly(c); err != nil {
			t.Error(err)
		}
		if err := trickle(c, append([]byte(switching), down...)); err != nil {
			t.Error(err)
		}
		_ = c.CloseWrite()
		got, _ := io.ReadAll(c)
		heard <- got
	})
	w := start(t, oneCluster(backend))
	c := w.dial()
	sent := make(chan error, 1)
	go func() {
		sent <- trickle(c, append([]byte(upgradeRequest("/")), up...))
	}()
	if head, err := readHeadOnly(c); err != nil || head[:12] != "HTTP/1.1 101" {
		t.Fatalf("%q, %v", head, err)
	}
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, down) {
		t.Errorf("%d bytes came down, %v", len(got), err)
	}
	if err := errors.Join(<-sent, c.CloseWrite()); err != nil {
		t.Error(err)
	}
	if got := <-heard; !bytes.Equal(got, up) {
		t.Errorf("%d bytes went up", len(got))
	}
}
