package e2e

import (
	"bufio"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) eventually(what string, ok func() bool) {
	p.t.Helper()
	if !poll(ok) {
		p.t.Fatalf("not in time: %s\n%s", what, p.log)
	}
}

// refuses reports whether nobody listens any more.
func (p *process) refuses() bool {
	c, err := net.DialTimeout("tcp", p.addr, time.Second)
	if err == nil {
		_ = c.Close()
	}
	return err != nil
}

func TestSIGTERMFinishesExchangesAndExitsWithZero(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			arrived, release := make(chan struct{}), make(chan struct{})
			backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
				for readRequest(r) == nil {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
					close(arrived)
					<-release
					_, _ = io.WriteString(c, "def")
				}
			})
			p := run(t, oneCluster(backend), 0)
			idle, busy := p.client(), p.client()
			busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			receive(t, arrived)
			p.signal(s)
			idle.requireEnd()
			p.eventually("new connections are refused", p.refuses)
			close(release)
			if res, body := busy.response("GET"); res.StatusCode != 200 || body != "abcdef" {
				t.Errorf("%s %q", res.Status, body)
			}
			busy.requireEnd()
			if err := p.wait(); err != nil {
				t.Errorf("%v\n%s", err, p.log)
			}
		})
	}
}

// A request that comes after the signal, on a connection that was busy, is refused
// by the end of that connection; one whose head is under way is still answered.
func TestSIGTERMAnswersARequestThatHasBegun(t *testing.T) {
	p := run(t, oneCluster(answering(t, ok("answered"))), 0)
	c := p.client()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n")
	p.client().get("/") // the loop has had its time with c too, give or take: it is asked again on drain
	p.signal(syscall.SIGTERM)
	p.eventually("new connections are refused", p.refuses)
	c.send("\r\n")
	if res, body := c.response("GET"); res.StatusCode != 200 || body != "answered" || !res.Close {
		t.Errorf("%s %q, close %v", res.Status, body, res.Close)
	}
	c.requireEnd()
	if err := p.wait(); err != nil {
		t.Error(err)
	}
}

func TestDrainTimeoutCutsWhatIsLeft(t *testing.T) {
	backend, _ := held(t, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
	p := run(t, "[engine]\ndrain_timeout = \"50ms\"\n"+oneCluster(backend), 0)
	c := p.client()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := c.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	if err := p.wait(); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(c.r); !isReset(err) {
		t.Errorf("the client saw %v, not a cut", err)
	}
	if !strings.Contains(p.log.String(), "drain timeout") {
		t.Errorf("the log does not tell:\n%s", p.log)
	}
}

// A second signal does not wait.
func TestSecondSignalStopsAtOnce(t *testing.T) {
	backend, _ := held(t, "")
	p := run(t, "[engine]\ndrain_timeout = \"1h\"\n"+oneCluster(backend), 0)
	c := p.client()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	p.client().requireServed()
	p.signal(syscall.SIGTERM)
	p.eventually("new connections are refused", p.refuses)
	p.signal(syscall.SIGTERM)
	if err := p.wait(); err != nil {
		t.Error(err)
	}
}

// requireServed makes sure that weir runs: it answers an empty line of garbage.
func (c *client) requireServed() {
	c.t.Helper()
	c.send("\x00")
	c.requireRefusal(400, "malformed_request")
}
