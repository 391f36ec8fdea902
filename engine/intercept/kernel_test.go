package intercept

import (
	"os"
	"strings"
	"testing"

	"weir/configs"
	"weir/engine/netnstest"
)

func TestMain(m *testing.M) { netnstest.ReExec(m) }

// both is a plan with a rule of every kind.
const both = `
[listeners.dual]
address = "[::]:15001"
transparent = "tproxy"
[listeners.dual.intercept]
interfaces = ["rc", "rd"]
ports = ["80", "8000-8099"]
to = ["10.0.0.0/8", "10.128.0.0/9", "192.0.2.1", "fd00::/8", "2001:db8::/33", "0.0.0.0/0"]
except = ["10.0.0.7", "fd00::7"]
[listeners.here]
address = "127.0.0.1:15002"
transparent = "tproxy"
intercept = { local = true, ports = ["81"] }
[listeners.here-too]
address = "[::]:15003"
transparent = "redirect"
intercept = { local = true, interfaces = ["rc"], ports = ["82"] }
[listeners.one]
address = "10.77.1.1:15004"
transparent = "redirect"
intercept = { interfaces = ["rc"], ports = ["83"], except = ["10.0.0.7"] }
[listeners.one-six]
address = "[fd77:1::1]:15005"
transparent = "redirect"
intercept = { interfaces = ["rc"], ports = ["84"], local = true, to = ["fd77::/16"] }
[listeners.six]
address = "[fd77:1::1]:15006"
transparent = "tproxy"
intercept = { interfaces = ["rc"], ports = ["85"] }
[[routes]]
cluster = "app"
[clusters.app]
endpoints = ["127.0.0.1:9001"]
source = "client_ip"
mark = 2
`

func planOf(t *testing.T, text string) *Plan {
	t.Helper()
	cfg, err := configs.Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return NewPlan(cfg)
}

// kernel is all that may be changed, as its own tools show it.
func kernel(t *testing.T) string {
	t.Helper()
	return netnstest.Shell(t, `
nft list ruleset
for f in -4 -6; do ip $f rule; ip $f route show table all; done`)
}

func up(t *testing.T, p *Plan, tool Tool) []Change {
	t.Helper()
	done, err := Up(p, tool)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func down(t *testing.T) []Change {
	t.Helper()
	done, err := Down()
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestUpAndDown(t *testing.T) {
	netnstest.Require(t, "ip", "nft")
	netnstest.Enter(t)
	before := kernel(t)
	p := planOf(t, both)
	up(t, p, Nft)
	first := kernel(t)
	if first == before {
		t.Fatal("nothing was made")
	}
	for _, change := range up(t, p, Nft) {
		if change.Verb != "kept" {
			t.Errorf("up twice: %v", change)
		}
	}
	if again := kernel(t); again != first {
		t.Errorf("up twice: %s\nwant %s", again, first)
	}
	down(t)
	if after := kernel(t); after != before {
		t.Errorf("after down: %s\nwant %s", after, before)
	}
	if done := down(t); len(done) > 0 {
		t.Errorf("down twice: %v", done)
	}
}

func TestScriptIsUp(t *testing.T) {
	netnstest.Require(t, "ip", "nft")
	for _, tool := range []Tool{Nft} {
		t.Run(string(tool), func(t *testing.T) {
			netnstest.Enter(t)
			p := planOf(t, both)
			netnstest.Shell(t, Script(p, tool))
			printed := kernel(t)
			for _, change := range up(t, p, tool) {
				if change.Verb != "kept" {
					t.Errorf("after the script: %v", change)
				}
			}
			down(t)
			up(t, p, tool)
			if made := kernel(t); made != printed {
				t.Errorf("up: %s\nthe script: %s", made, printed)
			}
			if os.Getenv("SHOW") != "" {
				t.Log(printed)
			}
			if !strings.Contains(printed, "tproxy") {
				t.Error(printed)
			}
		})
	}
}
