package transparent

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
)

var rawScenarios = []scenario{
	{name: "peer and destination", happen: peerAndDestination, connections: 2, tunnels: 2},
	{name: "the client ends first", happen: clientEndsFirst, connections: 1, tunnels: 1},
	{name: "the server ends first", happen: serverEndsFirst, connections: 1, tunnels: 1},
	{name: "the client resets", happen: clientResets, connections: 1, tunnels: 1},
	{name: "the server resets", happen: serverResets, connections: 1, tunnels: 1},
}

// order opens a connection and says what the server is to do.
func (r *run) order(t *testing.T, what byte) *net.TCPConn {
	t.Helper()
	c := r.dial(t, at(r.ip.server, r.raw()))
	if _, err := c.Write([]byte{what}); err != nil {
		t.Fatal(err)
	}
	return c
}

// exactly reads to the end, which must come after want.
func exactly(r io.Reader, want []byte) error {
	got, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%d bytes, not the %d that were sent", len(got), len(want))
	}
	return err
}

func peerAndDestination(t *testing.T, r *run) {
	for _, server := range []netip.Addr{r.ip.server, r.ip.otherServer} {
		to := at(server, r.raw())
		c := r.dial(t, to)
		if _, err := c.Write([]byte{tellEnds}); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(c)
		r.requireEnds(t, readEnds(t, in), c.LocalAddr(), to)
		if _, err := io.WriteString(c, "there and back"); err != nil {
			t.Fatal(err)
		}
		_ = c.CloseWrite()
		if err := exactly(in, []byte("there and back")); err != nil {
			t.Error(err)
		}
		_ = c.Close()
	}
}

func clientEndsFirst(t *testing.T, r *run) {
	c := r.order(t, answerLast)
	if _, err := c.Write(pattern(1, up)); err != nil {
		t.Fatal(err)
	}
	_ = c.CloseWrite()
	if err := exactly(c, pattern(2, down)); err != nil {
		t.Errorf("the client got %v", err)
	}
	if err := receive(t, r.server.outcome); err != nil {
		t.Errorf("the server got %v", err)
	}
	_ = c.Close()
}

func serverEndsFirst(t *testing.T, r *run) {
	c := r.order(t, answerFirst)
	if err := exactly(c, pattern(2, down)); err != nil {
		t.Errorf("the client got %v", err)
	}
	if _, err := c.Write(pattern(1, up)); err != nil {
		t.Fatal(err)
	}
	_ = c.CloseWrite()
	if err := receive(t, r.server.outcome); err != nil {
		t.Errorf("the server got %v", err)
	}
	_ = c.Close()
}

func clientResets(t *testing.T, r *run) {
	c := r.order(t, resetMe)
	if _, err := io.ReadFull(c, make([]byte, len("now"))); err != nil {
		t.Fatal(err)
	}
	reset(c)
	if err := receive(t, r.server.outcome); !isReset(err) {
		t.Errorf("the server got %v, not a reset", err)
	}
}

func serverResets(t *testing.T, r *run) {
	c := r.order(t, resetYou)
	if n, err := io.ReadFull(c, make([]byte, 1)); !isReset(err) {
		t.Errorf("the client got %d bytes and %v, not a reset", n, err)
	}
	_ = c.Close()
}
