package e2e

import (
	"strings"
	"testing"
)

const localRoutes = `
[[routes]]
path = "/old"
redirect = { status = 301, to = "https://{host}/new?{query}" }
[[routes]]
regex = "/user/([0-9]+)"
redirect = { to = "/u/$1" }
[[routes]]
path = "/teapot"
respond = { status = 418, body = "{not a template}", type = "text/x-tea" }
[[routes]]
path = "/empty"
respond = { status = 204 }
[errors.404]
body = "<h1>{status} {reason}</h1>{request_id}"
type = "text/html"
[errors.400]
body = "custom {status}"
`

func TestLocalAnswers(t *testing.T) {
	tests := []struct {
		path, location, kind, body string
		status                     int
	}{
		{"/old?a=b", "https://h.example/new?a=b", "", "", 301},
		{"/user/42", "/u/42", "", "", 308},
		{"/user/4x", "", "text/html", "<h1>404 Not Found</h1>", 404},
		{"/teapot", "", "text/x-tea", "{not a template}", 418},
		{"/empty", "", "", "", 204},
		{"/a%2fb", "", "text/plain", "custom 400", 400},
	}
	w := start(t, localRoutes)
	c := w.client()
	for _, tt := range tests {
		c.send("GET " + tt.path + " HTTP/1.1\r\nHost: h.example\r\n\r\n")
		res, body := c.response("GET")
		if res.StatusCode != tt.status || res.Header.Get("Location") != tt.location || res.Close {
			t.Errorf("%s: %s, Location %q, close %v", tt.path, res.Status, res.Header.Get("Location"), res.Close)
		}
		if !strings.HasPrefix(body, tt.body) || !strings.HasPrefix(res.Header.Get("Content-Type"), tt.kind) {
			t.Errorf("%s: %s %q", tt.path, res.Header.Get("Content-Type"), body)
		}
		if tt.status == 404 && len(body) != len(tt.body)+32 {
			t.Errorf("no request id in %q", body)
		}
		if res.Header.Get("Date") == "" {
			t.Errorf("%s: no Date", tt.path)
		}
	}
	c.send("GET / HTTP/1.1\r\n\r\n")
	if res, body := c.response("GET"); res.StatusCode != 400 || body != "custom 400" {
		t.Errorf("a refused head: %s %q", res.Status, body)
	}
}

func TestRewrite(t *testing.T) {
	backend, heads := heard(t)
	w := start(t, oneCluster(backend, `prefix = "/api/"`, `rewrite = "/v1/"`)+
		"[[routes]]\nregex = \"/item/([a-z]+)/([0-9]+)\"\nrewrite = \"/$2/$1\"\ncluster = \"main\"\n")
	for path, want := range map[string]string{
		"/api/x/y?q=/api/": "GET /v1/x/y?q=/api/ HTTP/1.1", "/api/": "GET /v1/ HTTP/1.1", "/api/%C3%A9": "GET /v1/%C3%A9 HTTP/1.1",
		"/item/pen/7": "GET /7/pen HTTP/1.1",
	} {
		w.get(path)
		if line, _, _ := strings.Cut(receive(t, heads), "\r\n"); line != want {
			t.Errorf("%s: %q, want %q", path, line, want)
		}
	}
}
