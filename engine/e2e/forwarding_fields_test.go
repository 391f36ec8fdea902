package e2e

import (
	"regexp"
	"testing"
)

const claims = "X-Forwarded-For: 9.9.9.9, 10.0.0.1\r\nX-Forwarded-For: 127.0.0.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n" +
	"X-Request-Id: theirs\r\nForwarded: for=9.9.9.9\r\nX-Forwarded-Port: 444\r\nVia: 1.1 front\r\n"

const askClient = `request_headers = { set = { X-Client = "{client_ip}", X-Id = "{request_id}" } }`

// A stranger's word on where a request comes from is replaced; a trusted proxy's
// is kept and added to.
func TestForwardingFields(t *testing.T) {
	tests := []struct {
		name, trusted, fields string
		want                  map[string]string // "*": any
	}{
		{"nothing claimed", "", "", map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "a", "Via": "1.1 weir", "X-Client": "127.0.0.1",
		}},
		{"a stranger's claims", "", claims, map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "a", "X-Forwarded-Port": "-", "Forwarded": "-",
			"Via": "1.1 front, 1.1 weir", "X-Client": "127.0.0.1",
		}},
		{"a stranger's claims with underscores", "", "X_Forwarded_For: 9.9.9.9\r\nx_request-id: theirs\r\nContent_Length: 5\r\nX_Other: kept\r\n", map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X_Forwarded_For": "-", "x_request-id": "-", "Content_Length": "-", "X_Other": "kept",
		}},
		{"another network is trusted", `trusted_proxies = ["10.0.0.0/8"]`, claims, map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X-Client": "127.0.0.1", "X-Forwarded-Proto": "http",
		}},
		{"a trusted proxy's claims", `trusted_proxies = ["127.0.0.0/8"]`, claims, map[string]string{
			"X-Forwarded-For": "9.9.9.9, 10.0.0.1, 127.0.0.9, 127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil",
			"Forwarded": "for=9.9.9.9", "X-Request-Id": "theirs", "X-Id": "theirs", "Via": "1.1 front, 1.1 weir", "X-Client": "10.0.0.1",
		}},
		{"all of the chain is trusted", `trusted_proxies = ["127.0.0.0/8", "10.0.0.0/8"]`, claims, map[string]string{"X-Client": "9.9.9.9", "X-Request-Id": "theirs"}},
		{"nonsense in the chain", `trusted_proxies = ["127.0.0.0/8"]`, "X-Forwarded-For: 1.2.3.4, <script>\r\n", map[string]string{
			"X-Client": "127.0.0.1",
		}},
		{"IPv6 with a port", `trusted_proxies = ["127.0.0.0/8"]`, "X-Forwarded-For: [2001:db8::1]:443\r\n", map[string]string{"X-Client": "2001:db8::1"}},
	}
	generated := regexp.MustCompile("^[0-9a-f]{32}$")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			backend, heads := heard(t)
			w := start(t, oneCluster(backend, askClient), tt.trusted)
			w.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + tt.fields + "\r\n")
			head := receive(t, heads)
			for name, want := range tt.want {
				if got := field(head, name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if id := field(head, "X-Request-Id"); tt.want["X-Request-Id"] == "" && (!generated.MatchString(id) || field(head, "X-Id") != id) {
				t.Errorf("X-Request-Id: %q, in the template %q", id, field(head, "X-Id"))
			}
		})
	}
}
