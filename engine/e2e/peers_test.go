package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/engine/e2e/probe"
)

// client is a raw connection to weir with a reader of responses.
type client struct {
	*net.TCPConn
	t *testing.T
	r *bufio.Reader
}

func (w *weir) client() *client {
	w.t.Helper()
	c := w.dial()
	return &client{c, w.t, bufio.NewReader(c)}
}

// send writes text as it is.
func (c *client) send(text string) {
	c.t.Helper()
	sendTo(c.t, c, text)
}

func sendTo(t *testing.T, c io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// response reads one response, the answer to method, with its body.
func (c *client) response(method string) (*http.Response, string) {
	c.t.Helper()
	return responseFrom(c.t, c.r, method)
}

func responseFrom(t *testing.T, r *bufio.Reader, method string) (*http.Response, string) {
	t.Helper()
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no response: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s, then body %.80q and %v", res.Status, body, err)
	}
	return res, string(body)
}

// get makes one GET on the connection.
func (c *client) get(path string) (*http.Response, string) {
	c.t.Helper()
	c.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
	return c.response("GET")
}

// requireEnd demands that the connection ends with a FIN and without a byte more.
func (c *client) requireEnd() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.t.Errorf("instead of an end: %q, %v", rest, err)
	}
}

// requireRefusal demands a whole error response of weir's own, and then the end.
func (c *client) requireRefusal(status int, fault string) {
	c.t.Helper()
	res, body := c.response("GET")
	if res.StatusCode != status || res.Header.Get("Weir-Error") != fault {
		c.t.Errorf("got %s, Weir-Error %q; want %d, %q", res.Status, res.Header.Get("Weir-Error"), status, fault)
	}
	if !res.Close {
		c.t.Errorf("no Connection: close with %s", res.Status)
	}
	if body == "" {
		c.t.Errorf("%s has no body", res.Status)
	}
	c.requireEnd()
}

// scripted is a backend that plays serve on every connection.
func scripted(t *testing.T, serve func(c *net.TCPConn, r *bufio.Reader)) string {
	t.Helper()
	return rawBackend(t, func(c *net.TCPConn) { serve(c, bufio.NewReader(c)) })
}

// answering is a backend that reads requests to their end and gives each the same
// answer, byte for byte.
func answering(t *testing.T, answer string) string {
	t.Helper()
	return scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		for readRequest(r) == nil {
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	})
}

// readRequest reads one request with its body, and drops it.
func readRequest(r *bufio.Reader) error {
	req, err := http.ReadRequest(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err
}

// ok is a response that carries text.
func ok(text string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

// untouched is a backend that nothing may reach; the function gives how many
// connections it has seen.
func untouched(t *testing.T) (addr string, seen func() int64) {
	t.Helper()
	var n atomic.Int64
	return rawBackend(t, func(*net.TCPConn) { n.Add(1) }), n.Load
}

// heard is a backend that hands over the head of every request as it came, and
// answers 200.
func heard(t *testing.T) (addr string, heads chan string) {
	t.Helper()
	heads = make(chan string, 64)
	return scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		for {
			head, err := readHead(r)
			if err != nil {
				return
			}
			heads <- head
			if _, err := io.WriteString(c, ok("heard")); err != nil {
				return
			}
		}
	}), heads
}

// receive takes a value that a peer was to send.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(deadline):
		t.Fatalf("nothing came; %s", probe.Stacks())
		panic("unreachable")
	}
}

// field gives all values of a field in a head, joined by "|"; "-": not there.
func field(head, name string) string {
	var values []string
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, found := strings.Cut(line, ":"); found && strings.EqualFold(n, name) {
			values = append(values, strings.TrimSpace(v))
		}
	}
	if values == nil {
		return "-"
	}
	return strings.Join(values, "|")
}

// deadAddr is an address that refuses connections.
func deadAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// reset closes a connection with RST.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// bodyOf reads one request and returns its body.
func bodyOf(r *bufio.Reader) (string, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(req.Body)
	return string(body), err
}
