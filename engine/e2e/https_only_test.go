package e2e

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	"weir/engine/fault"
	"weir/engine/tlstest"
)

// Strict-Transport-Security goes to those who came by TLS, and to no others; an
// endpoint's own is left as it is.
func TestHSTSOnlyOverTLS(t *testing.T) {
	ca := tlstest.New(t)
	backend := scripted(t, func(c *net.TCPConn, r *bufio.Reader) {
		for {
			head, err := readHead(r)
			if err != nil {
				return
			}
			answer := ok("x")
			if strings.HasPrefix(head, "GET /own") {
				answer = "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 0\r\n\r\n"
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	})
	toml := oneCluster(backend, `hsts = { max_age = "24h", include_subdomains = true, preload = true }`) +
		"[[routes]]\npath = \"/local\"\nrespond = { body = \"local\" }\nhsts = { max_age = \"1h\" }\n" +
		"[[routes]]\npath = \"/without\"\nrespond = { body = \"local\" }\n"
	const all = "max-age=86400; includeSubDomains; preload"
	secured := start(t, toml, edgeTLS(ca))
	c := secured.secure(trusting(ca))
	for path, want := range map[string]string{"/": all, "/own": "max-age=1", "/local": "max-age=3600", "/without": ""} {
		if res, _ := c.get(edgeName, path); strings.Join(res.Header.Values("Strict-Transport-Security"), "|") != want {
			t.Errorf("%s: %q, want %q", path, res.Header.Values("Strict-Transport-Security"), want)
		}
	}
	_ = c.Close()
	secured.requireQuiet()
	plain := start(t, toml)
	p := plain.client()
	for path, want := range map[string]string{"/": "", "/own": "max-age=1", "/local": ""} {
		if res, _ := p.get(path); strings.Join(res.Header.Values("Strict-Transport-Security"), "|") != want {
			t.Errorf("%s without TLS: %q, want %q", path, res.Header.Values("Strict-Transport-Security"), want)
		}
	}
	_ = p.Close()
}

// https_redirect sends those without TLS away, and lets the others in. What a trusted
// proxy says of its client counts, or it would be sent in circles.
func TestHTTPSRedirect(t *testing.T) {
	ca := tlstest.New(t)
	backend, seen := heard(t)
	toml := oneCluster(backend, "https_redirect = true\nhsts = { max_age = \"1h\" }") +
		"[[routes]]\nprefix = \"/port\"\ncluster = \"main\"\nhttps_redirect = true\nhttps_port = 8443\n"
	plain := start(t, toml)
	behind := start(t, toml, `trusted_proxies = ["127.0.0.1"]`)
	for _, tt := range []struct {
		w        *weir
		request  string
		location string // "": it is let in
	}{
		{plain, "GET /a%20b?c=d HTTP/1.1\r\nHost: Edge.Test:8080\r\n", "https://Edge.Test/a%20b?c=d"},
		{plain, "POST /port/x HTTP/1.1\r\nHost: edge.test\r\nContent-Length: 0\r\n", "https://edge.test:8443/port/x"},
		{plain, "GET / HTTP/1.1\r\nHost: [::1]:80\r\n", "https://[::1]/"},
		{plain, "GET http://edge.test/abs HTTP/1.1\r\nHost: edge.test\r\n", "https://edge.test/"},
		{plain, "GET /a HTTP/1.1\r\nHost: edge.test\r\nX-Forwarded-Proto: https\r\n", "https://edge.test/a"},
		{behind, "GET /a HTTP/1.1\r\nHost: edge.test\r\n", "https://edge.test/a"},
		{behind, "GET /a HTTP/1.1\r\nHost: edge.test\r\nX-Forwarded-Proto: http\r\n", "https://edge.test/a"},
		{behind, "GET /a HTTP/1.1\r\nHost: edge.test\r\nX-Forwarded-Proto: https\r\n", ""},
		{behind, "GET /ws HTTP/1.1\r\nHost: edge.test\r\n" + upgradeFields, "https://edge.test/ws"},
	} {
		c := tt.w.client()
		c.send(tt.request + "\r\n")
		res, _ := c.response("GET")
		want := 308
		if tt.location == "" {
			want = 200
			if head := receive(t, seen); field(head, "X-Forwarded-Proto") != "https" {
				t.Errorf("the endpoint saw %q", head)
			}
		}
		if res.StatusCode != want || res.Header.Get("Location") != tt.location {
			t.Errorf("%q: %s, Location %q; want %d, %q", tt.request, res.Status, res.Header.Get("Location"), want, tt.location)
		}
		if hsts := res.Header.Get("Strict-Transport-Security"); hsts != "" && want == 308 {
			t.Errorf("%q: a redirect without TLS has %q", tt.request, hsts)
		}
		_ = c.Close()
	}
	if len(seen) > 0 {
		t.Error("a request that was sent away reached the endpoint")
	}
	behind.stop()
	plain.stop()
	w := start(t, toml, edgeTLS(ca))
	c := w.secure(trusting(ca))
	if res, body := c.get(edgeName, "/in"); res.StatusCode != 200 || body != "heard" || res.Header.Get("Strict-Transport-Security") != "max-age=3600" {
		t.Errorf("with TLS: %s %q %v", res.Status, body, res.Header)
	}
	_ = c.Close()
}

// A request for a host that the connection's certificate is not for could reach
// what another configuration was to guard.
func TestMisdirectedRequests(t *testing.T) {
	ca := tlstest.New(t)
	leaves := []*tlstest.Leaf{ca.Issue([]string{edgeName, "also.test"}), ca.Issue([]string{"*.a.test"}), ca.Issue([]string{"b.test"})}
	w := start(t, respondAll, endsTLS(leaves))
	misdirected := int64(0)
	for _, tt := range []struct {
		sni, host string
		status    int
	}{
		{edgeName, edgeName, 200},
		{edgeName, edgeName + ":8443", 200},
		{edgeName, "EDGE.TEST", 200},
		{edgeName, edgeName + ".", 200},
		{edgeName, "also.test", 200},
		{edgeName, "b.test", 421},
		{edgeName, "x.a.test", 421},
		{"x.a.test", "y.a.test", 200},
		{"x.a.test", "x.y.a.test", 421},
		{"x.a.test", "a.test", 421},
		{"b.test", edgeName, 421},
		{"", "b.test", 200}, // no name, no promise
	} {
		cfg := trusting(ca)
		cfg.ServerName, cfg.InsecureSkipVerify = tt.sni, true
		c := w.secure(cfg)
		res, _ := c.get(tt.host, "/")
		if res.StatusCode != tt.status || (res.Header.Get("Weir-Error") == "misdirected") != (tt.status == 421) {
			t.Errorf("SNI %q, Host %q: %s, Weir-Error %q; want %d", tt.sni, tt.host, res.Status, res.Header.Get("Weir-Error"), tt.status)
		}
		if tt.status == 421 {
			misdirected++
		}
		_ = c.Close()
	}
	w.requireFault(fault.Misdirected, misdirected)
	// curl goes on to other hosts on the same connection only if the certificate covers
	// them, and is not told 421 then.
	if got := w.curlEdge(ca, "https", "-w", "%{http_code}", "EDGE/"); got != "hello200" {
		t.Errorf("curl got %q", got)
	}
}
