package e2e

import "testing"

// Where no body follows, a length tells what is not sent; the next response begins
// right behind the head.
func TestResponsesWithoutABody(t *testing.T) {
	tests := []struct {
		name, method, answer string
		length               string // the field the client sees; "-": none
	}{
		{"HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "100"},
		{"HEAD without", "HEAD", "HTTP/1.1 200 OK\r\n\r\n", "-"},
		{"HEAD of chunks", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "-"},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "-"},
		{"204 with a length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "-"},
		{"304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\nEtag: \"x\"\r\n\r\n", "100"},
		{"304 without", "GET", "HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\n\r\n", "-"},
		{"length 0", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, oneCluster(answering(t, tt.answer)))
			c := w.client()
			for range 3 {
				c.send(tt.method + " / HTTP/1.1\r\nHost: a\r\n\r\n")
				head, err := readHead(c.r)
				if err != nil {
					t.Fatal(err)
				}
				if got := field(head, "Content-Length"); got != tt.length {
					t.Errorf("Content-Length: %s, want %s", got, tt.length)
				}
			}
			if s := w.stats(); s.Dialled != 1 || s.Reused != 2 {
				t.Errorf("dialled %d, reused %d; want 1, 2", s.Dialled, s.Reused)
			}
		})
	}
}

func TestHeadOfLocalAnswersHasNoBody(t *testing.T) {
	w := start(t, "[[routes]]\npath = \"/local\"\nrespond = { body = \"local\" }\n")
	c := w.client()
	for _, path := range []string{"/local", "/none"} {
		c.send("HEAD " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
		if res, _ := c.response("HEAD"); res.ContentLength <= 0 {
			t.Errorf("%s: length %d", path, res.ContentLength)
		}
	}
	if _, body := c.get("/local"); body != "local" {
		t.Errorf("%q", body)
	}
}
