package session

import (
	"net/netip"
	"strings"
	"testing"

	"weir/configs"
	"weir/engine/fault"
	"weir/engine/transport"
)

func addr(s string) transport.Addr { return transport.AddrFrom(netip.MustParseAddrPort(s)) }

// hidden is a transparent listener that leads to where its clients were going.
func hidden(s *setup) {
	s.listener.Transparent = "tproxy"
	s.cluster = configs.NewCluster()
	s.cluster.Discovery = "original_dst"
	s.local = addr("192.0.2.7:80")
	s.owns = func(a transport.Addr) bool { return a.Port() == 15001 }
	s.access = true
}

func trustsAll(s *setup) { s.listener.TrustedProxies = []string{"10.0.0.0/8"} }

func hiddenTCP(s *setup) { hidden(s); opaqueTCP(s) }

func TestOriginalDestination(t *testing.T) {
	f := newFixture(t, hidden)
	client, up := f.exchanging(get)
	if up.To != f.local || !up.From.IsZero() || up.Mark != 0 {
		t.Errorf("%+v", up.Outgoing)
	}
	up.Send(ok)
	if got := body(client.Take()); got != "ok" {
		t.Errorf("got %q", got)
	}
	// The next request of the same client takes the same connection, another client with
	// another destination does not.
	client.Send(get)
	if up.Take() == "" || f.n.Dials() != 1 {
		t.Error("not used again")
	}
	up.Send(ok)
	f.local = addr("192.0.2.7:81")
	_, other := f.exchanging(get)
	if other.To != f.local || f.counters.Endpoints.Load() != 2 {
		t.Errorf("%+v, %d endpoints", other.Outgoing, f.counters.Endpoints.Load())
	}
	other.Send(ok)
	list := f.records()
	if len(list) != 3 || list[0].Original != "192.0.2.7:80" || list[2].Original != "192.0.2.7:81" {
		t.Errorf("%+v", list)
	}
}

func TestOriginalDestinationOfOpaqueBytes(t *testing.T) {
	f := newFixture(t, hiddenTCP)
	client := f.client()
	up := f.up()
	if up.To != f.local {
		t.Errorf("%+v", up.Outgoing)
	}
	client.Send("abc")
	if got := up.Take(); got != "abc" {
		t.Errorf("got %q", got)
	}
}

// What is meant for weir itself would come back to it for ever.
func TestDirectConnectionIsRefused(t *testing.T) {
	for name, edit := range map[string]func(*setup){"http": hidden, "tcp": hiddenTCP} {
		f := newFixture(t, edit, func(s *setup) { s.local = addr("10.9.9.9:15001") })
		client := f.client()
		if !client.GotRST() || f.n.Dials() != 0 || f.faults(fault.DirectConnection) != 1 {
			t.Errorf("%s: reset %v, %d dials", name, client.GotRST(), f.n.Dials())
		}
		wantRecords(t, f, record{Kind: "refused", Status: 0, Fault: "direct_connection", Detail: "10.9.9.9:15001", ClosedBy: "weir", Original: "10.9.9.9:15001"})
	}
}

// A listener that is not transparent has no original destinations but its own address.
func TestNoOriginalDestination(t *testing.T) {
	f := newFixture(t, hidden, func(s *setup) { s.listener.Transparent, s.local = "off", addr("127.0.0.1:15001") })
	client := f.client()
	client.Send(get)
	wantHead(t, client.Take(), "HTTP/1.1 421 ", "Weir-Error: direct_connection")
	if f.n.Dials() != 0 {
		t.Error("dialled")
	}
}

func TestDestinationHeader(t *testing.T) {
	const name = "X-Original-Dst: "
	for _, tt := range []struct {
		name    string
		fields  string
		trusted bool
		to      string // of the dial
		status  string // instead
	}{
		{"none", "", true, "192.0.2.7:80", ""},
		{"IPv4", name + "198.51.100.1:8080\r\n", true, "198.51.100.1:8080", ""},
		{"in another case", "x-oRIGINAL-dst: 198.51.100.1:8080\r\n", true, "198.51.100.1:8080", ""},
		{"IPv6", name + "[2001:db8::1]:443\r\n", true, "[2001:db8::1]:443", ""},
		{"IPv4 in IPv6", name + "[::ffff:198.51.100.1]:80\r\n", true, "198.51.100.1:80", ""},
		{"of a stranger", name + "198.51.100.1:8080\r\n", false, "192.0.2.7:80", ""},
		{"garbage of a stranger", name + "x\r\n", false, "192.0.2.7:80", ""},
		{"empty", name + "\r\n", true, "", "400 bad_destination"},
		{"no port", name + "198.51.100.1\r\n", true, "", "400 bad_destination"},
		{"port 0", name + "198.51.100.1:0\r\n", true, "", "400 bad_destination"},
		{"a name", name + "example.com:80\r\n", true, "", "400 bad_destination"},
		{"every address", name + "0.0.0.0:80\r\n", true, "", "400 bad_destination"},
		{"every address, as IPv6", name + "[::ffff:0.0.0.0]:80\r\n", true, "", "400 bad_destination"},
		{"every IPv6 address", name + "[::]:80\r\n", true, "", "400 bad_destination"},
		{"broadcast", name + "255.255.255.255:80\r\n", true, "", "400 bad_destination"},
		{"with an underscore", "X_Original-dst: 198.51.100.1:8080\r\n", true, "192.0.2.7:80", ""},
		{"multicast", name + "224.0.0.1:80\r\n", true, "", "400 bad_destination"},
		{"a zone", name + "[fe80::1%25eth0]:80\r\n", true, "", "400 bad_destination"},
		{"two of them", name + "198.51.100.1:8080\r\n" + name + "198.51.100.2:8080\r\n", true, "", "400 bad_destination"},
		{"a list", name + "198.51.100.1:8080, 198.51.100.2:8080\r\n", true, "", "400 bad_destination"},
		{"weir itself", name + "127.0.0.1:15001\r\n", true, "", "421 direct_connection"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			edits := []func(*setup){hidden, func(s *setup) { s.cluster.DestinationHeader = "X-Original-Dst" }}
			if tt.trusted {
				edits = append(edits, trustsAll)
			}
			f := newFixture(t, edits...)
			client := f.client()
			client.Send("GET / HTTP/1.1\r\nHost: a\r\n" + tt.fields + "\r\n")
			if tt.status != "" {
				code, kind, _ := strings.Cut(tt.status, " ")
				wantHead(t, client.Take(), "HTTP/1.1 "+code+" ", "Weir-Error: "+kind)
				if f.n.Dials() != 0 {
					t.Error("dialled")
				}
				return
			}
			up := f.up()
			if up.To != addr(tt.to) {
				t.Errorf("goes to %s", up.To)
			}
			if got := up.Take(); !strings.HasPrefix(got, "GET / ") || strings.Contains(strings.ReplaceAll(strings.ToLower(got), "_", "-"), "x-original-dst") {
				t.Errorf("the endpoint got %q", got)
			}
			up.Send(ok)
		})
	}
}

// Wherever a destination comes from, what would lead back to weir is refused: by a port
// in place of another, or as an address that the kernel takes for this machine.
func TestDestinationsThatLeadBack(t *testing.T) {
	f := newFixture(t, hidden, func(s *setup) { s.cluster.DestinationPorts = map[string]int{"80": 15001} })
	client := f.client()
	client.Send(get)
	wantHead(t, client.Take(), "HTTP/1.1 421 ", "Weir-Error: direct_connection")
	for header, kind := range map[string]fault.Kind{
		"PROXY TCP4 203.0.113.9 0.0.0.0 5000 81\r\n":         fault.BadDestination,
		"PROXY TCP6 2001:db8::1 :: 5000 81\r\n":              fault.BadDestination,
		"PROXY TCP4 203.0.113.9 255.255.255.255 5000 81\r\n": fault.BadDestination,
		"PROXY TCP4 203.0.113.9 198.51.100.1 5000 15001\r\n": fault.DirectConnection,
	} {
		for name, edit := range map[string]func(*setup){"http": hidden, "tcp": hiddenTCP} {
			f := newFixture(t, edit, proxied)
			client := f.client()
			client.Send(header + get)
			if f.n.Dials() != 0 || f.faults(kind) != 1 {
				t.Errorf("%s: %q: %d dials, %d of %s", name, header, f.n.Dials(), f.faults(kind), kind)
			}
		}
	}
}

func TestTooManyDestinations(t *testing.T) {
	f := newFixture(t, hidden, func(s *setup) { s.cluster.MaxEndpoints = 1 })
	f.exchanging(get)
	f.local = addr("192.0.2.8:80")
	client := f.client()
	client.Send(get)
	wantHead(t, client.Take(), "HTTP/1.1 503 ", "Weir-Error: endpoints_full")
	f = newFixture(t, hiddenTCP, func(s *setup) { s.cluster.MaxEndpoints = 1 })
	f.client()
	f.up()
	f.local = addr("192.0.2.8:80")
	if client := f.client(); !client.GotRST() || f.n.Dials() != 1 || f.faults(fault.EndpointsFull) != 1 {
		t.Errorf("reset %v, %d dials", client.GotRST(), f.n.Dials())
	}
}

// The endpoint sees the client's address, or the one that a PROXY header told.
func TestSourceOfUpstreamConnections(t *testing.T) {
	for _, tt := range []struct {
		source, header, from string
	}{
		{"client_ip", "", "10.0.0.1:0"},
		{"client_ip_port", "", "10.0.0.1:4000"},
		{"client_ip_port", "PROXY TCP4 203.0.113.9 198.51.100.2 5000 81\r\n", "203.0.113.9:5000"},
	} {
		f := newFixture(t, hidden, func(s *setup) {
			s.cluster.Source, s.cluster.Mark = tt.source, 9
			if tt.header != "" {
				proxied(s)
			}
		})
		client := f.client()
		client.Send(tt.header + get)
		up := f.up()
		to := f.local
		if tt.header != "" {
			to = addr("198.51.100.2:81")
		}
		if up.From != addr(tt.from) || up.To != to || up.Mark != 9 {
			t.Errorf("%s %q: %+v", tt.source, tt.header, up.Outgoing)
		}
	}
}
