package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// An endpoint may answer before it has read the request, and then not read on. The
// client gets the answer, whole, although it is still sending.
func TestAnswerBeforeTheUploadEnds(t *testing.T) {
	tests := []struct {
		name  string
		after func(c *net.TCPConn, r *bufio.Reader)
	}{
		{"and reads on", func(_ *net.TCPConn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) }},
		{"and closes", func(*net.TCPConn, *bufio.Reader) {}},
		{"and half-closes", func(c *net.TCPConn, r *bufio.Reader) {
			_ = c.CloseWrite()
			_, _ = io.Copy(io.Discard, r)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
				if _, err := readHead(r); err == nil {
					_, _ = io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\n\r\ntoo big")
					tt.after(c, r)
				}
			})
			w := start(t, oneCluster(backend))
			c := w.client()
			c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
			go func() {
				block := make([]byte, 64<<10)
				for {
					if _, err := c.Write(block); err != nil {
						return
					}
				}
			}()
			res, body := c.response("POST")
			if res.StatusCode != 413 || body != "too big" || !res.Close {
				t.Errorf("%s %q, close %v", res.Status, body, res.Close)
			}
			_ = c.Close()
		})
	}
}

// An answer that comes while the request is under way does not end it: both go on.
func TestBothBodiesStreamAtOnce(t *testing.T) {
	backend := httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(rw)
		_ = rc.EnableFullDuplex()
		buf := make([]byte, 1)
		for {
			n, err := r.Body.Read(buf)
			_, _ = rw.Write(buf[:n])
			_ = rc.Flush()
			if err != nil {
				return
			}
		}
	})
	w := start(t, oneCluster(backend))
	c := w.client()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	for i := range 20 {
		if _, err := io.ReadFull(res.Body, one); err != nil || one[0] != byte('a'+i) {
			t.Fatalf("echo %d: %q, %v", i, one, err)
		}
		c.send("1\r\n" + string(rune('a'+i+1)) + "\r\n")
	}
	c.send("0\r\n\r\n")
	if rest, err := io.ReadAll(res.Body); err != nil || len(rest) != 1 {
		t.Errorf("at the end: %q, %v", rest, err)
	}
}
