package proxytest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// Pattern is n bytes that do not repeat with any power of two.
func Pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

// WebSocket opens one through the proxy.
func WebSocket(t *testing.T, addr string) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	c, early, _, err := ws.Dial(ctx, "ws://"+addr+"/ws")
	if err != nil || early != nil {
		t.Fatalf("WebSocket handshake: %v, early bytes: %v", err, early != nil)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(within))
	return c
}

// Echoes sends messages of several sizes over some WebSockets at a time and demands
// them back as they were.
func Echoes(t *testing.T, addr string) {
	t.Helper()
	var group sync.WaitGroup
	for range 4 {
		c := WebSocket(t, addr)
		group.Go(func() {
			for _, size := range []int{0, 1, 125, 126, 64 << 10, 64<<10 + 1, 1 << 20, 32} {
				if err := echo(c, size); err != nil {
					t.Errorf("a message of %d bytes: %v", size, err)
					return
				}
			}
			// The closing handshake, and the end of the connection behind it.
			if err := wsutil.WriteClientMessage(c, ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, "")); err != nil {
				t.Error(err)
			}
			// Not by wsutil, which would answer the answer.
			h, err := ws.ReadHeader(c)
			if err != nil || h.OpCode != ws.OpClose {
				t.Errorf("instead of a close: %+v, %v", h, err)
			}
			if rest, err := io.ReadAll(c); err != nil || int64(len(rest)) != h.Length {
				t.Errorf("a close of %d bytes, and then %q, %v", h.Length, rest, err)
			}
		})
	}
	group.Wait()
}

func echo(c net.Conn, size int) error {
	want := Pattern(size)
	if err := wsutil.WriteClientBinary(c, bytes.Clone(want)); err != nil { // masks in place
		return err
	}
	got, op, err := wsutil.ReadServerData(c)
	if err == nil && (op != ws.OpBinary || !bytes.Equal(got, want)) {
		err = fmt.Errorf("came back as %d other bytes, opcode %v", len(got), op)
	}
	return err
}

// Requests makes HTTP requests over connections that are kept alive.
func Requests(t *testing.T, addr string) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: within}
	for _, size := range []int{0, 128, 64 << 10, 1 << 20} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			var body io.Reader
			if method == http.MethodPost {
				body = bytes.NewReader(Pattern(size))
			}
			req, err := http.NewRequest(method, fmt.Sprintf("http://%s/bytes/%d", addr, size), body)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != http.StatusOK || len(got) != size {
				t.Errorf("%s of %d bytes: %s, %d bytes, %v", method, size, res.Status, len(got), err)
			}
		}
	}
}
