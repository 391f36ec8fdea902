package transparent

import (
	"net/netip"
	"testing"

	"weir/engine/intercept"
)

// An idle connection is used again for the same destination only, and for the same
// client only if it was made in its name.
func TestReuse(t *testing.T) {
	n := build(t)
	n.serveHTTP(t, "80", webServer{})
	inEveryFamily(t, func(t *testing.T, ip addresses) {
		for _, tt := range []struct {
			source             string
			again, otherClient bool
		}{
			{"self", true, true},
			{"client_ip", true, false},
			{"client_ip_port", false, false},
		} {
			t.Run(tt.source, func(t *testing.T) {
				w := led(t, intercept.Nft, web("tproxy", "", "source = \""+tt.source+"\""))
				for _, step := range []struct {
					what     string
					from, to netip.Addr
					reuses   bool
				}{
					{"the first", ip.client, ip.server, false},
					{"again", ip.client, ip.server, tt.again},
					{"another destination", ip.client, ip.otherServer, false},
					{"another client", ip.otherClient, ip.server, tt.otherClient},
					{"and again", ip.client, ip.server, tt.again},
				} {
					before := w.stats()
					to := at(step.to, 80)
					c := n.httpClient(t, at(step.from, 0), to)
					for range 2 { // the same client with the same port may always
						_, body := c.get("/")
						got, peer := parseEnds(t, body), step.from
						if tt.source == "self" {
							peer = ip.router
						}
						if got.local != to || got.peer.Addr() != peer {
							t.Errorf("%s: the server saw %v", step.what, got)
						}
						w.eventually("it is idle", func() bool { return w.stats().Active == 0 })
					}
					_ = c.Close()
					s, want := w.stats(), int64(1)
					if step.reuses {
						want = 2
					}
					if s.Reused-before.Reused != want || s.Dialled-before.Dialled != 2-want {
						t.Errorf("%s: %d reused, %d dialled, want %d reused", step.what, s.Reused-before.Reused, s.Dialled-before.Dialled, want)
					}
				}
			})
		}
	})
}
