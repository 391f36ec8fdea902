package e2e

import (
	"net/http"
	"strings"
	"testing"

	gorilla "github.com/gorilla/websocket"
)

// The endpoint answers first, and its refusal reaches the client as it was.
func TestRefusalOfTheEndpointReachesTheClient(t *testing.T) {
	tests := []struct {
		path   string
		status int
		name   string // of a field
		value  string
		body   string
	}{
		{"/403", 403, "X-Why", "no ticket", "you shall not pass\n"},
		{"/500", 500, "Content-Type", "application/json", `{"error":"sad"}`},
		{"/302", 302, "Location", "https://login.example/?next=/chat", ""},
		{"/401", 401, "Www-Authenticate", `Basic realm="chat"`, "who are you?"},
		{"/426", 426, "Sec-Websocket-Version", "8, 7", "too new"},
		{"/200", 200, "Content-Type", "text/html", "<p>a page"},
		{"/chunked", 503, "X-Why", "", strings.Repeat("sorry ", 10_000)},
	}
	backend := httpBackend(t, func(rw http.ResponseWriter, r *http.Request) {
		for _, tt := range tests {
			if tt.path == r.URL.Path {
				rw.Header().Set(tt.name, tt.value)
				rw.WriteHeader(tt.status)
				_, _ = rw.Write([]byte(tt.body))
			}
		}
	})
	w := start(t, oneCluster(backend))
	c := w.client() // all on one connection, which a refusal does not end
	for _, tt := range tests {
		c.send(upgradeRequest(tt.path))
		res, body := c.response("GET")
		if res.StatusCode != tt.status || res.Header.Get(tt.name) != tt.value || body != tt.body || res.Close {
			t.Errorf("%s: %s, %s: %q, %d bytes, close %v", tt.path, res.Status, tt.name, res.Header.Get(tt.name), len(body), res.Close)
		}
		if res.Header.Get("Weir-Error") != "" {
			t.Errorf("%s: weir says it was its own: %s", tt.path, res.Header.Get("Weir-Error"))
		}
	}
	_ = c.Close()
	if s := w.stats(); s.Tunnels != 0 || s.Dialled != 1 {
		t.Errorf("%d tunnels, %d connections to the endpoint; want 0 and 1", s.Tunnels, s.Dialled)
	}
	// And as a library shows it.
	_, res, err := gorilla.DefaultDialer.Dial("ws://"+w.addr+"/403", nil)
	if err == nil || res == nil || res.StatusCode != 403 || res.Header.Get("X-Why") != "no ticket" {
		t.Errorf("gorilla/websocket got %v, %v", res, err)
	}
}
