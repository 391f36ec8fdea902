package transparent

import (
	"bytes"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// webServer tells what it sees of a request. At /echo it speaks WebSocket.
type webServer struct{}

func (webServer) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/echo" {
		echoMessages(rw, r)
		return
	}
	local := r.Context().Value(http.LocalAddrContextKey).(interface{ String() string })
	h := rw.Header()
	for name, values := range r.Header {
		h["Saw-"+name] = values
	}
	_, _ = io.WriteString(rw, r.RemoteAddr+" to "+local.String())
}

var echoURL = &url.URL{Scheme: "ws", Host: "a.test", Path: "/echo"}

func echoMessages(rw http.ResponseWriter, r *http.Request) {
	c, _, _, err := ws.UpgradeHTTP(r, rw)
	if err != nil {
		return
	}
	defer c.Close()
	for {
		data, op, err := wsutil.ReadClientData(c)
		if err != nil || wsutil.WriteServerMessage(c, op, data) != nil {
			return
		}
	}
}

var webScenarios = []scenario{
	{name: "keep-alive", happen: keepAlive, connections: 2, exchanges: 6},
	{name: "WebSocket", happen: webSocket, connections: 1, exchanges: 1, tunnels: 1},
}

// keepAlive makes three requests on one connection, for each of two destinations.
func keepAlive(t *testing.T, r *run) {
	for _, server := range []netip.Addr{r.ip.server, r.ip.otherServer} {
		to := at(server, r.web())
		c := r.net.httpClient(t, at(r.ip.client, 0), to)
		ids := map[string]bool{}
		for range 3 {
			res, body := c.get("/", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https")
			r.requireEnds(t, parseEnds(t, body), c.LocalAddr(), to)
			saw := res.Header
			if saw.Get("Saw-X-Forwarded-For") != r.ip.client.String() || saw.Get("Saw-X-Forwarded-Proto") != "http" {
				t.Errorf("the server saw %v", saw)
			}
			ids[saw.Get("Saw-X-Request-Id")] = true
			if ms, err := strconv.ParseFloat(saw.Get("X-Weir-Upstream-Service-Time"), 64); err != nil || ms < 0 || ms > deadline.Seconds()*1000 {
				t.Errorf("upstream service time %q", saw.Get("X-Weir-Upstream-Service-Time"))
			}
		}
		if len(ids) != 3 || ids[""] {
			t.Errorf("request ids %v", ids)
		}
		_ = c.Close()
	}
}

func webSocket(t *testing.T, r *run) {
	c := r.dial(t, at(r.ip.server, r.web()))
	if _, _, err := (ws.Dialer{}).Upgrade(c, echoURL); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 10, 200, 70_000} {
		sent := pattern(uint32(size), size)
		if err := wsutil.WriteClientBinary(c, sent); err != nil {
			t.Fatal(err)
		}
		got, op, err := wsutil.ReadServerData(c)
		if err != nil || op != ws.OpBinary || !bytes.Equal(got, sent) {
			t.Fatalf("%d bytes came back as %d, %v, %v", size, len(got), op, err)
		}
	}
	_ = c.Close()
}
