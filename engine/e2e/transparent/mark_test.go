package transparent

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"weir/engine/intercept"
	"weir/engine/netnstest"
)

// Packets to the destination carry the mark of the cluster, all of them, and others
// none.
func TestMark(t *testing.T) {
	n := build(t)
	n.serveHTTP(t, "80", webServer{})
	netnstest.Shell(t, `nft -f - <<'E'
table inet probe {
	counter marked { }
	counter plain { }
	chain out {
		type filter hook output priority 100
		oifname "rs" tcp dport 80 meta mark 77 counter name marked accept
		oifname "rs" tcp dport 80 counter name plain
	}
}
E`)
	t.Cleanup(func() { netnstest.Shell(t, "nft delete table inet probe") })
	count := func(name string) bool {
		return !strings.Contains(netnstest.Shell(t, "nft list counter inet probe "+name), "packets 0 ")
	}
	inEveryMode(t, func(t *testing.T, mode string, ip addresses) {
		for _, mark := range []int{0, 77} {
			t.Run(strconv.Itoa(mark), func(t *testing.T) {
				netnstest.Shell(t, "nft reset counters >/dev/null")
				w := led(t, intercept.Nft, web(mode, "", fmt.Sprintf("max_idle = 0\nmark = %d", mark)))
				c := n.httpClient(t, at(ip.client, 0), at(ip.server, 80))
				if res, body := c.get("/"); res.StatusCode != 200 {
					t.Errorf("%s, %s", res.Status, body)
				}
				_ = c.Close()
				w.lines()
				if marked, plain := count("marked"), count("plain"); marked != (mark != 0) || plain != (mark == 0) {
					t.Errorf("mark = %d: packets with the mark of 77: %v, without: %v", mark, marked, plain)
				}
			})
		}
	})
}
