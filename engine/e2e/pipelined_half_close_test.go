package e2e

import (
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// A client that has sent all its requests and its FIN in one go waits for all of
// the answers, the last one too, however slowly it takes them.
func TestPipelinedRequestsBeforeAFINAreAllAnswered(t *testing.T) {
	const big = 8 << 20
	backend := httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
		size := 3
		if r.URL.Path == "/big" {
			size = big
		}
		rw.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = rw.Write(make([]byte, size))
	})
	w := start(t, oneCluster(backend))
	c := w.client()
	cork(t, c.TCPConn) // the FIN arrives with the requests: later it would be a leave-taking
	c.send("GET /small HTTP/1.1\r\nHost: a\r\n\r\nGET /big HTTP/1.1\r\nHost: a\r\n\r\n")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, body := c.response("GET"); len(body) != 3 {
		t.Fatalf("the first body has %d bytes", len(body))
	}
	// The rest waits in weir until the client begins to take it.
	w.eventually("the response is queued", func() bool { return w.stats().Buffers > 4 })
	got := 0
	buf := make([]byte, 256<<10)
	for {
		n, err := c.r.Read(buf)
		got += n
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes of the second response: %v", got, err)
		}
		if got < 1<<20 {
			time.Sleep(time.Millisecond) // a slow reader, so that its socket fills and drains
		}
	}
	if got < big {
		t.Errorf("%d bytes of the second response, want its head and %d", got, big)
	}
}
