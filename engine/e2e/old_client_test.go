package e2e

import (
	"io"
	"strings"
	"testing"
)

// A client of HTTP/1.0 gets neither chunks nor interim responses.
func TestOldClient(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"
	tests := []struct {
		name, request, answer, body string
		keeps                       bool
	}{
		{"length", "GET / HTTP/1.0\r\n\r\n", ok("abcd"), "abcd", false},
		{"length, kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", ok("abcd"), "abcd", true},
		{"chunked", "GET / HTTP/1.0\r\n\r\n", chunked, "abcd", false},
		{"chunked, asked to keep", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", chunked, "abcd", false},
		{"early hints", "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n" + ok("abcd"), "abcd", false},
		{"with a body", "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", ok("abcd"), "abcd", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, oneCluster(answering(t, tt.answer)))
			c := w.client()
			c.send(tt.request)
			head, err := readHead(c.r)
			if err != nil || !strings.HasPrefix(head, "HTTP/1.1 200 ") {
				t.Fatalf("%q, %v", head, err)
			}
			if te := field(head, "Transfer-Encoding"); te != "-" {
				t.Errorf("Transfer-Encoding: %s", te)
			}
			if !tt.keeps {
				body, err := io.ReadAll(c.r)
				if string(body) != tt.body || err != nil {
					t.Errorf("%q, %v", body, err)
				}
				return
			}
			if got := field(head, "Connection"); got != "keep-alive" {
				t.Errorf("Connection: %s", got)
			}
			body := make([]byte, len(tt.body))
			if _, err := io.ReadFull(c.r, body); err != nil || string(body) != tt.body {
				t.Fatalf("%q, %v", body, err)
			}
			c.send(tt.request)
			if head, err := readHead(c.r); err != nil || !strings.HasPrefix(head, "HTTP/1.1 200 ") {
				t.Errorf("the second answer: %q, %v", head, err)
			}
		})
	}
}

// The endpoint is spoken to in HTTP/1.1, and learns in Via what the client speaks.
func TestOldClientGoesUpstreamAsHTTP11(t *testing.T) {
	backend, heads := heard(t)
	w := start(t, oneCluster(backend))
	w.raw("GET /x HTTP/1.0\r\n\r\n")
	head := receive(t, heads)
	if !strings.HasPrefix(head, "GET /x HTTP/1.1\r\n") || field(head, "Host") != backend || field(head, "Via") != "1.0 weir" {
		t.Errorf("the endpoint saw %q", head)
	}
}
