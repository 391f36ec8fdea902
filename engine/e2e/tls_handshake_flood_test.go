package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

// memory is what the process holds: the heap and the stacks.
func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// halfOpen begins n handshakes with the same ClientHello, and finishes none: it waits
// for the first of the server's flight in each.
func (w *weir) halfOpen(addr string, hello []byte, n int) []*net.TCPConn {
	w.t.Helper()
	conns := make([]*net.TCPConn, n)
	for i := range conns {
		conns[i] = dialRaw(w.t, addr)
		if _, err := conns[i].Write(hello); err != nil {
			w.t.Fatal(err)
		}
	}
	w.eventually(fmt.Sprintf("%d handshakes under way", n), func() bool { return w.stats().HandshakesOpen == int64(n) })
	for _, c := range conns {
		if _, err := io.ReadFull(c, make([]byte, 100)); err != nil {
			w.t.Fatal(err)
		}
	}
	return conns
}

// openEcho opens a tunnel inside TLS.
func (w *weir) openEcho(ca *tlstest.Authority) *secureClient {
	w.t.Helper()
	c := w.secure(trusting(ca))
	c.send(strings.Replace(upgradeRequest("/echo"), "Host: a", "Host: "+edgeName, 1))
	if head, err := readHead(c.r); err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") {
		w.t.Fatalf("no tunnel: %q, %v", head, err)
	}
	return c
}

// Two thousand handshakes that nobody finishes: established tunnels go on, memory is
// bounded, new clients come in, and all of it comes back.
func TestTLSHandshakeFlood(t *testing.T) {
	const flood = 2000
	ca := tlstest.New(t)
	backend := tunnelBackend(t, func(c *net.TCPConn, _ string) { echoTunnel(c, "") })
	w := start(t, oneCluster(backend), edgeTLS(ca))
	tunnel := w.openEcho(ca)
	hello := clientHello(t, trusting(ca))
	before := memory()
	stop, worst := make(chan struct{}), make(chan time.Duration, 1)
	go func() {
		var slowest time.Duration
		defer func() { worst <- slowest }()
		buf := make([]byte, 125)
		for {
			began := time.Now()
			if _, err := tunnel.Write(buf); err != nil {
				t.Errorf("the tunnel: %v", err)
				return
			}
			if _, err := io.ReadFull(tunnel.r, buf); err != nil {
				t.Errorf("the tunnel: %v", err)
				return
			}
			slowest = max(slowest, time.Since(began))
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	conns := w.halfOpen(w.addr, hello, flood)
	held := memory() - before
	// Some 22 KiB each in weir, and the client's end of each is in this process too.
	if each := held / flood; each > 40<<10 {
		t.Errorf("a half-open handshake holds %d bytes", each)
	}
	if late := w.openEcho(ca); late != nil {
		late.send("still open")
		requireBytes(t, late.r, []byte("still open"))
		_ = late.Close()
	}
	close(stop)
	if slowest := receive(t, worst); slowest > 2*time.Second {
		t.Errorf("a message in a tunnel took %v", slowest)
	}
	for i, c := range conns { // half of them by FIN, half by RST
		if i%2 == 0 {
			reset(c)
		}
		_ = c.Close()
	}
	w.eventually("all handshakes are back", func() bool { return w.stats().HandshakesOpen == 0 && w.stats().Sessions == 1 })
	tunnel.send("unharmed")
	requireBytes(t, tunnel.r, []byte("unharmed"))
	_ = tunnel.Close()
	w.eventually("memory is back", func() bool { return memory()-before < flood*4<<10 })
}

// No more than engine.max_handshakes are under way; who comes beyond that is refused,
// and after the deadline of the others there is room again.
func TestTLSHandshakesAreBounded(t *testing.T) {
	const most = 20
	ca := tlstest.New(t)
	backend := httpsBackend(t, serving(t, ca), tellRequest)
	w := start(t, secureCluster(backend, ca)+fmt.Sprintf("[engine]\nmax_handshakes = %d\n[listeners.plain]\naddress = \"127.0.0.1:0\"\n", most),
		edgeTLS(ca), `timeouts = { handshake = "600ms" }`)
	established := w.secure(trusting(ca))
	established.get(edgeName, "/")
	conns := w.halfOpen(w.addr, clientHello(t, smallHello()), most)
	for range 5 {
		if _, err := w.handshake(trusting(ca)); err == nil {
			t.Error("a handshake beyond the bound")
		}
	}
	w.requireFault(fault.HandshakesFull, 5)
	// It holds for endpoints too: no connection is there to be reused on every loop.
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			c := dialRaw(t, w.engine.Addr("plain"))
			defer func() { _ = c.Close() }()
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			got, err := io.ReadAll(c)
			full := strings.HasPrefix(string(got), "HTTP/1.1 503 ") && strings.Contains(string(got), "Weir-Error: handshakes_full")
			if err != nil || !full && !strings.HasPrefix(string(got), "HTTP/1.1 200 ") {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	wg.Wait()
	if res, _ := established.get(edgeName, "/"); res.StatusCode != 200 {
		t.Errorf("a connection that was open before: %s", res.Status)
	}
	w.eventually("the deadline ends them", func() bool { return w.stats().HandshakesOpen == 0 })
	w.requireFault(fault.HandshakeTimeout, most)
	if _, err := w.handshake(trusting(ca)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	_ = established.Close()
	for _, c := range conns {
		_ = c.Close()
	}
	w.finish()
	full := 0
	for _, line := range w.handshakeLines(most + 5) {
		if line["fault"] == "handshakes_full" && line["fault_side"] == "local" {
			full++
		}
	}
	if full != 5 {
		t.Errorf("%d lines of handshakes_full, want 5", full)
	}
}

// A drain waits for handshakes that nobody finishes no longer than for anything else.
func TestTLSDrainWithHandshakesUnderWay(t *testing.T) {
	ca := tlstest.New(t)
	w := start(t, "[engine]\ndrain_timeout = \"300ms\"\n"+respondAll, edgeTLS(ca))
	w.halfOpen(w.addr, clientHello(t, &tls.Config{ServerName: edgeName, InsecureSkipVerify: true}), 10)
	began := time.Now()
	w.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the drain took %v", took)
	}
}
