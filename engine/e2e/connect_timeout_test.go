package e2e

import (
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// blackhole is an address that neither accepts nor refuses: a listener whose
// backlog is full drops every further SYN.
func blackhole(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
	for range 16 {
		c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Skip("a full listen backlog does not drop connections here")
	return ""
}

const hastyCluster = "[clusters.main]\nendpoints = [%s]\ntimeouts = { connect = \"60ms\" }\n[[routes]]\ncluster = \"main\"\n"

func TestConnectTimeoutIs504(t *testing.T) {
	w := start(t, fmt.Sprintf(hastyCluster, fmt.Sprintf("%q", blackhole(t))))
	res, _ := w.get("/")
	if res.StatusCode != 504 || res.Header.Get("Weir-Error") != "connect_timeout" {
		t.Errorf("%s, %v", res.Status, res.Header)
	}
}

func TestNextEndpointIsTriedAfterAConnectTimeout(t *testing.T) {
	hole, good := blackhole(t), answering(t, ok("alive"))
	w := start(t, fmt.Sprintf(hastyCluster, fmt.Sprintf("%q, %q", hole, good)))
	for range 2 {
		if res, body := w.get("/"); res.StatusCode != 200 || body != "alive" {
			t.Errorf("%s %q", res.Status, body)
		}
	}
}

// A client that leaves takes the pending connect with it.
func TestClientLeavesWhileConnecting(t *testing.T) {
	w := start(t, oneCluster(blackhole(t)))
	c := w.client()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	w.eventually("the connect is under way", func() bool { return w.stats().Connections == 2 })
	_ = c.Close()
	w.eventually("both connections are gone", func() bool { return w.stats().Connections == 0 })
}
