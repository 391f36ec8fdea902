package e2e

import (
	"net"
	"testing"
)

const rules = `
request_headers = { remove = ["X-Gone", "x-twice"], set = { X-Set = "{method} {path}?{query} {host}", X-Port = "{client_port}" }, add = { X-Many = "added {route} {cluster}" } }
response_headers = { remove = ["Server"], set = { X-Set = "{endpoint} {{x}" }, add = { X-Many = "added" } }
`

func TestHeaderRulesBothWays(t *testing.T) {
	backend, heads := heard(t)
	w := start(t, oneCluster(backend, `name = "r"`, rules))
	c := w.client()
	c.send("GET /p?q=1 HTTP/1.1\r\nHost: a\r\nX-Gone: 1\r\nX-Twice: 1\r\nX-TWICE: 2\r\nx-set: theirs\r\nX-Many: own\r\n\r\n")
	res, _ := c.response("GET")
	_, port, _ := net.SplitHostPort(c.LocalAddr().String())
	head := receive(t, heads)
	for name, want := range map[string]string{
		"X-Gone": "-", "X-Twice": "-", "X-Set": "GET /p?q=1 a", "X-Port": port, "X-Many": "own|added r main",
	} {
		if got := field(head, name); got != want {
			t.Errorf("upstream %s: %q, want %q", name, got, want)
		}
	}
	if got := res.Header.Get("X-Set"); got != backend+" {x}" {
		t.Errorf("downstream X-Set: %q", got)
	}
}

func TestResponseHeaderRules(t *testing.T) {
	w := start(t, oneCluster(answering(t, "HTTP/1.1 200 OK\r\nServer: leaky/1.0\r\nX-Many: own\r\nx-set: theirs\r\nContent-Length: 0\r\n\r\n"), rules)+
		"[[routes]]\npath = \"/local\"\nrespond = { body = \"x\" }\n"+rules)
	for _, path := range []string{"/", "/local"} {
		c := w.client()
		c.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
		head, err := readHead(c.r)
		if err != nil {
			t.Fatal(err)
		}
		if field(head, "Server") != "-" || field(head, "X-Many") == "-" || field(head, "X-Set") == "theirs" || field(head, "X-Set") == "-" {
			t.Errorf("%s: %q", path, head)
		}
	}
}

// A value that a client chose cannot end a field and begin another.
func TestVariablesCannotInjectFields(t *testing.T) {
	backend, heads := heard(t)
	w := start(t, oneCluster(backend, `request_headers = { set = { X-Path = "{path}" } }`))
	w.raw("GET /a%0d%0aX-Admin:%20yes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	select {
	case head := <-heads:
		if field(head, "X-Admin") != "-" {
			t.Errorf("injected: %q", head)
		}
	default: // refused
	}
}
