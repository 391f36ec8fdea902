package e2e

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"testing"
	"time"
)

// What a client sends before it has its 101 reaches the endpoint after the
// endpoint's 101, and all of it does, whether it came in one piece with the
// request or behind it.
func TestTunnelEarlyDataWaitsFor101(t *testing.T) {
	tests := []struct {
		name     string
		size     int
		separate bool // not in the same write as the request
	}{
		{"a frame behind the head", 5, false},
		{"100 KiB behind the head", 100 << 10, false},
		{"a frame in a segment of its own", 5, true},
		{"one read buffer exactly", 64 << 10, true},
		{"more than a read buffer", 300 << 10, true},
		{"more than the high mark", 1 << 20, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			early := pattern(4, tt.size)
			gotHead := make(chan struct{})
			heard := make(chan []byte, 1)
			backend := rawBackend(t, func(c *net.TCPConn) {
				if _, err := readHeadOnly(c); err != nil {
					t.Error(err)
				}
				close(gotHead)
				// That nothing comes can only be seen by waiting for it.
				_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
				if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("before its 101 the endpoint got %d bytes, %v", n, err)
				}
				_ = c.SetReadDeadline(time.Now().Add(deadline))
				_, _ = io.WriteString(c, switching)
				got := make([]byte, tt.size)
				n, _ := io.ReadFull(c, got)
				heard <- got[:n]
			})
			w := start(t, oneCluster(backend))
			c := w.dial()
			request := []byte(upgradeRequest("/"))
			if !tt.separate {
				request = append(request, early...)
			}
			if _, err := c.Write(request); err != nil {
				t.Fatal(err)
			}
			<-gotHead
			if tt.separate {
				if _, err := c.Write(early); err != nil {
					t.Fatal(err)
				}
			}
			if got := <-heard; !bytes.Equal(got, early) {
				t.Errorf("%d of %d early bytes arrived", len(got), len(early))
			}
			if head, err := readHeadOnly(c); err != nil || head[:12] != "HTTP/1.1 101" {
				t.Errorf("the client got %q, %v", head, err)
			}
		})
	}
}

// What an endpoint sends behind its 101, in the same segment, is the tunnel's.
func TestTunnelDataBehind101(t *testing.T) {
	for _, size := range []int{1, 5, 16 << 10, 100 << 10, 1 << 20} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			late := pattern(5, size)
			backend := rawBackend(t, func(c *net.TCPConn) {
				if _, err := readHeadOnly(c); err != nil {
					t.Error(err)
				}
				_, _ = c.Write(append([]byte(switching), late...))
				_, _ = io.ReadAll(c)
			})
			w := start(t, oneCluster(backend))
			c, _ := w.openTunnel("/")
			got := make([]byte, size)
			if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, late) {
				t.Errorf("%d bytes behind the 101 did not arrive as they were: %v", size, err)
			}
		})
	}
}

// A client that has said all it has to say before it has its 101 has not left.
func TestTunnelEarlyDataWithFIN(t *testing.T) {
	for _, size := range []int{5, 40 << 10, 100 << 10} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			early := pattern(4, size)
			ended := make(chan struct{})
			heard := make(chan []byte, 1)
			backend := rawBackend(t, func(c *net.TCPConn) {
				if _, err := readHeadOnly(c); err != nil {
					t.Error(err)
				}
				<-ended
				_, _ = io.WriteString(c, switching)
				got, _ := io.ReadAll(c)
				heard <- got
				_, _ = io.WriteString(c, "goodbye")
			})
			w := start(t, oneCluster(backend))
			c := w.dial()
			if _, err := c.Write(append([]byte(upgradeRequest("/")), early...)); err != nil {
				t.Fatal(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			close(ended)
			if got := receive(t, heard); !bytes.Equal(got, early) {
				t.Errorf("%d of %d early bytes arrived", len(got), len(early))
			}
			if head, err := readHeadOnly(c); err != nil || head[:12] != "HTTP/1.1 101" {
				t.Fatalf("the client got %q, %v", head, err)
			}
			if rest, err := io.ReadAll(c); err != nil || string(rest) != "goodbye" {
				t.Errorf("the client got %q, %v", rest, err)
			}
		})
	}
}
