package intercept

import (
	"os"
	"os/exec"
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

// What fails is not hidden by what comes after it, and ends the script before anything
// is led anywhere.
func TestScriptFails(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	for _, tool := range []Tool{Nft, Iptables} {
		t.Run(string(tool), func(t *testing.T) {
			netnstest.Enter(t)
			netnstest.Shell(t, "ip link set lo down")
			if out, err := piped(planOf(t, both), tool); err == nil || !strings.Contains(out, "device is not up") {
				t.Errorf("%v: %s", err, out)
			}
			if after := ours(t); strings.Contains(after, "WEIR") || strings.Contains(after, "table inet weir") {
				t.Error(after)
			}
		})
	}
}

// What there is nothing of need not be removed: a machine may be without IPv6, and
// without the programs for it.
func TestScriptRemovesWhatItCan(t *testing.T) {
	netnstest.Require(t, "ip", "nft", "iptables", "ip6tables")
	for _, tool := range []Tool{Nft, Iptables} {
		t.Run(string(tool), func(t *testing.T) {
			netnstest.Enter(t)
			brokenTool(t, "ip6tables-save")
			brokenTool(t, "ip6tables-restore")
			p := planOf(t, strings.Replace(redirected, `"redirect"`, `"tproxy"`, 1))
			if out, err := piped(p, tool); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			if list := ours(t); !strings.Contains(list, "0x7") {
				t.Error(list)
			}
		})
	}
}

// piped runs the script as a user does, by a shell that is told nothing else.
func piped(p *Plan, tool Tool) (string, error) {
	sh := exec.Command("sh")
	sh.Stdin = strings.NewReader(Script(p, tool))
	out, err := sh.CombinedOutput()
	return string(out), err
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
