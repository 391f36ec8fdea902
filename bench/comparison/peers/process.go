package peers

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	startWithin = 15 * time.Second
	stopWithin  = 3 * time.Second // then it is killed
	pollEvery   = 20 * time.Millisecond
	mostLog     = 2000 // bytes of a log that go into a message
)

// Process is a running program with a process group of its own, so that its workers
// end with it, and Ctrl-C reaches this program alone.
type Process struct {
	Name string
	Addr string // host:port it listens on
	PID  int

	base  string // URL without a path
	log   string
	ended chan struct{} // closed when the first process has ended
	stop  sync.Once
}

// Start writes the configuration of s, starts it, and returns when a request through
// it to the backend is answered. What it starts that does not get so far is stopped,
// and the error has the end of its log.
func Start(ctx context.Context, s Spec) (*Process, error) {
	if err := s.render(); err != nil {
		return nil, err
	}
	args, err := s.expandAll(s.Peer.run)
	if err != nil {
		return nil, err
	}
	env, err := s.expandAll(s.Peer.env)
	if err != nil {
		return nil, err
	}
	scheme := "http"
	if s.TLS != Plain {
		scheme = "https"
	}
	return launch(ctx, s.Place, s.Peer.Name, scheme+"://"+s.Listen, s.Dir, env, s.binary(), args...)
}

// StartBackend starts weir's echo server and waits for it as Start does.
func StartBackend(ctx context.Context, place Place, weir, dir, listen string) (*Process, error) {
	return launch(ctx, place, "backend", "http://"+listen, dir, nil, weir, "bench", "serve", "--address", listen)
}

// launch starts what answers at base, a URL without a path.
func launch(ctx context.Context, place Place, name, base, dir string, env []string, binary string, args ...string) (*Process, error) {
	_, addr, _ := strings.Cut(base, "://")
	p := &Process{Name: name, Addr: addr, base: base, log: filepath.Join(dir, name+".log"), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, dir
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	if err := place.StartAt(cmd); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p.PID = cmd.Process.Pid
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // that it ended says enough; the log says why
	}()
	if err := p.ready(ctx); err != nil {
		p.Stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%s did not start: %w; its log:\n%s", name, err, p.Log())
	}
	return p, nil
}

// ready waits for the answer to a request.
func (p *Process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	// The certificate is its own and was made a moment ago.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: nil, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := answers(ctx, &client, p.base+"/bytes/1")
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return errors.New("it ended by itself")
		case <-ctx.Done():
			return fmt.Errorf("no answer within %v (%w)", startWithin, err)
		case <-tick.C:
		}
	}
}

func answers(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 2))
	if err == nil && (res.StatusCode != http.StatusOK || len(body) != 1) {
		err = fmt.Errorf("status %d, body %q", res.StatusCode, body)
	}
	return err
}

// Log is the end of what p has written.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return "(empty)"
	}
	return string(b[max(0, len(b)-mostLog):])
}

// Ended reports whether p has ended, by itself or not.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Stop ends p and all of its group, and returns when none is left. It may be called
// more than once.
func (p *Process) Stop() {
	p.stop.Do(func() {
		_ = unix.Kill(-p.PID, unix.SIGTERM)
		if !p.gone(stopWithin) {
			_ = unix.Kill(-p.PID, unix.SIGKILL)
			p.gone(stopWithin)
		}
		<-p.ended
	})
}

// gone reports whether the whole group ends within d. Workers whose master died
// first count until whoever adopted them has waited for them.
func (p *Process) gone(d time.Duration) bool {
	deadline := time.Now().Add(d)
	for unix.Kill(-p.PID, 0) == nil {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(pollEvery)
	}
	return true
}

// StopAll stops all at the same time.
func StopAll(all []*Process) {
	var wg sync.WaitGroup
	for _, p := range all {
		wg.Go(p.Stop)
	}
	wg.Wait()
}

// FreeAddrs are n addresses on loopback whose ports were free a moment ago.
func FreeAddrs(n int) ([]string, error) {
	addrs := make([]string, n)
	for i := range addrs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at the end, so that they differ
		addrs[i] = l.Addr().String()
	}
	return addrs, nil
}

// RaiseFiles raises the descriptor limit as far as it may be, for this process and
// those it starts, and returns it.
func RaiseFiles() (int, error) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return 0, err
	}
	lim.Cur = lim.Max
	// Even when it is there already: Go raises its own limit quietly, and gives the
	// old one to children unless the program sets it.
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return 0, err
	}
	return int(min(lim.Cur, 1<<30)), nil
}
