package peers

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is a stand-in for what is started: see TestMain.
const role = "PEERS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "fails":
		os.Stderr.WriteString("line one\nthe port is taken by a troll\n")
		os.Exit(3)
	case "silent": // runs, listens on nothing, and is deaf to SIGTERM
		signal.Ignore(unix.SIGTERM)
		os.Stderr.WriteString("nobody will hear me\n")
		time.Sleep(time.Minute)
	}
}

// standIn starts the test binary in a role.
func standIn(ctx context.Context, t *testing.T, r string) (*Process, error) {
	t.Helper()
	addrs, err := FreeAddrs(1)
	if err != nil {
		t.Fatal(err)
	}
	return launch(ctx, Place{}, r, "http://"+addrs[0], t.TempDir(), []string{role + "=" + r}, os.Args[0])
}

func TestStartReportsTheLogOfWhatEnds(t *testing.T) {
	p, err := standIn(t.Context(), t, "fails")
	if err == nil || p != nil || !strings.Contains(err.Error(), "ended by itself") || !strings.Contains(err.Error(), "a troll") {
		t.Errorf("%v, %v", p, err)
	}
}

func TestStartReportsWhatIsNotThere(t *testing.T) {
	_, err := launch(t.Context(), Place{}, "x", "http://127.0.0.1:1", t.TempDir(), nil, filepath.Join(t.TempDir(), "none"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// A start that is cancelled leaves nothing, even of what does not want to go.
func TestCancelledStartLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		time.Sleep(50 * time.Millisecond) // anywhere in the wait for it will do
		cancel()
	}()
	if _, err := standIn(ctx, t, "silent"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	requireNoChildren(t)
}

// requireNoChildren: every process this one has started has ended and was waited
// for. Orphans of a group would be children of another; see requireGone.
func requireNoChildren(t *testing.T) {
	t.Helper()
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); !errors.Is(err, unix.ECHILD) {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
}

// requireGone: no process of the group, and nothing listens.
func requireGone(t *testing.T, p *Process) {
	t.Helper()
	if err := unix.Kill(-p.PID, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("%s: processes of its group are left: %v", p.Name, err)
	}
	if c, err := net.Dial("tcp", p.Addr); err == nil {
		c.Close()
		t.Errorf("%s: something still listens on %s", p.Name, p.Addr)
	}
}

// What is installed starts, answers, and leaves nothing when it is stopped.
func TestStartAndStop(t *testing.T) {
	weir := buildWeir(t)
	addrs, err := FreeAddrs(8)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := StartBackend(t.Context(), Place{}, weir, t.TempDir(), addrs[7])
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Stop()
	usable, _ := Usable(All)
	running := []*Process{}
	for i, p := range usable {
		if p.config == "" {
			continue // it is the program itself; its tests start it
		}
		process, err := Start(t.Context(), Spec{
			Peer: p, Weir: weir, Dir: t.TempDir(), Listen: addrs[i], Backend: backend.Addr, Workers: 2, Files: 4096,
		})
		if err != nil {
			t.Error(err)
			continue
		}
		running = append(running, process)
	}
	StopAll(running)
	backend.Stop()
	for _, p := range append(running, backend) {
		requireGone(t, p)
		p.Stop() // again, to no effect
	}
	requireNoChildren(t)
}

// A peer whose backend is gone never answers with what was asked for.
func TestStartNeedsAnAnswerFromTheBackend(t *testing.T) {
	weir := buildWeir(t)
	addrs, err := FreeAddrs(2)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	p, err := Start(ctx, Spec{Peer: Find(Weir), Weir: weir, Dir: t.TempDir(), Listen: addrs[0], Backend: addrs[1], Workers: 1, Files: 1024})
	if err == nil {
		p.Stop()
		t.Error("it counts as started")
	}
	requireNoChildren(t)
}

func TestFreeAddrsDiffer(t *testing.T) {
	addrs, err := FreeAddrs(20)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, a := range addrs {
		if seen[a] || !strings.HasPrefix(a, "127.0.0.1:") {
			t.Errorf("%s among %v", a, addrs)
		}
		seen[a] = true
	}
}

// What ends TLS does so with the key that was asked for, and with X25519.
func TestStartWithTLS(t *testing.T) {
	weir := buildWeir(t)
	addrs, err := FreeAddrs(1)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := StartBackend(t.Context(), Place{}, weir, t.TempDir(), addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Stop()
	usable, _ := Usable(All)
	for _, p := range usable {
		if !p.Secure() {
			continue
		}
		for _, kind := range []TLS{ECDSA, RSA} {
			addrs, err := FreeAddrs(1)
			if err != nil {
				t.Fatal(err)
			}
			process, err := Start(t.Context(), Spec{
				Peer: p, Weir: weir, Dir: t.TempDir(), Listen: addrs[0], Backend: backend.Addr, Workers: 1, Files: 4096, TLS: kind,
			})
			if err != nil {
				t.Error(err)
				continue
			}
			c, err := tls.Dial("tcp", process.Addr, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Error(p.Name, err)
			} else {
				s := c.ConnectionState()
				if _, ok := s.PeerCertificates[0].PublicKey.(*rsa.PublicKey); ok != (kind == RSA) || s.Version != tls.VersionTLS13 || s.CurveID != tls.X25519 {
					t.Errorf("%s: %s, %v, %T", p.Name, tls.VersionName(s.Version), s.CurveID, s.PeerCertificates[0].PublicKey)
				}
				c.Close()
			}
			process.Stop()
			requireGone(t, process)
		}
	}
	if err := (&Spec{Peer: Find(Gnet), TLS: RSA, Dir: t.TempDir()}).render(); err == nil {
		t.Error("a relay ends TLS")
	}
}
