package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"weir/engine/fault"
)

// An endpoint that dies in the middle of a large response: the client has what came
// before the end, and sees that it is not the whole.
func TestEndpointDiesInALargeDownload(t *testing.T) {
	const part = 8<<20 + 12_345
	for _, leave := range []string{"fin", "rst"} {
		for _, framing := range []string{fmt.Sprintf("Content-Length: %d\r\n", largeBody), ""} {
			if leave == "fin" && framing == "" {
				continue // that is its end
			}
			t.Run(leave+" "+framing, func(t *testing.T) {
				taken := make(chan struct{})
				backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
					if _, err := readHead(r); err != nil {
						return
					}
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+framing+"\r\n")
					_, _ = sendRibbon(c, part)
					if leave == "rst" {
						<-taken // else it could destroy what is on its way
						reset(c)
					}
				})
				w := start(t, oneCluster(backend))
				c := w.client()
				c.send("GET / HTTP/1.0\r\n\r\n")
				res, err := http.ReadResponse(c.r, nil)
				if err != nil {
					t.Fatal(err)
				}
				requireRibbon(t, res.Body, part)
				close(taken)
				rest, err := io.ReadAll(res.Body)
				if len(rest) > 0 || framing == "" && !isReset(err) || framing != "" && !errors.Is(err, io.ErrUnexpectedEOF) && !isReset(err) {
					t.Errorf("the client had %d bytes more, and then %v", len(rest), err)
				}
				w.requireFault(fault.ResponseTruncated, 1)
			})
		}
	}
}

// A client that leaves in the middle of a large body takes the endpoint's
// connection along, whichever way the body goes.
func TestClientLeavesALargeBody(t *testing.T) {
	tests := []struct{ name, request, answer string }{
		{"download", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 1<<40)},
		{"download until close", "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
		{"upload", fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", 1<<40), ""},
	}
	for _, leave := range []string{"fin", "rst"} {
		for _, tt := range tests {
			t.Run(tt.name+" by "+leave, func(t *testing.T) {
				met, arrived := make(chan error, 1), make(chan struct{})
				backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
					if _, err := readHead(r); err != nil {
						return
					}
					if tt.answer == "" {
						_, _ = io.CopyN(io.Discard, r, 8<<20)
						close(arrived)
						_, err := io.Copy(io.Discard, r)
						met <- err
						return
					}
					_, _ = io.WriteString(c, tt.answer)
					_, err := sendRibbon(c, 1<<40)
					met <- err
				})
				w := start(t, oneCluster(backend, `timeouts = { response = "10m" }`), `max_body = 0`)
				c := w.client()
				c.send(tt.request)
				if tt.answer != "" {
					if _, err := readHead(c.r); err != nil {
						t.Fatal(err)
					}
					requireRibbon(t, c.r, 8<<20)
				} else {
					if _, err := sendRibbon(c, 9<<20); err != nil {
						t.Fatal(err)
					}
					receive(t, arrived)
				}
				if leave == "rst" {
					reset(c.TCPConn)
				} else {
					_ = c.Close()
				}
				if err := receive(t, met); !isReset(err) {
					t.Errorf("the endpoint saw an orderly end: %v", err)
				}
				w.eventually("the fault is counted", func() bool {
					s := w.stats()
					return s.Faults[fault.ClientClosed]+s.Faults[fault.ClientReset] == 1 && s.Active == 0 && s.Sessions == 0
				})
			})
		}
	}
}

// What an endpoint sends behind a large response is nobody's answer.
func TestSurplusBehindALargeResponseReachesNobody(t *testing.T) {
	const size = 4 << 20
	for _, surplus := range []string{evil, "\n"} {
		mine := make(chan int, 4)
		for i := range 4 {
			mine <- i + 1
		}
		backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
			n := <-mine
			for readRequest(r) == nil {
				if n > 1 {
					_, _ = io.WriteString(c, ok(fmt.Sprint("connection ", n)))
					continue
				}
				out := bufio.NewWriterSize(c, 1<<20) // the surplus leaves with the end of the body
				_, _ = fmt.Fprintf(out, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
				_, _ = sendRibbon(out, size)
				_, _ = io.WriteString(out, surplus)
				_ = out.Flush()
			}
		})
		w := start(t, oneLoop+oneCluster(backend))
		a, b := w.client(), w.client()
		a.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if _, err := readHead(a.r); err != nil {
			t.Fatal(err)
		}
		requireRibbon(t, a.r, size)
		w.requireFault(fault.SurplusResponse, 1)
		for _, c := range []*client{b, a} {
			if _, body := c.get("/"); body != "connection 2" {
				t.Errorf("the next client got %q", body)
			}
		}
		w.stop()
	}
}
