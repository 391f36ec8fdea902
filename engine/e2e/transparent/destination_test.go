package transparent

import (
	"bufio"
	"net/netip"
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/intercept"
)

const named = "X-Original-Dst"

// A trusted peer names another destination in a field, which ends at weir.
func TestDestinationHeader(t *testing.T) {
	n := build(t)
	n.serveHTTP(t, "80", webServer{})
	inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
		w := led(t, intercept.Nft, web(mode, `trusted_proxies = ["10.77.1.2", "fd77:1::2"]`, `destination_header = "`+named+`"`))
		other := named + ": " + at(ip.otherServer, 80).String()
		trusted, stranger := ip.client, ip.otherClient
		badRequests := int64(0)
		for _, tt := range []struct {
			name   string
			from   netip.Addr
			fields []string
			to     netip.Addr // the server that answers, if one does
			fault  fault.Kind
			status int
		}{
			{"none", trusted, nil, ip.server, fault.None, 200},
			{"trusted", trusted, []string{other}, ip.otherServer, fault.None, 200},
			{"in lower case", trusted, []string{strings.ToLower(other)}, ip.otherServer, fault.None, 200},
			{"a stranger's", stranger, []string{other}, ip.server, fault.None, 200},
			{"a stranger's nonsense", stranger, []string{named + ": x", other}, ip.server, fault.None, 200},
			{"no address", trusted, []string{named + ": server.test:80"}, netip.Addr{}, fault.BadDestination, 400},
			{"no port", trusted, []string{named + ": " + ip.server.String()}, netip.Addr{}, fault.BadDestination, 400},
			{"port 0", trusted, []string{named + ": " + at(ip.server, 0).String()}, netip.Addr{}, fault.BadDestination, 400},
			{"everywhere", trusted, []string{named + ": [::]:80"}, netip.Addr{}, fault.BadDestination, 400},
			{"a group", trusted, []string{named + ": 224.0.0.1:80"}, netip.Addr{}, fault.BadDestination, 400},
			{"a zone", trusted, []string{named + ": [fe80::1%rs]:80"}, netip.Addr{}, fault.BadDestination, 400},
			{"empty", trusted, []string{named + ":"}, netip.Addr{}, fault.BadDestination, 400},
			{"two", trusted, []string{other, other}, netip.Addr{}, fault.BadDestination, 400},
			{"weir", trusted, []string{named + ": " + at(ip.router, 15001).String()}, netip.Addr{}, fault.DirectConnection, 421},
			{"weir by loopback", trusted, []string{named + ": 127.0.0.1:15001"}, netip.Addr{}, fault.DirectConnection, 421},
		} {
			c := n.httpClient(t, at(tt.from, 0), at(ip.server, 80))
			res, body := c.get("/", tt.fields...)
			name := ""
			if tt.fault != fault.None {
				name = tt.fault.String()
				badRequests++
			}
			if res.StatusCode != tt.status || res.Header.Get("Weir-Error") != name {
				t.Errorf("%s: %s, %q", tt.name, res.Status, res.Header.Get("Weir-Error"))
			} else if tt.to.IsValid() && parseEnds(t, body).local != at(tt.to, 80) {
				t.Errorf("%s: answered by %s", tt.name, body)
			}
			if v, there := res.Header["Saw-"+named]; there {
				t.Errorf("%s: the server saw %q", tt.name, v)
			}
			_ = c.Close()
		}
		w.eventually("all is over", func() bool { return w.stats().Sessions == 0 })
		s := w.stats()
		if got := s.Faults[fault.BadDestination] + s.Faults[fault.DirectConnection]; got != badRequests || s.Exchanges != s.Accepted {
			t.Errorf("%d faults, want %d; %+v", got, badRequests, s)
		}
	})
}

// Ports of destinations are replaced, and others stay.
func TestDestinationPorts(t *testing.T) {
	n := build(t)
	n.serve(t, "7000", (&rawServer{}).handle)
	n.serve(t, "7007", (&rawServer{}).handle)
	inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
		text := strings.Replace(raw(mode, "destination_ports = { 7001 = 7007 }"), `["7000"]`, `["7000-7001"]`, 1)
		w := led(t, intercept.Nft, text)
		for port, want := range map[uint16]uint16{7000: 7000, 7001: 7007} {
			c := n.dial(t, at(ip.client, 0), at(ip.server, port))
			if _, err := c.Write([]byte{tellEnds}); err != nil {
				t.Fatal(err)
			}
			got := readEnds(t, bufio.NewReader(c))
			if got.local != at(ip.server, want) {
				t.Errorf("port %d: the server saw %v", port, got)
			}
			_ = c.Close()
		}
		for _, l := range w.lines() {
			if l.Kind != "tunnel" || strings.HasSuffix(l.Original, ":7001") != strings.HasSuffix(l.Endpoint, ":7007") {
				t.Errorf("log line %+v", l)
			}
		}
		if s := w.stats(); s.Tunnels != 2 {
			t.Errorf("stats %+v", s)
		}
	})
}
