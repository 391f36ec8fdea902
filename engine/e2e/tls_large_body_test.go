package e2e

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"weir/engine/tlstest"
)

// Sixteen mebibytes each way, TLS on both sides.
func TestTLSLargeBodies(t *testing.T) {
	const size = 16 << 20
	ca := tlstest.New(t)
	backend := httpsBackend(t, serving(t, ca), func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			rw.Header().Set("Content-Length", strconv.Itoa(size))
			_, _ = sendRibbon(rw, size)
			return
		}
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		_, _ = fmt.Fprintf(rw, "%d %s %v", n, sumOf(h), err)
	})
	w := start(t, secureCluster(backend, ca), edgeTLS(ca))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting(ca)}, Timeout: deadline}
	defer client.CloseIdleConnections()
	res, err := client.Get("https://" + w.addr + "/")
	must(t, err)
	requireRibbon(t, res.Body, size)
	must(t, res.Body.Close())
	for _, length := range []int64{size, -1} { // by length, and in chunks
		r, send := io.Pipe()
		go func() {
			_, err := sendRibbon(send, size)
			_ = send.CloseWithError(err)
		}()
		request, err := http.NewRequest(http.MethodPost, "https://"+w.addr+"/", r)
		must(t, err)
		request.ContentLength = length
		res, err := client.Do(request)
		must(t, err)
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if want := fmt.Sprintf("%d %s <nil>", size, ribbonSum(size)); err != nil || string(body) != want {
			t.Errorf("upload: %q, %v; want %q", body, err, want)
		}
	}
}

// Bodies that end at the borders of records, of the loop's buffer and around them.
func TestTLSBodiesAtRecordBorders(t *testing.T) {
	ca := tlstest.New(t)
	backend := httpsBackend(t, serving(t, ca), func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.URL.Path == "/length" {
			rw.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		_, _ = rw.Write(body)
	})
	w := start(t, secureCluster(backend, ca), edgeTLS(ca))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting(ca)}, Timeout: deadline}
	defer client.CloseIdleConnections()
	for _, border := range []int{0, 1 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10} {
		for n := max(border-2, 0); n <= border+2; n++ {
			body := pattern(uint32(n), n)
			for _, path := range []string{"/length", "/chunked"} {
				res, err := client.Post("https://"+w.addr+path, "text/plain", bytes.NewReader(body))
				must(t, err)
				got, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if err != nil || !bytes.Equal(got, body) {
					t.Fatalf("%s, %d bytes: %d came back, %v", path, n, len(got), err)
				}
			}
		}
	}
}

// A client that does not read stops the endpoint, and a slow one gets all of it.
func TestTLSSlowReader(t *testing.T) {
	const size = 48 << 20
	ca := tlstest.New(t)
	var sent atomic.Int64
	backend := secureBackend(t, serving(t, ca), func(c *tls.Conn) {
		if _, err := readHeadOnly(c); err != nil {
			return
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
		_, _ = sendRibbon(counting{c, &sent}, size)
	})
	w := start(t, secureCluster(backend, ca), edgeTLS(ca))
	c := w.secure(trusting(ca))
	must(t, c.raw.SetReadBuffer(64<<10))
	c.send("GET / HTTP/1.1\r\nHost: " + edgeName + "\r\n\r\n")
	stalled := requireStall(t, &sent)
	if stalled >= size {
		t.Fatalf("the endpoint got rid of all %d bytes, and nobody has read", stalled)
	}
	if buffers := w.stats().Buffers; buffers > 64 {
		t.Errorf("%d buffers are held for one slow client", buffers)
	}
	res, err := http.ReadResponse(c.r, nil)
	must(t, err)
	requireRibbon(t, slowly{res.Body}, size)
	_ = c.Close()
}

// The other way: an endpoint that does not read stops the client.
func TestTLSSlowEndpoint(t *testing.T) {
	const size = 48 << 20
	ca := tlstest.New(t)
	read := make(chan struct{})
	backend := secureBackend(t, serving(t, ca), func(c *tls.Conn) {
		_ = c.NetConn().(*net.TCPConn).SetReadBuffer(64 << 10)
		if _, err := readHeadOnly(c); err != nil {
			return
		}
		<-read
		h := sha256.New()
		n, err := io.CopyN(h, c, size)
		_, _ = io.WriteString(c, ok(fmt.Sprintf("%d %s %v", n, sumOf(h), err)))
	})
	w := start(t, secureCluster(backend, ca), edgeTLS(ca))
	c := w.secure(trusting(ca))
	var sent atomic.Int64
	done := make(chan error, 1)
	go func() {
		_, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", edgeName, size)
		if err == nil {
			_, err = sendRibbon(counting{c, &sent}, size)
		}
		done <- err
	}()
	if stalled := requireStall(t, &sent); stalled >= size {
		t.Errorf("weir took all %d bytes for an endpoint that has read none", stalled)
	}
	close(read)
	must(t, receive(t, done))
	if _, body := c.response("POST"); body != fmt.Sprintf("%d %s <nil>", size, ribbonSum(size)) {
		t.Errorf("the endpoint got %s", body)
	}
	_ = c.Close()
}

// counting counts what was written.
type counting struct {
	io.Writer
	n *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// requireStall waits until a sender has begun and then makes no progress, and tells
// how far it has come.
func requireStall(t *testing.T, sent *atomic.Int64) int64 {
	t.Helper()
	last, since := int64(0), time.Now()
	if !poll(func() bool {
		if now := sent.Load(); now != last {
			last, since = now, time.Now()
		}
		return last > 0 && time.Since(since) > 150*time.Millisecond
	}) {
		t.Fatal("the sender never stops")
	}
	return last
}

// slowly reads in small pieces.
type slowly struct{ r io.Reader }

func (s slowly) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), 1500)]) }
