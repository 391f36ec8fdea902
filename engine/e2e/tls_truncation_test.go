package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

// A response without a length ends with close_notify, or it may have been cut off by
// anybody on the way.
func TestTLSResponseUntilClose(t *testing.T) {
	ca := tlstest.New(t)
	for _, tt := range []struct {
		name   string
		head   string
		notify bool
		whole  bool
	}{
		{"until close, close_notify", "", true, true},
		{"until close, FIN alone", "", false, false},
		{"chunked, FIN alone", "Transfer-Encoding: chunked\r\n", false, false},
		{"with a length, close_notify before its end", "Content-Length: 100000\r\n", true, false},
		{"with a length, FIN alone behind its end", "Content-Length: 50000\r\n", false, true},
	} {
		for i := range 4 {
			old, secured := i&1 != 0, i&2 != 0
			t.Run(fmt.Sprintf("%s, HTTP/1.0 %v, client with TLS %v", tt.name, old, secured), func(t *testing.T) {
				content := pattern(1, 50_000)
				backend := secureBackend(t, serving(t, ca), func(c *tls.Conn) {
					_, _ = c.Read(make([]byte, 4096))
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+tt.head+"\r\n")
					if strings.HasPrefix(tt.head, "T") {
						_, _ = fmt.Fprintf(c, "%x\r\n%s\r\n", len(content), content)
					} else {
						_, _ = c.Write(content)
					}
					if tt.notify {
						_ = c.CloseWrite()
					}
					_ = c.NetConn().(*net.TCPConn).CloseWrite()
					_, _ = io.Copy(io.Discard, c.NetConn())
				})
				var w *weir
				var c net.Conn
				if secured {
					w = start(t, secureCluster(backend, ca), edgeTLS(ca))
					c = w.secureCuttable(ca)
				} else {
					w = start(t, secureCluster(backend, ca))
					c = w.dial()
				}
				request := "GET / HTTP/1.1\r\nHost: edge.test\r\n\r\n"
				if old {
					request = "GET / HTTP/1.0\r\n\r\n"
				}
				must(t, second(io.WriteString(c, request)))
				var body []byte
				res, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err == nil {
					body, err = io.ReadAll(res.Body)
				} else if !isReset(err) { // a reset may overtake all of it
					t.Fatal(err)
				}
				_ = c.Close()
				if tt.whole && (err != nil || !bytes.Equal(body, content)) {
					t.Errorf("%d bytes, %v; want %d", len(body), err, len(content))
				}
				if !tt.whole && err == nil {
					t.Errorf("%d bytes were passed on as the whole", len(body))
				}
				w.finish()
				line := w.lines("exchange", 1)[0]
				want := any("upstream_tls_truncated")
				switch {
				case tt.whole:
					want = nil
				case tt.notify:
					want = "response_truncated"
				}
				if line["fault"] != want {
					t.Errorf("access log: %v, want fault %v", line, want)
				}
			})
		}
	}
}

// A tunnel's direction that ends without close_notify is reported, and passed on as
// what it may be. An upload that is cut is no whole request.
func TestTLSTruncatedByTheClient(t *testing.T) {
	ca := tlstest.New(t)
	ends := make(chan error, 1)
	backend := tunnelBackend(t, func(c *net.TCPConn, _ string) {
		_, err := io.Copy(io.Discard, onlyReader{c})
		ends <- err
	})
	w := start(t, oneCluster(backend), edgeTLS(ca))
	c := w.secure(trusting(ca))
	c.send(strings.Replace(upgradeRequest("/t"), "Host: a", "Host: "+edgeName, 1) + "frames")
	if head, err := readHead(c.r); err != nil || !strings.Contains(head, " 101 ") {
		t.Fatalf("no tunnel: %q, %v", head, err)
	}
	must(t, c.raw.CloseWrite())
	if err := receive(t, ends); err != nil && !isReset(err) {
		t.Errorf("the endpoint saw %v", err)
	}
	_, _ = io.Copy(io.Discard, c.raw)
	_ = c.raw.Close()
	w.requireFault(fault.TLSTruncated, 1)
	w.stop()
	if line := w.lines("tunnel", 1)[0]; line["fault"] != "tls_truncated" || line["closed_by"] != "client" {
		t.Errorf("access log: %v", line)
	}
}

// An opaque connection has no frames that tell where the end is: it is reset.
func TestTLSTruncatedOpaqueConnection(t *testing.T) {
	ca := tlstest.New(t)
	for _, secured := range []bool{false, true} {
		ends := make(chan error, 1)
		serve := func(c io.ReadWriter) {
			_, err := io.Copy(io.Discard, onlyReader{c})
			ends <- err
		}
		var toml string
		if secured {
			// crypto/tls takes a FIN for an end in order, unless it is told otherwise.
			toml = secureCluster(rawBackend(t, func(raw *net.TCPConn) { serve(tls.Server(cuttable{raw}, serving(t, ca))) }), ca)
		} else {
			toml = oneCluster(rawBackend(t, func(c *net.TCPConn) { serve(c) }))
		}
		toml, _, _ = strings.Cut(toml, "[[routes]]")
		w := start(t, toml, `protocol = "tcp"`, `cluster = "main"`, edgeTLS(ca))
		c := w.secure(trusting(ca))
		c.send("words")
		w.eventually("the words are there", func() bool { return w.stats().TunnelsOpen == 1 })
		must(t, c.raw.CloseWrite())
		if err := receive(t, ends); err == nil {
			t.Errorf("TLS %v: the endpoint takes what it got for the whole", secured)
		}
		_, _ = io.Copy(io.Discard, c.raw)
		_ = c.raw.Close()
		w.requireFault(fault.TLSTruncated, 1)
		w.finish()
	}
}

// A request body that ends with the connection is not whole, close_notify or not.
func TestTLSUploadThatIsCut(t *testing.T) {
	ca := tlstest.New(t)
	for _, notify := range []bool{false, true} {
		got := make(chan error, 1)
		backend := httpBackend(t, func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			got <- err
		})
		w := start(t, oneCluster(backend), edgeTLS(ca))
		c := w.secure(trusting(ca))
		c.send("POST / HTTP/1.1\r\nHost: " + edgeName + "\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 70_000))
		w.eventually("the endpoint has begun", func() bool { return w.stats().Connections == 2 })
		if notify {
			must(t, c.CloseWrite())
		}
		_ = c.raw.CloseWrite() // weir may have reset it, for the close_notify
		if err := receive(t, got); err == nil {
			t.Errorf("close_notify %v: the endpoint takes half an upload for the whole", notify)
		}
		_, _ = io.Copy(io.Discard, c.raw)
		_ = c.raw.Close()
		w.finish()
		if line := w.lines("exchange", 1)[0]; line["closed_by"] != "client" || line["fault"] == nil {
			t.Errorf("access log: %v", line)
		}
	}
}
