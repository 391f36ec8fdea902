package session

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"weir/configs"
	"weir/engine/fault"
)

func TestRedirectToHTTPS(t *testing.T) {
	for _, tt := range []struct {
		name, request, location string
		port                    int
	}{
		{"plain", "GET /a?b=c HTTP/1.1\r\nHost: a.example\r\n\r\n", "https://a.example/a?b=c", 443},
		{"port of the Host", "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", "https://a.example/", 443},
		{"port of its own", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "https://a.example:8443/", 8443},
		{"IPv6", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "https://[2001:db8::1]/", 443},
		{"POST", "POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\n\r\nx", "https://a.example/x", 443},
		{"two slashes", "GET //evil.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n", "https://a.example//evil.example/x", 443},
		{"absolute form", "GET http://a.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n", "https://a.example/", 443},
		{"no host", "GET / HTTP/1.0\r\n\r\n", "", 443},
		{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "", 443},
		{"bad host", "GET / HTTP/1.1\r\nHost: a@evil.example\r\n\r\n", "", 443},
		{"bad port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "", 443},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, func(s *setup) { s.route.HTTPSRedirect, s.route.HTTPSPort = true, tt.port })
			client := f.client()
			client.Send(tt.request)
			got := client.Take()
			if tt.location == "" {
				wantHead(t, got, "HTTP/1.1 400 ")
				return
			}
			wantHead(t, got, "HTTP/1.1 308 ", "Location: "+tt.location)
			if f.n.Dials() != 0 || strings.Contains(got, "Strict-Transport") {
				t.Errorf("%d dials, %q", f.n.Dials(), got)
			}
		})
	}
	// Who came by TLS, or says so and is believed, is there already.
	f := newFixture(t, overTLS, func(s *setup) { s.route.HTTPSRedirect = true })
	f.secureClient("a.example").say(get)
	f.up()
	for _, trusted := range []string{"10.0.0.0/8", "192.0.2.0/24"} {
		f := newFixture(t, func(s *setup) {
			s.route.HTTPSRedirect, s.route.HTTPSPort = true, 443
			s.listener.TrustedProxies = []string{trusted}
		})
		f.client().Send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: HTTPS\r\n\r\n")
		if believed := f.n.Dials() == 1; believed != (trusted == "10.0.0.0/8") {
			t.Errorf("%s: believed %v", trusted, believed)
		}
	}
}

func TestHSTS(t *testing.T) {
	const want = "Strict-Transport-Security: max-age=3600; includeSubDomains"
	hsts := func(s *setup) {
		s.route.HSTS = &configs.HSTS{MaxAge: configs.Duration(time.Hour), IncludeSubdomains: true}
	}
	const own = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nStrict-Transport-Security: max-age=1\r\n\r\n"
	for _, tt := range []struct {
		name     string
		edit     func(*setup)
		request  string
		response string
		want     []string
	}{
		{"over TLS", overTLS, get, ok, []string{want}},
		{"the endpoint's own", overTLS, get, own, []string{"Strict-Transport-Security: max-age=1"}},
		{"plain", func(*setup) {}, get, ok, nil},
		{"behind a proxy", func(s *setup) { s.listener.TrustedProxies = []string{"10.0.0.0/8"} },
			"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n", ok, []string{want}},
		{"a rule of the route", func(s *setup) {
			overTLS(s)
			s.route.ResponseHeaders.Set = map[string]string{"Strict-Transport-Security": "max-age=2"}
		}, get, ok, []string{"Strict-Transport-Security: max-age=2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.edit, hsts)
			var got string
			if f.ln.TLS != nil {
				client := f.secureClient("a.example")
				client.say(tt.request)
				f.up().Send(tt.response)
				got = client.hear()
			} else {
				client := f.client()
				client.Send(tt.request)
				f.up().Send(tt.response)
				got = client.Take()
			}
			var lines []string
			for line := range strings.SplitSeq(got, "\r\n") {
				if strings.HasPrefix(strings.ToLower(line), "strict-transport") {
					lines = append(lines, line)
				}
			}
			if strings.Join(lines, "|") != strings.Join(tt.want, "|") {
				t.Errorf("got %q, want %q", lines, tt.want)
			}
		})
	}
	f := newFixture(t, overTLS, hsts, func(s *setup) {
		s.route.Cluster, s.route.Respond = "", configs.NewRespond("hello")
	})
	client := f.secureClient("a.example")
	client.say(strings.Replace(get, "Host: a", "Host: a.example", 1))
	wantHead(t, client.hear(), "HTTP/1.1 200 ", want)
}

func TestMisdirectedRequests(t *testing.T) {
	for _, tt := range []struct {
		sni, host string
		ok        bool
	}{
		{"a.example", "a.example", true},
		{"a.example", "A.Example:443", true},
		{"a.example", "a.example.", true},
		{"a.example", "b.example", false},
		{"b.example", "x.b.example", true}, // the same certificate
		{"x.b.example", "y.b.example", true},
		{"x.b.example", "a.example", false},
		{"b.example", "other.example", false},
		{"b.example", "[::1]", false},
		{"b.example", "10.0.0.1", false},
		{"b.example", "", true},
	} {
		f := newFixture(t, overTLS)
		client := f.secureClient(tt.sni)
		request := "GET / HTTP/1.1\r\nHost: " + tt.host + "\r\n\r\n"
		if tt.host == "" {
			request = "GET / HTTP/1.0\r\n\r\n"
		}
		client.say(request)
		if tt.ok {
			if f.n.Dials() != 1 {
				t.Errorf("%s, then %s: %q", tt.sni, tt.host, client.hear())
			}
			continue
		}
		wantHead(t, client.hear(), "HTTP/1.1 421 ", "Weir-Error: misdirected")
		if f.n.Dials() != 0 || client.Closed() || f.faults(fault.Misdirected) != 1 {
			t.Errorf("%s, then %s: %d dials, closed %v", tt.sni, tt.host, f.n.Dials(), client.Closed())
		}
	}
	// Without a name in the hello, or without TLS, nobody is misdirected.
	f := newFixture(t)
	f.client().Send(get)
	f.up()
	f = newFixture(t, overTLS)
	client := clientTLS(f.client(), &tls.Config{InsecureSkipVerify: true})
	client.flow()
	client.say(strings.Replace(get, "Host: a", "Host: x.b.example", 1))
	f.up()
}

func TestHTTPToken(t *testing.T) {
	var asked []string
	f := newFixture(t, func(s *setup) {
		s.route.HTTPSRedirect, s.route.HTTPSPort = true, 443
		s.token = func(host, token []byte) ([]byte, bool) {
			asked = append(asked, string(host)+" "+string(token))
			return []byte("key." + string(token)), string(token) == "known"
		}
	})
	client := f.client()
	client.Send("GET /.well-known/acme-challenge/known HTTP/1.1\r\nHost: a.example:80\r\n\r\n")
	got := client.Take()
	wantHead(t, got, "HTTP/1.1 200 ", "Content-Length: 9", "Content-Type: application/octet-stream")
	if body(got) != "key.known" || client.Closed() {
		t.Errorf("got %q, closed %v", got, client.Closed())
	}
	// Anything else is a request like others, and the connection is as before.
	client.Send("GET /.well-known/acme-challenge/unknown HTTP/1.1\r\nHost: a.example\r\n\r\nGET /.well-known/x HTTP/1.1\r\nHost: a.example\r\n\r\n")
	if got := client.Take(); strings.Count(got, "HTTP/1.1 308 ") != 2 {
		t.Errorf("got %q", got)
	}
	if strings.Join(asked, "|") != "a.example:80 known|a.example unknown" {
		t.Errorf("asked %q", asked)
	}
}

// TLS inside TLS is not TLS on a plain port.
func TestTLSInsideHTTPS(t *testing.T) {
	f := newFixture(t, overTLS)
	client := f.secureClient("a.example")
	client.say(hello(f, "a.example"))
	wantHead(t, client.hear(), "HTTP/1.1 400 ", "Weir-Error: malformed_request")
}
