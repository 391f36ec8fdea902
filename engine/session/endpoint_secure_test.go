package session

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"weir/configs"
	"weir/engine/transport"
	"weir/engine/transport/transporttest"
)

// How a handshake with an endpoint fails, for HTTP and for opaque bytes.
func TestEndpointHandshakeFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*setup)
		do   func(f *fixture, up *transporttest.Link)
		want string
	}{
		{"no TLS", nil, func(_ *fixture, up *transporttest.Link) { up.Send("HTTP/1.1 400 Bad Request\r\n\r\n") }, "upstream_handshake"},
		{"FIN", nil, func(_ *fixture, up *transporttest.Link) { up.Shut() }, "upstream_handshake"},
		{"reset", nil, func(_ *fixture, up *transporttest.Link) { up.ResetByPeer() }, "upstream_handshake"},
		{"wrong host", func(s *setup) { s.cluster.TLS.ServerName = "x.example" },
			func(f *fixture, up *transporttest.Link) { endpointTLS(up, newPKI(f).server(f)).flow() }, "upstream_cert_wrong_host"},
		{"too slow", nil, func(f *fixture, _ *transporttest.Link) { f.n.Advance(5*second + tick) }, "connect_timeout"},
	} {
		for _, opaque := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, opaque %v", tt.name, opaque), func(t *testing.T) {
				edit := []func(*setup){toTLS, logged}
				if tt.edit != nil {
					edit = append(edit, tt.edit)
				}
				if opaque {
					edit = append(edit, opaqueTCP)
				}
				f := newFixture(t, edit...)
				client := f.client()
				client.Send(get)
				tt.do(f, f.up())
				got := client.Take()
				if opaque {
					if !client.GotRST() || got != "" {
						t.Errorf("reset %v, got %q", client.GotRST(), got)
					}
				} else {
					wantHead(t, got, "HTTP/1.1 50", "Weir-Error: "+tt.want)
					if strings.Contains(got, "x509") || strings.Contains(got, "10.1.0.1") {
						t.Errorf("the client is told too much: %q", got)
					}
				}
				list := f.records()
				if len(list) != 1 || list[0].Fault != tt.want || (list[0].Detail == "") != (tt.want == "connect_timeout") {
					t.Errorf("lines %+v", list)
				}
			})
		}
	}
}

// What one endpoint failed of is not told of the next.
func TestDetailBelongsToItsEndpoint(t *testing.T) {
	f := newFixture(t, toTLS, logged, func(s *setup) {
		s.cluster.Endpoints = configs.NewCluster("10.1.0.1:80", "10.1.0.2:80").Endpoints
	})
	client := f.client()
	client.Send(get)
	f.up().Send("no TLS at all")
	up := f.secureUp()
	up.hear()
	up.Send(up.notify())
	wantHead(t, client.Take(), "HTTP/1.1 502 ", "Weir-Error: upstream_closed")
	wantRecords(t, f, record{Kind: "exchange", Target: "/", Status: 502, Fault: "upstream_closed"})
	if strings.Contains(f.lines.String(), `"detail"`) {
		t.Errorf("line %s", f.lines.String())
	}
}

// A response that its framing ends is whole whatever TLS says; one that the end of the
// connection ends needs close_notify.
func TestResponseTruncatedByTLS(t *testing.T) {
	for _, tt := range []struct {
		name, response string
		notify         bool
		whole          bool
	}{
		{"length, FIN", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, true},
		{"until close, close_notify", "HTTP/1.1 200 OK\r\n\r\nok", true, true},
		{"until close, FIN", "HTTP/1.1 200 OK\r\n\r\nok", false, false},
		{"half a length, close_notify", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, toTLS, logged)
			client := f.client()
			client.Send(get)
			up := f.secureUp()
			up.hear()
			out := up.seal(tt.response)
			if tt.notify {
				out += up.notify()
			}
			up.SendShut(out)
			got := client.Take()
			want := record{Kind: "exchange", Target: "/", Status: 200}
			whole := strings.HasSuffix(got, "\r\n\r\nok") || strings.HasSuffix(got, "2\r\nok\r\n0\r\n\r\n")
			if !tt.whole {
				want.ClosedBy = "endpoint"
				if want.Fault = "upstream_tls_truncated"; tt.notify {
					want.Fault = "response_truncated"
				}
				whole = whole && !strings.Contains(tt.response, "3\r\n")
			}
			if whole != tt.whole || client.Closed() == tt.whole {
				t.Errorf("got %q, closed %v", got, client.Closed())
			}
			wantRecords(t, f, want)
		})
	}
}

// Handshakes that may not begin are refused, on either side, and cost one try.
func TestNoRoomForHandshakes(t *testing.T) {
	f := newFixture(t, toTLS, func(s *setup) {
		s.cluster.Endpoints = configs.NewCluster("10.1.0.1:80", "10.1.0.2:80").Endpoints
	})
	f.n.Loop.Handshakes = transport.NewHandshakes(0, 0, nil)
	client := f.client()
	client.Send(get)
	f.up()
	wantHead(t, client.Take(), "HTTP/1.1 503 ", "Weir-Error: handshakes_full")
	if f.n.Dials() != 1 {
		t.Errorf("%d dials", f.n.Dials())
	}
	f = newFixture(t, overTLS, logged)
	f.n.Loop.Handshakes = transport.NewHandshakes(0, 0, nil)
	down := f.client()
	down.Send(hello(f, "a.example"))
	if !down.GotFIN() {
		t.Error("not closed")
	}
	wantRecords(t, f, record{Kind: "refused", Fault: "handshakes_full", ClosedBy: "weir"})
}

// With TLS 1.3 weir learns only from the first read that it should have shown a
// certificate.
func TestEndpointWantsCertificate(t *testing.T) {
	f := newFixture(t, toTLS, logged)
	client := f.client()
	client.Send(get)
	cfg := newPKI(t).server(t)
	cfg.ClientAuth = tls.RequireAnyClientCert
	endpointTLS(f.up(), cfg).flow()
	wantHead(t, client.Take(), "HTTP/1.1 502 ", "Weir-Error: upstream_handshake")
	wantRecords(t, f, record{Kind: "exchange", Target: "/", Status: 502, Fault: "upstream_handshake", Detail: "remote error: tls: certificate required"})
}

// A record that is broken in a response: before its head, and inside its body.
func TestEndpointBreaksRecord(t *testing.T) {
	for _, begun := range []bool{false, true} {
		f := newFixture(t, toTLS, logged)
		client := f.client()
		client.Send(get)
		up := f.secureUp()
		up.hear()
		want := record{Kind: "exchange", Target: "/", Status: 502, Fault: "upstream_tls_record"}
		if begun {
			up.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
			want = record{Kind: "exchange", Target: "/", Status: 200, Fault: "upstream_tls_record", ClosedBy: "endpoint"}
		}
		bad := up.seal("x")
		up.Send(spoiled(bad))
		if !up.gotAlert("bad record MAC") {
			t.Errorf("the endpoint got %v", up.err)
		}
		wantRecords(t, f, want)
	}
}
