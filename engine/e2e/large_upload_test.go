package e2e

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// A large request body arrives whole, its bytes are counted, the request that
// follows it at once is the next one, and both connections live on.
func TestLargeUpload(t *testing.T) {
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			h := sha256.New()
			n, err := io.Copy(h, req.Body)
			if err != nil {
				t.Errorf("the endpoint: %d bytes, %v", n, err)
				return
			}
			_, _ = io.WriteString(c, ok(fmt.Sprintf("%s %d %s", req.URL.Path, n, sumOf(h))))
		}
	})
	w := start(t, oneLoop+oneCluster(backend))
	c := w.client()
	const next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
	head := fmt.Sprintf("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", largeBody)
	sum, none := ribbonSum(largeBody), sumOf(sha256.New())
	for range 2 {
		go func() {
			// The end of the body and the request behind it leave in one write.
			out := bufio.NewWriterSize(c, 700_001)
			_, _ = io.WriteString(out, head)
			_, _ = sendRibbon(out, largeBody)
			_, _ = io.WriteString(out, next)
			_ = out.Flush()
		}()
		if _, body := c.response("POST"); body != fmt.Sprintf("/up %d %s", largeBody, sum) {
			t.Fatalf("the endpoint had %s, want %s", body, sum)
		}
		if _, body := c.response("GET"); body != "/next 0 "+none {
			t.Fatalf("the next answer is %q", body)
		}
	}
	if s := w.stats(); s.Dialled != 1 || s.Reused != 3 {
		t.Errorf("dialled %d, reused %d", s.Dialled, s.Reused)
	}
	lines := w.accessLines()
	if in := lines["/up"]["bytes_in"]; in != float64(len(head)+largeBody) {
		t.Errorf("bytes_in %v, want %d", in, len(head)+largeBody)
	}
	if in := lines["/next"]["bytes_in"]; in != float64(len(next)) {
		t.Errorf("bytes_in of the next request %v, want %d", in, len(next))
	}
}
