package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"weir/bench/comparison/relay/proxytest"
)

func TestWebSocketEcho(t *testing.T) {
	addr, _ := proxytest.Start(t, Run, proxytest.Backend(t))
	proxytest.Echoes(t, addr)
}

func TestHTTP(t *testing.T) {
	addr, _ := proxytest.Start(t, Run, proxytest.Backend(t))
	proxytest.Requests(t, addr)
}

// A stop while tunnels are open cuts them and leaves nothing.
func TestStopCutsTunnels(t *testing.T) {
	addr, stop := proxytest.Start(t, Run, proxytest.Backend(t))
	a, b := proxytest.WebSocket(t, addr), proxytest.WebSocket(t, addr)
	stop()
	for _, c := range []net.Conn{a, b} {
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, syscall.ETIMEDOUT) {
			t.Errorf("after the stop: %d bytes, %v", n, err)
		}
		c.Close()
	}
}

// A stop while upstream connections are being made waits for none of them forever.
func TestStopWhileConnecting(t *testing.T) {
	addr, stop := proxytest.Start(t, Run, proxytest.Backend(t))
	for range 200 {
		dial(t, addr)
	}
	stop()
}

// accepting is a backend that plays serve on each connection.
func accepting(t *testing.T, serve func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c.(*net.TCPConn))
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// What a backend sent before it closed reaches a client that reads later, though it
// is far more than the kernel holds.
func TestEndWaitsForWhatIsQueued(t *testing.T) {
	want := proxytest.Pattern(16 << 20)
	written := make(chan struct{})
	backend := accepting(t, func(c *net.TCPConn) {
		go io.Copy(io.Discard, c)
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			return // the connection that looked whether the relay listens
		}
		c.Write(want)
		c.CloseWrite()
		close(written)
		io.Copy(io.Discard, c)
	})
	addr, _ := proxytest.Start(t, Run, backend)
	c := dial(t, addr)
	c.Write([]byte("go"))
	<-written
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
	c.Close()
}

// Each end, seen by the other side.
func TestEnds(t *testing.T) {
	ended := make(chan error, 8)
	backend := accepting(t, func(c *net.TCPConn) {
		_, err := io.Copy(io.Discard, c)
		ended <- err
	})
	addr, _ := proxytest.Start(t, Run, backend)
	for range 2 { // the first may be the one that looked whether the relay listens
		c := dial(t, addr)
		c.Write([]byte("hello"))
		c.Close()
		select {
		case err := <-ended:
			if err != nil && !errors.Is(err, syscall.ECONNRESET) {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the backend does not see that the client left")
		}
	}
}

func TestBackendThatRefuses(t *testing.T) {
	addr, _ := proxytest.Start(t, Run, proxytest.FreeAddress(t))
	c := dial(t, addr)
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%d bytes, %v; want the end", n, err)
	}
	c.Close()
}

func TestAddressThatCannotBe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, addr := range []string{l.Addr().String(), "127.0.0.1", "nowhere:http:1"} {
		if err := Run(context.Background(), addr, "127.0.0.1:1"); err == nil {
			t.Errorf("Run on %q: no error", addr)
		}
	}
}

func TestStopBeforeStart(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Run(ctx, proxytest.FreeAddress(t), "127.0.0.1:1"); err != nil {
		t.Error(err)
	}
}
