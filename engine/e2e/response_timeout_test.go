package e2e

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"weir/engine/fault"
)

// held is a backend that sends text after the request head and then holds its
// peace until the connection ends; how it ended goes to the channel.
func held(t *testing.T, text string) (addr string, ended chan error) {
	t.Helper()
	ended = make(chan error, 16)
	return scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		if _, err := readHead(r); err != nil {
			return
		}
		if text != "" { // an empty write would take a reset for itself
			_, _ = io.WriteString(c, text)
		}
		_, err := io.Copy(io.Discard, r)
		ended <- err
	}), ended
}

func TestResponseTimeoutIs504(t *testing.T) {
	for name, text := range map[string]string{
		"silence":         "",
		"half a head":     "HTTP/1.1 200 OK\r\nContent-",
		"early hints":     "HTTP/1.1 103 Early Hints\r\n\r\n",
		"a 100 unaskedly": "HTTP/1.1 100 Continue\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			backend, ended := held(t, text)
			w := start(t, oneCluster(backend, `timeouts = { response = "60ms" }`))
			c := w.client()
			c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			res, _ := c.response("GET")
			for res.StatusCode < 200 {
				res, _ = c.response("GET")
			}
			if res.StatusCode != 504 || res.Header.Get("Weir-Error") != "response_timeout" || res.Close {
				t.Errorf("%s, %v", res.Status, res.Header)
			}
			if err := receive(t, ended); !isReset(err) {
				t.Errorf("the endpoint was not told: %v", err)
			}
		})
	}
}

// A response that has begun cannot become an error; its client sees a cut.
func TestResponseIdleCutsTheClient(t *testing.T) {
	for name, head := range map[string]string{
		"length":      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
		"chunked":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"until close": "HTTP/1.1 200 OK\r\n\r\nabc",
	} {
		t.Run(name, func(t *testing.T) {
			backend, ended := held(t, head)
			w := start(t, oneCluster(backend, `timeouts = { response_idle = "60ms" }`))
			c := w.client()
			c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			if _, err := io.ReadAll(c.r); !isReset(err) {
				t.Errorf("the client saw %v, not a cut", err)
			}
			if err := receive(t, ended); !isReset(err) {
				t.Errorf("the endpoint was not told: %v", err)
			}
			w.requireFault(fault.ResponseIdle, 1)
		})
	}
}

// A response that dribbles is alive however long it takes in all.
func TestDribblingResponseIsNotIdle(t *testing.T) {
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		if _, err := readHead(r); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
		for range 20 {
			time.Sleep(10 * time.Millisecond)
			_, _ = io.WriteString(c, "x")
		}
	})
	w := start(t, oneCluster(backend, `timeouts = { response_idle = "100ms", response = "100ms" }`))
	if _, body := w.get("/"); len(body) != 20 {
		t.Errorf("%q", body)
	}
}
