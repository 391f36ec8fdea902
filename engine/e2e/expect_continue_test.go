package e2e

import (
	"bufio"
	"io"
	"net"
	"testing"
)

const expecting = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"

// The expectation is the endpoint's to meet: its 100 lets the client send.
func TestContinueIsPassedOn(t *testing.T) {
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		for {
			head, err := readHead(r)
			if err != nil {
				return
			}
			if field(head, "Expect") != "100-continue" || r.Buffered() > 0 {
				_, _ = io.WriteString(c, ok("no expectation"))
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
			body := make([]byte, 3)
			if _, err := io.ReadFull(r, body); err != nil {
				return
			}
			_, _ = io.WriteString(c, ok(string(body)))
		}
	})
	w := start(t, oneCluster(backend))
	c := w.client()
	for range 2 {
		c.send(expecting)
		if res, _ := c.response("POST"); res.StatusCode != 100 {
			t.Fatalf("%s", res.Status)
		}
		c.send("abc")
		if res, body := c.response("POST"); res.StatusCode != 200 || body != "abc" {
			t.Fatalf("%s %q", res.Status, body)
		}
	}
}

// An endpoint may refuse before it has seen the body. The client may then send it
// or not; the connection cannot be used again, since nobody knows which.
func TestRefusalInsteadOfContinue(t *testing.T) {
	for _, status := range []string{"417 Expectation Failed", "401 Unauthorized"} {
		t.Run(status, func(t *testing.T) {
			w := start(t, oneCluster(scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
				if _, err := readHead(r); err == nil {
					_, _ = io.WriteString(c, "HTTP/1.1 "+status+"\r\nContent-Length: 2\r\n\r\nno")
					_, _ = io.Copy(io.Discard, r)
				}
			})))
			c := w.client()
			c.send(expecting)
			if res, body := c.response("POST"); res.Status != status || body != "no" || !res.Close {
				t.Errorf("%s %q, close %v", res.Status, body, res.Close)
			}
			c.requireEnd()
		})
	}
}

// A client that does not wait for the 100 is carried all the same.
func TestBodyWithoutWaitingForContinue(t *testing.T) {
	w := start(t, oneCluster(answering(t, "HTTP/1.1 100 Continue\r\n\r\n"+ok("x"))))
	c := w.client()
	c.send(expecting + "abc")
	res, _ := c.response("POST")
	if res.StatusCode == 100 {
		res, _ = c.response("POST")
	}
	if res.StatusCode != 200 {
		t.Errorf("%s", res.Status)
	}
}

func TestEarlyHintsArePassedOn(t *testing.T) {
	hints := "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x\r\nX: hop\r\n\r\n"
	w := start(t, oneCluster(answering(t, hints+hints+ok("x"))))
	c := w.client()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	for range 2 {
		head, err := readHead(c.r)
		if err != nil {
			t.Fatal(err)
		}
		if want := "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"; head != want {
			t.Errorf("%q, want %q", head, want)
		}
	}
	if res, body := c.response("GET"); res.StatusCode != 200 || body != "x" {
		t.Errorf("%s %q", res.Status, body)
	}
}
