package e2e

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"

	"weir/engine/tlstest"
)

// With TLS ended at the listener, the server name and the protocol that was agreed on
// choose the cluster.
func TestTCPClusterByServerName(t *testing.T) {
	ca := tlstest.New(t)
	leaf := ca.Issue([]string{"one.test", "*.two.test", "other.test"})
	text := `[[listeners.edge.forward]]
server_names = ["one.test"]
alpn = ["mail"]
cluster = "mail"
[[listeners.edge.forward]]
server_names = ["one.test"]
cluster = "one"
[[listeners.edge.forward]]
server_names = ["*.two.test"]
cluster = "two"
` + endingTLS(leaf, `alpn = ["mail", "news"]`)
	for _, name := range []string{"main", "mail", "one", "two"} {
		text += clusterOf(name, []string{greeting(t, name)})
	}
	w := start(t, text, opaqueEdge)
	tests := []struct {
		name string
		alpn []string
		want string
	}{
		{"one.test", nil, "one"},
		{"ONE.test", nil, "one"},
		{"one.test", []string{"news"}, "one"},
		{"one.test", []string{"news", "mail"}, "mail"},
		{"a.two.test", nil, "two"},
		{"a.b.two.test", nil, "two"},
		{"other.test", nil, "main"},
		{"two.test", nil, "main"},
		{"", nil, "main"},
	}
	for _, tt := range tests {
		t.Run(tt.name+fmt.Sprint(tt.alpn), func(t *testing.T) {
			c := w.secured(&tls.Config{ServerName: tt.name, NextProtos: tt.alpn, InsecureSkipVerify: true})
			requireGreeting(t, c, tt.want)
		})
	}
}

// freePorts finds n ports in a row that nobody listens on. They are below those that the
// kernel gives to clients, so that none is taken before it is used.
func freePorts(t *testing.T, n int) (first int) {
	t.Helper()
	for range 200 {
		first = 10_000 + rand.IntN(20_000)
		free := 0
		for ; free < n; free++ {
			ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first+free)))
			if err != nil {
				break
			}
			_ = ln.Close()
		}
		if free == n {
			return first
		}
	}
	t.Fatalf("no %d free ports in a row", n)
	return 0
}

// One listener on a range of ports: the port that the client connected to chooses.
func TestTCPClusterByPort(t *testing.T) {
	p := freePorts(t, 4)
	text := fmt.Sprintf(`[listeners.edge]
address = "127.0.0.1:%d-%d"
protocol = "tcp"
cluster = "main"
[[listeners.edge.forward]]
ports = "%d"
cluster = "one"
[[listeners.edge.forward]]
ports = "%d-%d"
cluster = "two"
`, p, p+3, p, p+1, p+2)
	for _, name := range []string{"main", "one", "two"} {
		text += clusterOf(name, []string{greeting(t, name)})
	}
	w := startText(t, text)
	for i, want := range []string{"one", "two", "two", "main"} {
		requireGreeting(t, dialRaw(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(p+i))), want)
	}
	for i, line := range w.opaqueLines(4) {
		if line.Listener != "edge" {
			t.Errorf("line %d: %+v", i, line)
		}
	}
}
