package transparent

import (
	"net/netip"
	"testing"

	"weir/engine/fault"
)

// Destinations that cannot be had: nobody listens there, or there is no way.
var failScenarios = []scenario{
	{name: "refused, HTTP", happen: webFails(refused), connections: 1, exchanges: 1},
	{name: "refused", happen: rawFails(refused), connections: 1},
	{name: "unreachable, HTTP", happen: webFails(unreachable), connections: 1, exchanges: 1},
	{name: "unreachable", happen: rawFails(unreachable), connections: 1},
}

func refused(r *run) netip.Addr     { return r.ip.server }
func unreachable(r *run) netip.Addr { return r.ip.unroutable }

// webFails demands a 503.
func webFails(where func(r *run) netip.Addr) func(t *testing.T, r *run) {
	return func(t *testing.T, r *run) {
		c := r.net.httpClient(t, at(r.ip.client, 0), at(where(r), r.web()+9))
		if res, _ := c.get("/"); res.StatusCode != 503 || res.Header.Get("Weir-Error") != fault.NoEndpoint.String() {
			t.Errorf("%s, %v", res.Status, res.Header)
		}
		_ = c.Close()
	}
}

// rawFails demands a reset: the connection was accepted before there was one to the
// destination.
func rawFails(where func(r *run) netip.Addr) func(t *testing.T, r *run) {
	return func(t *testing.T, r *run) {
		c, err := r.net.tryDial(at(r.ip.client, 0), at(where(r), r.raw()+9))
		if err == nil { // otherwise the reset was faster than its return
			_, err = c.Read(make([]byte, 1))
			_ = c.Close()
		}
		if !isReset(err) {
			t.Errorf("the client got %v, not a reset", err)
		}
	}
}
