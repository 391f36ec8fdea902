package route

import (
	"testing"
	"time"

	"weir/configs"
)

func TestAppendHTTPS(t *testing.T) {
	tests := []struct {
		name         string
		host, target string
		port         int
		want         string
	}{
		{"as it came", "a.test", "/x?y=z", 443, "https://a.test/x?y=z"},
		{"the port of http goes", "a.test:8080", "/", 443, "https://a.test/"},
		{"the port of https comes", "a.test:8080", "/", 8443, "https://a.test:8443/"},
		{"no port before", "a.test", "/", 8443, "https://a.test:8443/"},
		{"IPv6", "[2001:db8::1]", "/", 443, "https://[2001:db8::1]/"},
		{"IPv6 with a port", "[2001:db8::1]:80", "/", 8443, "https://[2001:db8::1]:8443/"},
		{"two slashes are a path of this host", "a.test", "//evil.test/", 443, "https://a.test//evil.test/"},
		{"absolute form", "a.test", "http://evil.test/x", 443, "https://a.test/"},
		{"asterisk", "a.test", "*", 443, "https://a.test/"},
		{"nothing", "a.test", "", 443, "https://a.test/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Route{}
			r.compileHTTPS(&configs.Route{HTTPSRedirect: true, HTTPSPort: tt.port})
			if got := string(r.AppendHTTPS([]byte("> "), []byte(tt.host), []byte(tt.target))); got != "> "+tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCompileHTTPS(t *testing.T) {
	year := configs.Duration(365 * 24 * time.Hour)
	tests := []struct {
		name  string
		route configs.Route
		port  uint16
		hsts  string
	}{
		{"neither", configs.Route{HTTPSPort: 443}, 0, ""},
		{"redirect", configs.Route{HTTPSRedirect: true, HTTPSPort: 8443}, 8443, ""},
		{"HSTS", configs.Route{HSTS: &configs.HSTS{MaxAge: year}}, 0, "max-age=31536000"},
		{"HSTS taken back", configs.Route{HSTS: &configs.HSTS{}}, 0, "max-age=0"},
		{"whole seconds", configs.Route{HSTS: &configs.HSTS{MaxAge: configs.Duration(1999 * time.Millisecond)}}, 0, "max-age=1"},
		{"all of it", configs.Route{HSTS: &configs.HSTS{MaxAge: year, IncludeSubdomains: true, Preload: true}}, 0, "max-age=31536000; includeSubDomains; preload"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Route{}
			r.compileHTTPS(&tt.route)
			if r.HTTPSPort != tt.port || r.HSTS != tt.hsts {
				t.Errorf("port %d, HSTS %q; want %d, %q", r.HTTPSPort, r.HSTS, tt.port, tt.hsts)
			}
		})
	}
}
