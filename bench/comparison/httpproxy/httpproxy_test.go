package httpproxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
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
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("after the stop: %d bytes, %v", n, err)
		}
		c.Close()
	}
}

// A stop while a backend takes its time does not wait for it.
func TestStopCutsRequests(t *testing.T) {
	arrived := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	t.Cleanup(backend.Close)
	addr, stop := proxytest.Start(t, Run, backend.Listener.Addr().String())
	var group sync.WaitGroup
	group.Go(func() {
		res, err := http.Get("http://" + addr + "/")
		if err == nil {
			res.Body.Close()
			if res.StatusCode != http.StatusBadGateway {
				t.Errorf("status %d", res.StatusCode)
			}
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	<-arrived
	begin := time.Now()
	stop()
	if took := time.Since(begin); took >= stopWithin {
		t.Errorf("the stop took %v", took)
	}
	group.Wait()
}

// The upstream connections are kept, and a request gets no field that the client
// did not send.
func TestKeepsConnectionsAndAddsNothing(t *testing.T) {
	var mu sync.Mutex
	peers, fields := map[string]bool{}, map[string]bool{}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		peers[r.RemoteAddr] = true
		for name := range r.Header {
			fields[name] = true
		}
		io.WriteString(w, "ok")
	}))
	t.Cleanup(backend.Close)
	addr, _ := proxytest.Start(t, Run, backend.Listener.Addr().String())
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	for range 5 {
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\n\r\n")
		var got strings.Builder
		for !strings.HasSuffix(got.String(), "\r\n\r\nok") {
			var b [1]byte
			if _, err := c.Read(b[:]); err != nil {
				t.Fatalf("%v after %q", err, got.String())
			}
			got.Write(b[:])
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(peers) != 1 {
		t.Errorf("%d connections for 5 requests, one after the other", len(peers))
	}
	if delete(fields, "User-Agent"); len(fields) > 0 {
		t.Errorf("fields added: %v", fields)
	}
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
