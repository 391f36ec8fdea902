package tlsconn

import (
	"bytes"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// session is openssl s_client at a server of ours: what it is told by its standard input
// it sends.
type session struct {
	t      *testing.T
	stdin  io.WriteCloser
	server *end
	socket net.Conn
	output *bytes.Buffer // read it when openssl has ended
	cmd    *exec.Cmd

	received int
}

func openssl(t *testing.T, arguments ...string) *session {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl here")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	s := &session{t: t, output: &bytes.Buffer{}}
	s.cmd = exec.Command(path, append([]string{"s_client", "-connect", ln.Addr().String()}, arguments...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
	_ = ln.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Second))
	if s.socket, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	_ = s.socket.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { _ = s.socket.Close() })
	cfg, _ := configs()
	s.server = &end{c: Server(cfg)}
	t.Cleanup(s.server.c.Abort)
	return s
}

// until serves until ok.
func (s *session) until(what string, ok func() bool) {
	s.t.Helper()
	b := make([]byte, 4096)
	for !ok() {
		n, err := s.socket.Read(b)
		if err != nil {
			s.t.Fatalf("%s: %v; %q, %v", what, err, s.server.plain, s.server.err)
		}
		s.received += n
		s.server.feed(b[:n])
		if _, err := s.socket.Write(s.server.take()); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *session) say(line string) {
	s.t.Helper()
	if _, err := io.WriteString(s.stdin, line+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

// finish has openssl end, and gives all it has printed.
func (s *session) finish() string {
	s.t.Helper()
	_ = s.socket.(*net.TCPConn).CloseWrite()
	_ = s.stdin.Close()
	_, _ = io.Copy(io.Discard, s.socket)
	_ = s.cmd.Wait()
	return s.output.String()
}

func TestKeyUpdatesOfOpenSSL(t *testing.T) {
	s := openssl(t, "-tls1_3")
	s.until("the handshake", func() bool { return s.server.opened })
	var want string
	for _, line := range []string{"before", "K", "after K", "k", "after k"} {
		s.say(line)
		if len(line) > 1 {
			want += line + "\n"
		}
		// openssl takes a command only at the beginning of what it reads.
		before := s.received
		s.until(line, func() bool { return s.received > before && string(s.server.plain) == want })
	}
	s.server.seal(t, []byte("answer under new keys\n"))
	if err := s.server.c.CloseWrite(s.server); err != nil {
		t.Fatal(err)
	}
	if _, err := s.socket.Write(s.server.take()); err != nil {
		t.Fatal(err)
	}
	if out := s.finish(); !strings.Contains(out, "answer under new keys") || !strings.Contains(out, "KEYUPDATE") {
		t.Errorf("openssl prints %s", out)
	}
}

// Renegotiation is refused: it is a fatal alert, not a second handshake on the loop.
func TestRenegotiationOfOpenSSLIsFatal(t *testing.T) {
	s := openssl(t, "-tls1_2")
	s.until("the handshake", func() bool { return s.server.opened })
	s.say("before")
	s.until("data", func() bool { return string(s.server.plain) == "before\n" })
	s.say("R")
	s.until("the refusal", func() bool { return s.server.err != nil })
	if IsCloseNotify(s.server.err) {
		t.Error(s.server.err)
	}
	if out := s.finish(); !strings.Contains(out, "alert") {
		t.Errorf("openssl prints %s", out)
	}
}
