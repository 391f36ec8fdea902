// Package proxytest is what a proxy of this module is tested with: a backend, a
// clean stop, and real HTTP and WebSocket clients.
package proxytest

import (
	"context"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/bench"
)

// Run is a proxy: it serves listen until ctx ends.
type Run func(ctx context.Context, listen, backend string) error

// within is how long anything may take.
const within = 10 * time.Second

// Backend is weir's echo server, for HTTP and WebSocket.
func Backend(t *testing.T) (addr string) {
	t.Helper()
	s, err := bench.NewEchoServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.Addr()
}

// FreeAddress is one that nobody listens on, or did a moment ago.
func FreeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Start runs a proxy to backend and returns its address, and a function that stops
// it and demands that it leaves no error and no goroutine. The end of the test stops it
// otherwise, and demands that no descriptor is left either.
func Start(t *testing.T, run Run, backend string) (addr string, stop func()) {
	t.Helper()
	before := descriptors(t)
	addr = FreeAddress(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, addr, backend) }()
	eventually(t, "the proxy listens", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("stopped with %v", err)
			}
		case <-time.After(within):
			t.Fatal("the proxy does not stop")
		}
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Error("still listening after the stop")
		}
		// A goroutine that has told of its end may still be on its last lines.
		for deadline := time.Now().Add(within); goroutines() != ""; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("goroutines left:\n%s", goroutines())
			}
		}
	}
	t.Cleanup(func() {
		stop()
		// By now the clients of the test are closed; the backend may need a moment.
		eventually(t, "no descriptor is left", func() bool { return descriptors(t) <= before })
	})
	return addr, stop
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// goroutines is the stacks of those that run a proxy; what runs tests is not meant.
func goroutines() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var left []string
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		proxy := strings.Contains(stack, "weir/bench/comparison/") || strings.Contains(stack, "net/http/httputil") ||
			strings.Contains(stack, "gnet/v2.(*eventloop)") || strings.Contains(stack, "net/http.(*conn).serve")
		if proxy && !strings.Contains(stack, "_test.go") && !strings.Contains(stack, "testing.tRunner") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}

func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not met: %s", what)
		}
	}
}
