package transparent

import (
	"fmt"
	"strings"
	"testing"

	"weir/configs"
	"weir/engine/intercept"
)

// web is a file with one listener for HTTP, at port 80 of any destination. edge and
// original are further lines of the listener's table and of the cluster's.
func web(mode, edge, original string) string {
	return fmt.Sprintf(`
[engine]
loops = 1
[log]
level = "debug"
[listeners.web]
address = ":15001"
transparent = %q
intercept = { interfaces = ["rc"], ports = ["80"] }
%s
[[routes]]
cluster = "original"
[clusters.original]
discovery = "original_dst"
%s
`, mode, edge, original)
}

// raw is web for any bytes, at port 7000.
func raw(mode, original string) string {
	return strings.NewReplacer(`["80"]`, `["7000"]`, "[[routes]]\ncluster = \"original\"\n", "").
		Replace(web(mode, "protocol = \"tcp\"\ncluster = \"original\"", original))
}

// inEveryMode runs check for both modes and families, with nft.
func inEveryMode(t *testing.T, check func(t *testing.T, mode string, ip addresses)) {
	for _, mode := range []string{"tproxy", "redirect"} {
		t.Run(mode, func(t *testing.T) {
			inEveryFamily(t, func(t *testing.T, ip addresses) { check(t, mode, ip) })
		})
	}
}

func inEveryFamily(t *testing.T, check func(t *testing.T, ip addresses)) {
	for _, f := range []configs.Family{configs.IPv4, configs.IPv6} {
		t.Run(fmt.Sprintf("v%d", f), func(t *testing.T) { check(t, families[f]) })
	}
}

// tools make the same rules.
var tools = []intercept.Tool{intercept.Nft, intercept.Iptables}
