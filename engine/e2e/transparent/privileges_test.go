package transparent

import (
	"strings"
	"testing"

	"weir/engine"
	"weir/engine/e2e/probe"
	"weir/engine/netnstest"
)

// Without the capabilities weir does not start, says what it lacks, and has bound
// nothing.
func TestCapabilitiesAreMissing(t *testing.T) {
	netnstest.Require(t)
	for _, tt := range []struct{ name, text, names string }{
		{"tproxy", web("tproxy", "", ""), `listener "web": transparent = "tproxy"`},
		{"source", web("redirect", "", `source = "client_ip"`), `cluster "original": source = "client_ip"`},
		{"source with port", web("redirect", "", `source = "client_ip_port"`), `cluster "original": source = "client_ip_port"`},
		{"mark", web("redirect", "", `mark = 2`), `cluster "original": mark = 2`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := parse(t, tt.text)
			before := openFDs(t)
			netnstest.Unprivileged(t, func() {
				_, err := engine.New(cfg, engine.Options{Stdout: &probe.Buffer{}, Stderr: &probe.Buffer{}})
				if err == nil {
					t.Fatal("weir has started")
				}
				for _, part := range []string{tt.names, "CAP_NET_ADMIN", "CAP_NET_RAW"} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%q is missing in: %v", part, err)
					}
				}
			})
			if after := openFDs(t); after > before {
				t.Errorf("%d descriptors, were %d", after, before)
			}
			l := listen(t, "15001")
			_ = l.Close()
		})
	}
	t.Run("not needed", func(t *testing.T) {
		cfg := parse(t, web("redirect", "", ""))
		netnstest.Unprivileged(t, func() { startConfig(t, cfg) })
	})
}
