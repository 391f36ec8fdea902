package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/engine/e2e/probe"
)

// process is weir as its users run it: the built binary on a file.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string
	log  *probe.Buffer
	done chan error
}

var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "weir-e2e-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "weir")
	if out, err := exec.Command("go", "build", "-o", path, "weir/cmd/weir").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if built {
		if path, err := binary(); err == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
	}
	os.Exit(code)
}

var built bool

// run starts the binary on a file like that of start, with at most nofile
// descriptors; 0: as many as there may be.
func run(t *testing.T, toml string, nofile int) *process {
	t.Helper()
	built = true
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "weir.toml")
	if err := os.WriteFile(file, []byte("[listeners.edge]\naddress = \"127.0.0.1:0\"\n"+toml), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, log: &probe.Buffer{}, done: make(chan error, 1)}
	p.cmd = exec.Command(path, "run", "-c", file)
	if nofile > 0 {
		p.cmd = exec.Command("sh", "-c", fmt.Sprintf("ulimit -n %d; exec \"$0\" \"$@\"", nofile), path, "run", "-c", file)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	lines := bufio.NewReader(stderr)
	for p.addr == "" {
		line, err := lines.ReadString('\n')
		p.log.Write([]byte(line))
		if err != nil {
			t.Fatalf("weir did not start: %v\n%s", err, p.log)
		}
		var entry struct{ Message, Address string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Message == "listening" {
			p.addr = entry.Address
		}
	}
	go func() {
		_, _ = io.Copy(p.log, lines)
		p.done <- p.cmd.Wait()
	}()
	return p
}

// wait returns how the process ended.
func (p *process) wait() error {
	p.t.Helper()
	select {
	case err := <-p.done:
		p.done <- err
		return err
	case <-time.After(deadline):
		p.t.Fatalf("weir does not end\n%s", p.log)
		return nil
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

func (p *process) client() *client {
	p.t.Helper()
	c := dialRaw(p.t, p.addr)
	return &client{c, p.t, bufio.NewReader(c)}
}

// cpu is the processor time the process has used.
func (p *process) cpu() time.Duration {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatalf("the process is gone: %v\n%s", err, p.log)
	}
	// Behind the name, which may hold anything, utime and stime are the 12th and 13th.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	ticks := 0
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			p.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100 on every Linux
}
