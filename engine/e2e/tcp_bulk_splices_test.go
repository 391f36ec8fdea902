package e2e

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// openPipes counts the ends of pipes that this process has.
func openPipes(t *testing.T) (n int) {
	t.Helper()
	list, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		if to, err := os.Readlink(name); err == nil && strings.HasPrefix(to, "pipe:") {
			n++
		}
	}
	return n
}

// Bulk between two plain sockets passes inside the kernel, through a pipe that the
// loop opens when it first needs one; a conversation does not. The bytes are the same.
func TestTCPBulkIsSpliced(t *testing.T) {
	backend := rawBackend(t, func(c *net.TCPConn) {
		_, _ = io.Copy(onlyWriter{c}, onlyReader{c})
		_ = c.CloseWrite()
	})
	w := start(t, oneLoop+mainCluster(backend), opaqueEdge)
	c := w.dial()
	before := openPipes(t)
	for range 10 {
		if _, err := c.Write([]byte("word")); err != nil {
			t.Fatal(err)
		}
		requireBytes(t, c, []byte("word"))
	}
	if n := openPipes(t); n != before {
		t.Errorf("%d pipes after a conversation, %d before", n, before)
	}
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(bulkUp())
		_ = c.CloseWrite()
		sent <- err
	}()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, bulkUp()) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	if err := receive(t, sent); err != nil {
		t.Error(err)
	}
	if n := openPipes(t); n != before+2 {
		t.Errorf("%d ends of pipes after bulk, want %d", n, before+2)
	}
	_ = c.Close()
}
