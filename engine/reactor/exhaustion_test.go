package reactor

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const exhaustionChild = "WEIR_TEST_EXHAUSTION"

type exhaustion struct {
	accepted, errors, shed int
	cpu, sinceFirst        time.Duration
}

// With its descriptor table full a listener sheds, backs off without spinning, and
// accepts again when descriptors are free. It runs in a process of its own, whose
// table is small; the clients are here.
func TestFullDescriptorTable(t *testing.T) {
	if os.Getenv(exhaustionChild) != "" {
		exhausted(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFullDescriptorTable$")
	cmd.Env = append(os.Environ(), exhaustionChild+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = cmd.Wait() }()
	lines := bufio.NewScanner(out)
	ask := func(what string) string {
		if _, err := fmt.Fprintln(in, what); err != nil || !lines.Scan() {
			t.Fatalf("the child is gone: %v", err)
		}
		return lines.Text()
	}
	stats := func() (s exhaustion) {
		line := ask("stats")
		if _, err := fmt.Sscan(line, &s.accepted, &s.errors, &s.shed, (*int64)(&s.cpu), (*int64)(&s.sinceFirst)); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		return s
	}

	at := netip.MustParseAddrPort(ask("address"))
	const clients = 200
	for range clients {
		connectTCP(t, at)
	}
	// Each error is followed by a wait twice as long: 5, 10, 20, ... ms.
	const errors = 8
	var s exhaustion
	eventually(t, "eight failures", func() bool { s = stats(); return s.errors >= errors })
	if least := (1<<(errors-1) - 1) * time.Duration(backoffMin); s.sinceFirst < least {
		t.Errorf("%d failures within %v: that is no back-off, it takes %v", s.errors, s.sinceFirst, least)
	}
	if s.shed == 0 || s.shed > s.errors {
		t.Errorf("%d shed, %d failures", s.shed, s.errors)
	}
	if s.cpu > s.sinceFirst/2 {
		t.Errorf("%v of CPU in %v of waiting: the loop spins", s.cpu, s.sinceFirst)
	}
	full := s.accepted
	if full == 0 || full >= clients {
		t.Fatalf("%d of %d accepted", full, clients)
	}
	ask("free")
	eventually(t, "accepts resume", func() bool { return stats().accepted > full })
}

// exhausted is the child: it serves one listener and answers questions.
func exhausted(t *testing.T) {
	l, _ := openLoop(t)
	fd, at := listenTCP(t, loopback)
	limit := unix.Rlimit{Cur: 64, Max: 64}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var held []int
	var first time.Time
	var cpu time.Duration
	a := &taker{onAccept: func(fd int) { held = append(held, fd) }}
	told := &firstError{taker: a, first: func() { first, cpu = time.Now(), cpuTime() }}
	ln := listen(t, l, fd, told)
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Run() }()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch strings.TrimSpace(in.Text()) {
		case "address":
			fmt.Println(at)
		case "stats":
			on(t, l, func() {
				fmt.Println(a.accepted.Load(), a.errors.Load(), a.shed.Load(), int64(cpuTime()-cpu), int64(time.Since(first)))
			})
		case "free":
			on(t, l, func() {
				for _, fd := range held {
					closeFD(fd)
				}
				held = nil
			})
			fmt.Println("ok")
		}
	}
	on(t, l, ln.Close)
	_ = l.Stop()
	<-done
}

// firstError tells when the first failure came.
type firstError struct {
	*taker
	first func()
}

func (f *firstError) OnAcceptError(errno syscall.Errno, shed bool) {
	if f.errors.Load() == 0 {
		f.first()
	}
	f.taker.OnAcceptError(errno, shed)
}

func cpuTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// With a full table accept fails even if nobody waits. Nobody was refused then.
func TestFullTableWithoutAClientIsNoFailure(t *testing.T) {
	l, _ := openLoop(t)
	fd, _ := listenTCP(t, loopback)
	a := &taker{}
	ln := listen(t, l, fd, a)
	defer ln.Close()
	ln.failed(unix.EMFILE)
	if a.errors.Load() != 0 || ln.waiting || ln.reserve < 0 {
		t.Errorf("%d failures told, waiting %v, reserve %d", a.errors.Load(), ln.waiting, ln.reserve)
	}
}
