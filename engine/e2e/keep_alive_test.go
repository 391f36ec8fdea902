package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestConnectionIsClosedWhenTheClientAsks(t *testing.T) {
	w := start(t, oneCluster(answering(t, ok("x"))))
	c := w.client()
	c.get("/")
	c.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if res, body := c.response("GET"); !res.Close || body != "x" {
		t.Errorf("close %v, %q", res.Close, body)
	}
	c.requireEnd()
}

// That the endpoint closes is its own affair.
func TestBackendCloseDoesNotCloseTheClient(t *testing.T) {
	w := start(t, oneCluster(answering(t, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx")))
	c := w.client()
	for range 3 {
		if res, _ := c.get("/"); res.Close {
			t.Error("close")
		}
	}
	if s := w.stats(); s.Dialled != 3 || s.Reused != 0 {
		t.Errorf("dialled %d, reused %d; want 3, 0", s.Dialled, s.Reused)
	}
}

const mixedRoutes = "[[routes]]\nprefix = \"/local\"\nrespond = { body = \"local\" }\n" +
	"[[routes]]\nprefix = \"/moved\"\nredirect = { to = \"/x\" }\n"

// Pipelined requests are answered in order, whoever answers them, also when they
// come in one write, or byte by byte.
func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	backend := httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(rw, "%s %s", r.URL.Path, body)
	})
	var all strings.Builder
	var want []string
	for i := range 100 {
		switch i % 5 {
		case 0:
			fmt.Fprintf(&all, "GET /proxied/%d HTTP/1.1\r\nHost: a\r\n\r\n", i)
			want = append(want, fmt.Sprintf("200 /proxied/%d ", i))
		case 1:
			all.WriteString("GET /local HTTP/1.1\r\nHost: a\r\n\r\n")
			want = append(want, "200 local")
		case 2:
			fmt.Fprintf(&all, "POST /chunked/%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: u\r\n\r\n", i)
			want = append(want, fmt.Sprintf("200 /chunked/%d abcd", i))
		case 3:
			all.WriteString("GET /moved HTTP/1.1\r\nHost: a\r\n\r\n")
			want = append(want, "308 ")
		case 4:
			fmt.Fprintf(&all, "POST /length/%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nefg", i)
			want = append(want, fmt.Sprintf("200 /length/%d efg", i))
		}
	}
	w := start(t, oneCluster(backend)+mixedRoutes)
	for name, size := range map[string]int{"one write": all.Len(), "one byte a segment": 1, "seven bytes a segment": 7} {
		t.Run(name, func(t *testing.T) {
			c := w.client()
			c.t = t
			go func() {
				for text := all.String(); len(text) > 0; {
					n := min(size, len(text))
					if _, err := io.WriteString(c, text[:n]); err != nil {
						t.Errorf("write: %v", err)
						return
					}
					text = text[n:]
				}
			}()
			for i, want := range want {
				res, body := c.response("GET")
				if got := fmt.Sprint(res.StatusCode, " ", body); got != want {
					t.Fatalf("answer %d is %q, want %q", i, got, want)
				}
			}
		})
	}
}

// More local answers than a turn allows, of a client that reads none until the end.
func TestManyPipelinedLocalAnswers(t *testing.T) {
	w := start(t, "[[routes]]\nrespond = { body = \"local\" }\n")
	c := w.client()
	c.send(strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 2000))
	for range 2000 {
		if _, body := c.response("GET"); body != "local" {
			t.Fatalf("%q", body)
		}
	}
}

// A local answer to a request with a body: the next request begins behind it, or
// the connection ends.
func TestLocalAnswerToARequestWithABody(t *testing.T) {
	w := start(t, "[[routes]]\nrespond = { body = \"local\" }\n")
	c := w.client()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 44\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\nX: 1234567\r\n\r\n")
	if res, body := c.response("POST"); res.StatusCode != 200 || body != "local" || !res.Close {
		t.Errorf("%s %q, close %v", res.Status, body, res.Close)
	}
	c.requireEnd()
	if s := w.stats(); s.Exchanges != 1 {
		t.Errorf("%d exchanges", s.Exchanges)
	}
}

// A client may end its direction behind the last of its pipelined requests; those
// that waited are all answered, for that is what it stays for.
func TestPipelineWithAHalfCloseIsAnswered(t *testing.T) {
	w := start(t, oneCluster(answering(t, ok("proxied")))+mixedRoutes)
	c := w.client()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET /local HTTP/1.1\r\nHost: a\r\n\r\n")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"proxied", "proxied", "local"} {
		if _, body := c.response("GET"); body != want {
			t.Errorf("%q, want %q", body, want)
		}
	}
	c.requireEnd()
}
