package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// A large response arrives whole, its bytes are counted, and both connections carry
// the next exchange.
func TestLargeDownload(t *testing.T) {
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", largeBody)
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if req.URL.Path == "/small" {
				_, _ = io.WriteString(c, ok("small"))
				continue
			}
			_, _ = io.WriteString(c, head)
			if _, err := sendRibbon(c, largeBody); err != nil {
				t.Errorf("the endpoint: %v", err)
			}
		}
	})
	w := start(t, oneLoop+oneCluster(backend))
	c := w.client()
	for i, path := range []string{"/first", "/second"} {
		c.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
		res, err := http.ReadResponse(c.r, nil)
		if err != nil || res.ContentLength != largeBody {
			t.Fatal(res, err)
		}
		requireRibbon(t, c.r, largeBody)
		if _, body := c.get("/small"); body != "small" {
			t.Errorf("the next answer is %q", body)
		}
		// Another client gets the endpoint's connection, and nothing left on it.
		if _, body := w.client().get("/small"); body != "small" {
			t.Errorf("another client's answer is %q", body)
		}
		if s := w.stats(); s.Dialled != 1 || s.Reused != int64(3*i+2) {
			t.Errorf("dialled %d, reused %d", s.Dialled, s.Reused)
		}
	}
	line := w.accessLines()["/first"]
	if out, _ := line["bytes_out"].(float64); out < largeBody || out > largeBody+400 {
		t.Errorf("bytes_out %v, want %d and a head", line["bytes_out"], largeBody)
	}
	if in := line["bytes_in"]; in != float64(len("GET /first HTTP/1.1\r\nHost: a\r\n\r\n")) || line["fault"] != nil {
		t.Errorf("bytes_in %v, fault %v", in, line["fault"])
	}
}

// Without a length it is the end of the connection that ends the body, for an old
// client too; a new one gets chunks.
func TestLargeDownloadUntilClose(t *testing.T) {
	const size = 16 << 20
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		if _, err := readHead(r); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n")
		_, _ = sendRibbon(c, size)
	})
	for _, request := range []string{"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"} {
		w := start(t, oneCluster(backend))
		c := w.client()
		c.send(request)
		res, err := http.ReadResponse(c.r, nil)
		if err != nil || res.ContentLength != -1 {
			t.Fatal(res, err)
		}
		body := res.Body
		requireRibbon(t, body, size)
		if rest, err := io.ReadAll(body); len(rest) > 0 || err != nil {
			t.Errorf("behind it: %q, %v", rest, err)
		}
		w.stop()
	}
}

// In chunks, both ways, the payload is the same, whatever the chunks are.
func TestLargeChunkedBodies(t *testing.T) {
	const size = 16 << 20
	backend := httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(rw).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		_, _ = io.Copy(onlyWriter{rw}, onlyReader{r.Body})
	})
	w := start(t, oneLoop+oneCluster(backend))
	for range 2 {
		c := w.client() // an answer that begins before its request has ended is the last
		go func() {
			out := bufio.NewWriterSize(c, 256<<10)
			_, _ = io.WriteString(out, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
			chunks := &chunkWriter{w: out}
			_, _ = sendRibbon(chunks, size)
			_, _ = io.WriteString(out, "0\r\n\r\n")
			_ = out.Flush()
		}()
		res, err := http.ReadResponse(c.r, nil)
		if err != nil || len(res.TransferEncoding) == 0 {
			t.Fatal(res, err)
		}
		requireRibbon(t, res.Body, size)
		if rest, err := io.ReadAll(res.Body); len(rest) > 0 || err != nil {
			t.Errorf("behind it: %d bytes, %v", len(rest), err)
		}
	}
	if s := w.stats(); s.Dialled != 1 {
		t.Errorf("dialled %d", s.Dialled)
	}
}

// chunkWriter writes chunks of many sizes, each smaller than what it is given.
type chunkWriter struct {
	w io.Writer
	n int
}

func (c *chunkWriter) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		c.n++
		size := min(len(p)-done, []int{1, 4096, 65_536, 200_000, 17}[c.n%5])
		if _, err := fmt.Fprintf(c.w, "%x\r\n%s\r\n", size, p[done:done+size]); err != nil {
			return done, err
		}
		done += size
	}
	return done, nil
}
