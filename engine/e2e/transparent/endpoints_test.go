package transparent

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"weir/engine/fault"
	"weir/engine/intercept"
)

// An endpoint goes when nobody has used it for a while, with its idle connections.
func TestStaleEndpoint(t *testing.T) {
	n := build(t)
	n.serveHTTP(t, "80", webServer{})
	inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
		w := led(t, intercept.Nft, web(mode, "", `stale_after = "200ms"`))
		to := at(ip.server, 80)
		c := n.httpClient(t, at(ip.client, 0), to)
		c.get("/")
		w.eventually("the connection is idle", func() bool { s := w.stats(); return s.Idle == 1 && s.Endpoints == 1 })
		w.eventually("the endpoint is gone", func() bool { s := w.stats(); return s.Idle == 0 && s.Endpoints == 0 })
		c.get("/")
		if s := w.stats(); s.EndpointsAdded != 2 || s.Dialled != 2 || s.Reused != 0 || s.Accepted != 1 {
			t.Errorf("stats %+v", s)
		}
		_ = c.Close()
		w.lines()
		requireInOrder(t, w.messages("destination", "endpoint"),
			"original destination found destination="+to.String(),
			"endpoint added endpoint="+to.String(),
			"connecting endpoint="+to.String(),
			"stale endpoint removed endpoint="+to.String(),
			"endpoint added endpoint="+to.String(),
			"connecting endpoint="+to.String())
	})
}

// requireInOrder demands that want are among the messages, in that order.
func requireInOrder(t *testing.T, messages []string, want ...string) {
	t.Helper()
	rest := messages
	for _, m := range want {
		i := slices.Index(rest, m)
		if i < 0 {
			t.Fatalf("%q is missing, or out of order, in\n%s", m, strings.Join(messages, "\n"))
		}
		rest = rest[i+1:]
	}
}

// It stays while a connection is in use, however long that says nothing.
func TestEndpointInUse(t *testing.T) {
	n := build(t)
	n.serve(t, "7000", (&rawServer{}).handle)
	inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
		w := led(t, intercept.Nft, raw(mode, `stale_after = "100ms"`))
		c := n.dial(t, at(ip.client, 0), at(ip.server, 7000))
		w.eventually("it is a tunnel", func() bool { return w.stats().TunnelsOpen == 1 })
		kept := func() int { return strings.Count(w.log.String(), `"endpoint kept, connections are in use"`) }
		before := kept()
		w.eventually("it is kept twice", func() bool { return kept() >= before+2 })
		if s := w.stats(); s.Endpoints != 1 || s.TunnelsOpen != 1 {
			t.Errorf("stats %+v", s)
		}
		if _, err := c.Write([]byte{tellEnds}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Errorf("the connection does not work: %v", err)
		}
		_ = c.Close()
		w.eventually("the endpoint is gone", func() bool { return w.stats().Endpoints == 0 })
	})
}

// A destination more than there may be is refused, until another is stale.
func TestMaxEndpoints(t *testing.T) {
	n := build(t)
	n.serveHTTP(t, "80", webServer{})
	inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
		w := led(t, intercept.Nft, web(mode, "", "max_endpoints = 1\nstale_after = \"100ms\""))
		first := n.dial(t, at(ip.client, 0), at(ip.server, 80))
		if _, _, err := (ws.Dialer{}).Upgrade(first, echoURL); err != nil {
			t.Fatal(err)
		}
		second := n.httpClient(t, at(ip.client, 0), at(ip.otherServer, 80))
		if res, _ := second.get("/"); res.StatusCode != 503 || res.Header.Get("Weir-Error") != fault.EndpointsFull.String() {
			t.Errorf("the second: %s, %v", res.Status, res.Header)
		}
		if err := wsutil.WriteClientText(first, []byte("still there")); err != nil {
			t.Fatal(err)
		}
		if got, err := wsutil.ReadServerText(first); err != nil || string(got) != "still there" {
			t.Errorf("the first: %q, %v", got, err)
		}
		_ = first.Close()
		w.eventually("the first is stale", func() bool { return w.stats().Endpoints == 0 })
		third := n.httpClient(t, at(ip.client, 0), at(ip.otherServer, 80))
		if res, body := third.get("/"); res.StatusCode != 200 {
			t.Errorf("the second, when the first is stale: %s, %s", res.Status, body)
		}
		if n := w.stats().Faults[fault.EndpointsFull]; n != 1 {
			t.Errorf("counted %d times", n)
		}
		_, _ = second.Close(), third.Close()
	})
}
