// Package netnstest runs tests on the real network stack, in network namespaces that
// vanish with them: nothing of the machine is read or changed.
//
//	func TestMain(m *testing.M) { netnstest.ReExec(m) }
//
//	func TestRules(t *testing.T) {
//		netnstest.Require(t, "ip", "nft")
//		netnstest.Enter(t)
//		...
//	}
//
// Where a machine allows no namespaces, or lacks a tool, such tests are skipped and say
// why; with WEIR_REQUIRE_NETNS=1 they fail.
package netnstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// state is set in the process that runs the tests: inside, or why it is not.
const (
	state  = "WEIR_NETNS"
	inside = "inside"
)

// ReExec runs the test binary again in network and mount namespaces of its own, as root
// of a user namespace if the user is not root, and exits. Where that fails the tests run
// outside, and Require skips.
func ReExec(m *testing.M) {
	if where := os.Getenv(state); where != "" {
		if where == inside {
			if err := loUp(); err != nil {
				fmt.Fprintln(os.Stderr, "lo:", err)
			}
		}
		os.Exit(m.Run())
	}
	err := again(inside, namespaces())
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		err = again(fmt.Sprintf("no network namespace: %v", err), nil)
	}
	switch {
	case errors.As(err, &failed):
		os.Exit(max(failed.ExitCode(), 1)) // -1: by a signal
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func again(where string, attr *syscall.SysProcAttr) error {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), state+"="+where)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = attr
	return cmd.Run()
}

func namespaces() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// Require skips the test, or fails it with WEIR_REQUIRE_NETNS=1, unless it may use
// foreign addresses and has the tools. Root needs no ReExec before.
func Require(t testing.TB, tools ...string) {
	t.Helper()
	if where := os.Getenv(state); where != inside && (where != "" || os.Geteuid() != 0) {
		lack(t, "not in a network namespace of its own; %s", where)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1); err != nil {
		lack(t, "no IP_TRANSPARENT: %v", err)
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			lack(t, "%s is not installed", tool)
		}
	}
}

func lack(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("WEIR_REQUIRE_NETNS") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Enter gives the test, its children, and the processes it starts a network namespace
// that is empty but for lo, which is up. Other goroutines stay where they are: sockets
// must be made on the test's own, and names not be resolved.
func Enter(t testing.TB) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the test, and the namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		lack(t, "no network namespace: %v", err)
	}
	if err := loUp(); err != nil {
		t.Fatal(err)
	}
}

// loUp brings up lo, which a new namespace has down.
func loUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// Unprivileged runs f without capabilities. Programs that f starts get those of root
// again, if the user is root.
func Unprivileged(t testing.TB, f func()) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	if err := unix.Capget(&header, &have[0]); err != nil {
		t.Fatal(err)
	}
	none := have
	none[0].Effective, none[1].Effective = 0, 0
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Capset(&header, &have[0]); err != nil {
			t.Error(err) // and the thread ends with the test
		}
	}()
	f()
}

// Run runs a program in the namespace of the test and returns what it printed.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return string(out)
}

// Shell runs lines of sh, of which none may fail.
func Shell(t testing.TB, script string) string {
	t.Helper()
	return Run(t, "sh", "-ec", script)
}
