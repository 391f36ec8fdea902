package e2e

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	knockUpgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	knockSwitched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

// echoing is a backend that upgrades and then sends back what it gets.
func echoing(t *testing.T) string {
	t.Helper()
	return scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		if _, err := readHead(r); err != nil {
			return
		}
		_, _ = io.WriteString(c, knockSwitched)
		_, _ = io.Copy(c, r)
	})
}

func (c *client) requireEcho() {
	c.t.Helper()
	c.send("ping")
	got := make([]byte, 4)
	if _, err := io.ReadFull(c.r, got); err != nil || string(got) != "ping" {
		c.t.Fatalf("echo: %q, %v", got, err)
	}
}

// With its descriptor table full, weir neither dies nor spins, what it carries
// goes on, and when there is room again it accepts.
func TestFullDescriptorTable(t *testing.T) {
	const nofile, tunnels, attempts = 256, 40, 20000
	p := run(t, "[engine]\nloops = 1\nmax_connections = 100000\n"+oneCluster(echoing(t), `path = "/ws"`)+
		"[[routes]]\npath = \"/here\"\nrespond = { body = \"here\" }\n", nofile)
	var open []*client
	for range tunnels {
		c := p.client()
		c.send(knockUpgrade)
		if head, err := readHead(c.r); err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") {
			t.Fatalf("%q, %v", head, err)
		}
		open = append(open, c)
	}
	var holders []net.Conn
	for range nofile {
		// Who comes when the table is full may be told so by a reset.
		if c, err := net.DialTimeout("tcp", p.addr, deadline); err == nil {
			holders = append(holders, c)
		}
	}
	p.eventually("the table is full", func() bool { return strings.Contains(p.log.String(), "cannot accept") })

	before := p.cpu()
	time.Sleep(500 * time.Millisecond) // an interval to measure in, not a wait
	if used := p.cpu() - before; used > 150*time.Millisecond {
		t.Errorf("%v of CPU in 500 ms with nothing to do but a full table", used)
	}
	knock(t, p.addr, attempts)
	if n := strings.Count(p.log.String(), "cannot accept"); n > 100 {
		t.Errorf("backed off %d times in a moment: that is not backing off", n)
	}
	for _, c := range open {
		c.requireEcho()
	}
	for _, c := range holders {
		_ = c.Close()
	}
	p.eventually("accepting resumes", func() bool {
		c, err := net.DialTimeout("tcp", p.addr, time.Second)
		if err != nil {
			return false
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(c, "GET /here HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		got, _ := io.ReadAll(c)
		return strings.HasSuffix(string(got), "here")
	})
	for _, c := range open {
		c.requireEcho()
	}
}

// knock begins n connections and drops each at once, whatever became of it: with a
// full backlog the kernel does not answer.
func knock(t *testing.T, addr string, n int) {
	t.Helper()
	at := netip.MustParseAddrPort(addr)
	sa := &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}
	for range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = unix.Connect(fd, sa)
		_ = unix.Close(fd)
	}
}
