package e2e

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// mallocsPer measures the heap allocations of the whole process for each call of
// do, after some calls to warm up. Neither do nor its peer may allocate.
func mallocsPer(t *testing.T, calls int, do func()) float64 {
	t.Helper()
	for range calls / 10 {
		do()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		do()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(calls)
}

// few is below one allocation in twenty calls: what the runtime does now and then
// passes, what happens in each call does not.
const few = 0.05

// A relayed message costs no allocation, whatever its size.
func TestRelayedMessageDoesNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates by itself")
	}
	for name, size := range map[string]int{"125 B": 125, "16 KiB": 16 << 10} {
		t.Run(name, func(t *testing.T) {
			backend := tunnelBackend(t, func(c *net.TCPConn, _ string) {
				buf := make([]byte, 64<<10)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if _, err := c.Write(buf[:n]); err != nil {
						return
					}
				}
			})
			w := start(t, oneCluster(backend))
			c, _ := w.openTunnel("/")
			message, got := pattern(1, size), make([]byte, size)
			per := mallocsPer(t, 20_000, func() {
				if _, err := c.Write(message); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(c, got); err != nil {
					t.Fatal(err)
				}
			})
			if !bytes.Equal(message, got) {
				t.Error("the echo is not what was sent")
			}
			if per >= few {
				t.Errorf("%.3f allocations a message", per)
			}
			_ = c.Close()
		})
	}
}

// A keep-alive request costs none either, its line in the access log included.
func TestKeepAliveRequestDoesNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates by itself")
	}
	request := []byte("GET /some/path?with=query HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 128\r\n\r\n" + strings.Repeat("x", 127) + "\n")
	end := []byte("\r\n\r\n")
	for name, access := range map[string]string{"no access log": "off", "an access log": filepath.Join(t.TempDir(), "access.log")} {
		t.Run(name, func(t *testing.T) {
			backend := rawBackend(t, func(c *net.TCPConn) {
				buf := make([]byte, 4096)
				for n := 0; ; {
					k, err := c.Read(buf[n:])
					if err != nil {
						return
					}
					if n += k; bytes.HasSuffix(buf[:n], end) {
						n = 0
						if _, err := c.Write(answer); err != nil {
							return
						}
					}
				}
			})
			w := start(t, "[log]\naccess = \""+access+"\"\n"+oneCluster(backend))
			c := w.dial()
			buf := make([]byte, 4096)
			per := mallocsPer(t, 10_000, func() {
				if _, err := c.Write(request); err != nil {
					t.Fatal(err)
				}
				for n := 0; n == 0 || buf[n-1] != '\n' || n < len(answer); {
					k, err := c.Read(buf[n:])
					if err != nil {
						t.Fatal(err)
					}
					n += k
				}
			})
			if !bytes.HasPrefix(buf, []byte("HTTP/1.1 200 OK\r\n")) {
				t.Errorf("answered %q", buf[:200])
			}
			if per >= few {
				t.Errorf("%.3f allocations a request", per)
			}
			if s := w.stats(); s.Dialled != 1 {
				t.Errorf("%d connections to the endpoint, want 1", s.Dialled)
			}
			_ = c.Close()
		})
	}
}
