package e2e

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"syscall"
	"testing"
)

// cork makes the kernel hold bytes back until the FIN goes out with them.
func cork(t *testing.T, c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		t.Error(err)
		return
	}
	err = raw.Control(func(fd uintptr) {
		if err := syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CORK, 1); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// The last bytes and the FIN arrive as one event, and both must go on.
func TestTunnelDataWithFIN(t *testing.T) {
	for _, size := range []int{1, 1000, 64 << 10, 65<<10 + 1, 300 << 10} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			up, down := pattern(2, size), pattern(3, size)
			heard := make(chan []byte, 1)
			backend := tunnelBackend(t, func(c *net.TCPConn, _ string) {
				got, _ := io.ReadAll(c)
				heard <- got
				cork(t, c)
				_, _ = c.Write(down)
				_ = c.CloseWrite()
			})
			w := start(t, oneCluster(backend))
			c, _ := w.openTunnel("/")
			cork(t, c)
			if _, err := c.Write(up); err != nil {
				t.Fatal(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if got := <-heard; !bytes.Equal(got, up) {
				t.Errorf("%d bytes and FIN from the client: %d arrived", size, len(got))
			}
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, down) {
				t.Errorf("%d bytes and FIN from the endpoint: %d arrived, %v", size, len(got), err)
			}
		})
	}
}
