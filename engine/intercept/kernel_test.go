package intercept

import (
	"os"
	"strings"
	"testing"

	"weir/configs"
	"weir/engine/netnstest"
)

func TestMain(m *testing.M) { netnstest.ReExec(m) }

// both is a plan with a rule of every kind, for both families.
var both = read("testdata/everything.toml")

func read(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	return string(text)
}

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
			if !strings.Contains(printed, "tproxy") {
				t.Error(printed)
			}
		})
	}
}
