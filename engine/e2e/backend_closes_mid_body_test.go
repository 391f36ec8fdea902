package e2e

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"weir/engine/fault"
)

// A response that its endpoint leaves unfinished is unfinished for the client too:
// by the length it was told, by the missing last chunk, or, where only the end of
// the connection would tell, by a reset.
func TestTruncationIsVisibleToTheClient(t *testing.T) {
	tests := []struct {
		name, request, answer string
		wantReset             bool
	}{
		{"length", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", false},
		{"length and no byte", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", false},
		{"chunked", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", false},
		{"inside a chunk", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", false},
		{"inside the trailer", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", false},
		{"malformed chunk", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", false},
		{"chunked to an old client", "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
				if _, err := readHead(r); err == nil {
					_, _ = io.WriteString(c, tt.answer)
				}
			})
			w := start(t, oneCluster(backend))
			c := w.client()
			c.send(tt.request)
			res, err := http.ReadResponse(c.r, nil)
			if tt.wantReset {
				// The reset may overtake what was sent before it.
				if err == nil {
					_, err = io.ReadAll(res.Body)
				}
				if !isReset(err) {
					t.Errorf("the client saw %v, not a reset", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(res.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("the client took %q for the whole: %v", body, err)
			}
			want := fault.ResponseTruncated
			if tt.name == "malformed chunk" {
				want = fault.MalformedResponse
			}
			w.requireFault(want, 1)
		})
	}
}

// A reset is the end of no response, not even of one that ends with its connection.
func TestResetIsNotTheEndOfAResponse(t *testing.T) {
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		if _, err := readHead(r); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nabc")
			_, _ = r.ReadByte() // until the client has what was sent
			reset(c)
		}
	})
	for _, request := range []string{"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"} {
		w := start(t, oneCluster(backend))
		c := w.client()
		c.send(request)
		res, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(res.Body, make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
		c.send("x")
		if n, err := res.Body.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: the client took it for the whole: %v", request, err)
		}
		w.stop()
	}
}

// The end of the connection is the end of a response without a length.
func TestResponseUntilCloseIsWhole(t *testing.T) {
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		if _, err := readHead(r); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\nabc")
		}
	})
	w := start(t, oneCluster(backend))
	c := w.client()
	for range 2 { // the client's connection is not the endpoint's
		if res, body := c.get("/"); body != "abc" || res.Close {
			t.Errorf("%s %q", res.Status, body)
		}
	}
}
