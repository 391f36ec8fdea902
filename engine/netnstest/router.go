package netnstest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace beside that of the test.
type Namespace struct {
	t  testing.TB
	fd int
}

// handle holds on to the namespace of the calling thread.
func handle(t testing.TB) *Namespace {
	t.Helper()
	fd := current(t)
	t.Cleanup(func() { unix.Close(fd) })
	return &Namespace{t, fd}
}

// current is a descriptor of the namespace of the calling thread. The caller closes it.
func current(t testing.TB) int {
	t.Helper()
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// New makes a namespace as Enter does. The test, which must have entered one, stays in
// its own.
func New(t testing.TB) *Namespace {
	t.Helper()
	home := handle(t)
	Enter(t)
	made := handle(t)
	home.enter()
	return made
}

// Do runs f in the namespace: sockets that it makes and programs that it starts belong
// there, and so do those that a socket accepts later. f must not start a goroutine that
// makes sockets. Any goroutine may call it.
func (n *Namespace) Do(f func()) {
	n.t.Helper()
	runtime.LockOSThread()
	home := &Namespace{n.t, current(n.t)}
	n.enter()
	defer func() {
		n.t.Helper()
		home.enter() // or the thread stays locked, and ends with the goroutine
		unix.Close(home.fd)
		runtime.UnlockOSThread()
	}()
	f()
}

func (n *Namespace) enter() {
	n.t.Helper()
	if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
		n.t.Fatal(err)
	}
}

// Route makes a client and a server on both sides of the test's namespace, which routes
// between them:
//
//	client c0 10.77.1.2 fd77:1::2 -- rc 10.77.1.1 fd77:1::1
//	                                 rs 10.77.2.1 fd77:2::1 -- s0 10.77.2.2 fd77:2::2 server
//
// The links go with the test, also where its namespace is that of the whole process.
func Route(t testing.TB) (client, server *Namespace) {
	t.Helper()
	client, server = New(t), New(t)
	for _, n := range []*Namespace{handle(t), client, server} {
		n.Do(func() {
			// Before there are links: an address that is still being probed for
			// duplicates delays the first connections by seconds.
			Sysctl(t, "ipv6/conf/default/accept_dad", "0")
			Sysctl(t, "ipv6/conf/default/dad_transmits", "0")
		})
	}
	link(t, "rc", client, "c0", 1)
	link(t, "rs", server, "s0", 2)
	Sysctl(t, "ipv4/ip_forward", "1")
	Sysctl(t, "ipv6/conf/all/forwarding", "1")
	return client, server
}

// link connects the test's namespace, which gets the address 1 of network n, with
// another, which gets 2 and its default routes.
func link(t testing.TB, here string, other *Namespace, there string, n int) {
	t.Helper()
	Run(t, "ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), other.fd))
	t.Cleanup(func() { exec.Command("ip", "link", "del", here).Run() }) // unless the test has done so
	const addresses = "ip link set %s up; ip addr add 10.77.%d.%d/24 dev %[1]s; ip addr add fd77:%[2]d::%[3]d/64 dev %[1]s nodad"
	impatient(t, here)
	Shell(t, fmt.Sprintf(addresses, here, n, 1))
	other.Do(func() {
		impatient(t, there)
		Shell(t, fmt.Sprintf(addresses, there, n, 2))
		Shell(t, fmt.Sprintf("ip route add default via 10.77.%d.1; ip route add default via fd77:%[1]d::1", n))
	})
}

// impatient has a link ask for its neighbours soon and for long. The kernel may take a
// second to notice that the other end is up, and until then nobody there listens.
func impatient(t testing.TB, link string) {
	t.Helper()
	Sysctl(t, "ipv6/neigh/"+link+"/retrans_time_ms", "10")
	Sysctl(t, "ipv6/neigh/"+link+"/mcast_solicit", "300")
}

// Sysctl sets a variable below net in the namespace of the test.
func Sysctl(t testing.TB, name, value string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}
