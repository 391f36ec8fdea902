package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// Each event reaches the client before the endpoint makes the next one: nothing is
// held back until more comes.
func TestEventsAreNotHeldBack(t *testing.T) {
	for _, framing := range []string{"chunked", "until close", "length"} {
		for _, request := range []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"} {
			t.Run(framing+" "+request[6:14], func(t *testing.T) {
				next := make(chan struct{})
				backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
					if _, err := readHead(r); err != nil {
						return
					}
					head, event := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n", "x\n"
					switch framing {
					case "chunked":
						head, event = head+"Transfer-Encoding: chunked\r\n", "2\r\nx\n\r\n"
					case "length":
						head += "Content-Length: 40\r\n"
					}
					_, _ = io.WriteString(c, head+"\r\n")
					for range next {
						_, _ = io.WriteString(c, event)
					}
					if framing == "chunked" {
						_, _ = io.WriteString(c, "0\r\n\r\n")
					}
				})
				w := start(t, oneCluster(backend))
				c := w.client()
				c.send(request)
				res, err := http.ReadResponse(c.r, nil) // the head alone
				if err != nil {
					t.Fatal(err)
				}
				body := bufio.NewReader(res.Body)
				for i := range 20 {
					next <- struct{}{}
					if line, err := body.ReadString('\n'); err != nil || line != "x\n" {
						t.Fatalf("event %d: %q, %v", i, line, err)
					}
				}
				close(next)
				if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
					t.Errorf("at the end: %q, %v", rest, err)
				}
			})
		}
	}
}

// Each piece of an upload reaches the endpoint before the client sends the next.
func TestUploadIsNotHeldBack(t *testing.T) {
	got := make(chan string)
	backend := httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
		piece := make([]byte, 8)
		for {
			n, err := r.Body.Read(piece)
			if n > 0 {
				got <- string(piece[:n])
			}
			if err != nil {
				return
			}
		}
	})
	w := start(t, oneCluster(backend))
	c := w.client()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	for i := range 10 {
		text := fmt.Sprint("piece", i)
		c.send(fmt.Sprintf("%x\r\n%s\r\n", len(text), text))
		if piece := receive(t, got); piece != text {
			t.Fatalf("%q, want %q", piece, text)
		}
	}
	c.send("0\r\n\r\n")
	c.response("POST")
}

// Extensions and trailers end at weir, in both directions, and leave the body whole.
func TestChunkExtensionsAndTrailersAreDropped(t *testing.T) {
	raw := make(chan string, 1)
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		if _, err := readHead(r); err != nil {
			return
		}
		var body string
		for line := ""; line != "0\r\n"; body += line {
			var err error
			if line, err = r.ReadString('\n'); err != nil {
				return
			}
		}
		end, _ := r.ReadString('\n')
		raw <- body + end
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n3;q=\"a;b\"\r\nabc\r\n0;z\r\nT: secret\r\n\r\n")
	})
	w := start(t, oneCluster(backend))
	c := w.client()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Admin: yes\r\n\r\n")
	if got := receive(t, raw); got != "3\r\nabc\r\n0\r\n\r\n" {
		t.Errorf("the endpoint saw %q", got)
	}
	res, body := c.response("POST")
	if body != "abc" || len(res.Trailer.Get("T")) > 0 {
		t.Errorf("%q, trailer %v", body, res.Trailer)
	}
}
